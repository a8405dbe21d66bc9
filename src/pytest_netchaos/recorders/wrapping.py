"""Stand in front of a method of one object, see its calls, and leave without a trace."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from .arguments import Arguments, parameter_order

Finish: TypeAlias = Callable[[Any, BaseException | None], None]
"""Called with what a call returned, or with the exception that it raised."""

Before: TypeAlias = Callable[[Arguments], Finish | None]
"""Called before a call; returns what is called after it, if anything."""


def watched(original: Callable[..., Any], before: Before, *, is_async: bool) -> Callable[..., Any]:
    """Return a function that does what ``original`` does, and tells of each call.

    Args:
        original: The function, which gets the same arguments. What it returns or raises is passed on as it is; a
            coroutine that it returns has to end before its call has.
        before: Called before each call.
        is_async: Whether the wrapper has to be a coroutine function.
    """
    order = parameter_order(original)
    if is_async:

        @functools.wraps(original)
        async def call_async(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the original's
            arguments = Arguments(order, args, kwargs)
            finish = before(arguments)
            if finish is None:
                return await original(*arguments.positional, **arguments.named)
            try:
                result = await original(*arguments.positional, **arguments.named)
            except BaseException as error:
                finish(None, error)
                raise
            finish(result, None)
            return result

        return call_async

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the original's
        arguments = Arguments(order, args, kwargs)
        finish = before(arguments)
        if finish is None:
            return original(*arguments.positional, **arguments.named)
        try:
            result = original(*arguments.positional, **arguments.named)
        except BaseException as error:
            finish(None, error)
            raise
        if inspect.iscoroutine(result):
            return _awaited(result, finish)
        finish(result, None)
        return result

    return call


async def _awaited(coroutine: Awaitable[Any], finish: Finish) -> Any:  # noqa: ANN401 - the original's
    try:
        result = await coroutine
    except BaseException as error:
        finish(None, error)
        raise
    finish(result, None)
    return result


class WatchedMethod:
    """A method that is watched: an attribute of its object hides the one of the class."""

    def __init__(self, owner: object, name: str, before: Before, *, is_async: bool) -> None:
        """Put a wrapper in front of a method.

        Args:
            owner: The object.
            name: Of the method.
            before: Called before each call.
            is_async: Whether the wrapper has to be a coroutine function.
        """
        self._is_on = True
        self._owner = owner
        self._name = name
        self._before = before
        self._hidden = vars(owner).get(name)
        self._wrapper = watched(getattr(owner, name), self._before_if_on, is_async=is_async)
        setattr(owner, name, self._wrapper)

    def remove(self) -> None:
        """Stop watching.

        The attribute goes as well, unless somebody has wrapped it once more: then this wrapper passes calls on.
        """
        self._is_on = False
        if vars(self._owner).get(self._name) is not self._wrapper:
            return
        if self._hidden is None:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._hidden)

    def _before_if_on(self, arguments: Arguments) -> Finish | None:
        return self._before(arguments) if self._is_on else None


def require(owner: object, library: str, *names: str) -> None:
    """Refuse an object of a library's version that lacks what a recorder needs.

    Raises:
        RuntimeError: One of ``names`` is missing.
    """
    missing = [name for name in names if not hasattr(owner, name)]
    if missing:
        raise RuntimeError(
            f"{type(owner).__name__} of {library} {importlib.metadata.version(library)} has no {', '.join(missing)}: "
            "this version can't be recorded. Call ledger.sent() and ledger.delivered() yourself."
        )
