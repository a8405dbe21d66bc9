"""Stand in front of a method of one object, see its calls, and leave without a trace."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, TypeAlias

from .arguments import Arguments, parameter_order

Finish: TypeAlias = Callable[[Any, BaseException | None], None]
"""Called with what a call returned, or with the exception that it raised."""

Before: TypeAlias = Callable[[Arguments], Finish | None]
"""Called before a call; returns what is called after it, if anything."""


#: Where a wrapper keeps what put it there.
_WATCH = "__netchaos_watch__"


def watched(
    original: Callable[..., Any], before: Before, *, is_async: bool, overridden: Sequence[Callable[..., Any]] = ()
) -> Callable[..., Any]:
    """Return a function that does what ``original`` does, and tells of each call.

    Args:
        original: The function, which gets the same arguments. What it returns or raises is passed on as it is; a
            coroutine or a future that it returns has to end before its call has.
        before: Called before each call.
        is_async: Whether the wrapper has to be a coroutine function.
        overridden: The methods that it overrides, the nearest first: they know what it gets as ``*args``.
    """
    order = parameter_order(original, *overridden)
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
            _finish_with(result, finish)
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
        _finish_with(result, finish)
        return result

    return call


async def _awaited(coroutine: Awaitable[Any], finish: Finish) -> Any:  # noqa: ANN401 - the original's
    try:
        result = await coroutine
    except BaseException as error:
        finish(None, error)
        raise
    _finish_with(result, finish)
    return result


def _finish_with(result: Any, finish: Finish) -> None:  # noqa: ANN401 - the original's
    """End a call with its result; where that is a future, once it is done."""
    if not isinstance(result, Future) and not hasattr(type(result), "_asyncio_future_blocking"):  # asyncio.isfuture()
        finish(result, None)
    elif result.done():
        _finish_future(finish, result)
    else:
        result.add_done_callback(functools.partial(_finish_future, finish))


def _finish_future(finish: Finish, future: Any) -> None:  # noqa: ANN401 - of asyncio, or of concurrent.futures
    if future.cancelled():
        finish(None, CancelledError())
        return
    # Not exception(): asyncio would take it for retrieved, and no longer say that nobody did.
    error = future._exception  # noqa: SLF001 - asyncio's own repr() takes it, and both libraries have it
    finish(None if error is not None else future.result(), error)


class WatchedMethod:
    """A method that is watched: an attribute of its object hides the one of the class."""

    def __init__(self, owner: object, name: str, before: Before, *, is_async: bool, who: object = None) -> None:
        """Put a wrapper in front of a method.

        Args:
            owner: The object.
            name: Of the method.
            before: Called before each call.
            is_async: Whether the wrapper has to be a coroutine function.
            who: On whose behalf, for `watchers`.
        """
        self.is_on = True
        self.who = who
        self._owner = owner
        self._name = name
        self._before = before
        self.hidden = vars(owner).get(name)
        self.wrapper = watched(
            getattr(owner, name), self._before_if_on, is_async=is_async, overridden=_definitions(owner, name)
        )
        self.wrapper.__dict__[_WATCH] = self
        setattr(owner, name, self.wrapper)

    def remove(self) -> None:
        """Stop watching.

        The attribute goes as well, unless somebody has wrapped it once more: then this wrapper passes calls on, until
        that goes too.
        """
        self.is_on = False
        if vars(self._owner).get(self._name) is not self.wrapper:
            return
        hidden = self.hidden
        while (watch := _watch_of(hidden)) is not None and not watch.is_on:
            hidden = watch.hidden
        if hidden is None:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, hidden)

    def _before_if_on(self, arguments: Arguments) -> Finish | None:
        return self._before(arguments) if self.is_on else None


def watchers(owner: object, name: str) -> Iterator[object]:
    """Tell on whose behalf a method is watched now."""
    watch = _watch_of(vars(owner).get(name))
    while watch is not None:
        if watch.is_on:
            yield watch.who
        watch = _watch_of(watch.hidden)


def _watch_of(function: object) -> WatchedMethod | None:
    """Return what a wrapper is of; ``None`` for any other function, one that was made with `functools.wraps` too."""
    watch = getattr(function, "__dict__", {}).get(_WATCH)
    return watch if isinstance(watch, WatchedMethod) and watch.wrapper is function else None


def _definitions(owner: object, name: str) -> list[Callable[..., Any]]:
    """Return a method as each class of its object defines it, the nearest first."""
    defined = (vars(cls)[name] for cls in type(owner).__mro__ if name in vars(cls))
    return [method.__get__(owner) if hasattr(method, "__get__") else method for method in defined]


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
