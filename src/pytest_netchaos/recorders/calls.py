"""Record the calls of any function: for clients that have no recorder of their own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar, cast, get_args, overload

from ..ledger import Attempt, Ledger
from .arguments import Arguments
from .identity import IdRule
from .recording import Recording
from .wrapping import Before, Finish, watched

_P = ParamSpec("_P")
_R = TypeVar("_R")

As: TypeAlias = Literal["send", "delivery", "receipt"]

CallId: TypeAlias = Callable[..., Hashable] | str | int | None
"""How to get the id of a message from a call.

==========  ===============================================================
``None``    the first argument
``str``     the argument with this name
``int``     the argument at this position, from 0
a function  called with the same arguments
==========  ===============================================================

For ``as_="receipt"`` the result is the payload, and an `IdRule` applies.
"""

#: How an exception type, or several, is given to ``except``.
_Exceptions: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]


@overload
def record_calls(
    function: Callable[_P, _R],
    ledger: Ledger,
    /,
    *,
    id: CallId = None,
    as_: As = "send",
    name: str = "",
    fails: _Exceptions = (),
) -> Callable[_P, _R]: ...
@overload
def record_calls(
    ledger: Ledger, /, *, id: CallId = None, as_: As = "send", name: str = "", fails: _Exceptions = ()
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...
def record_calls(
    *function_and_ledger: Any,
    id: CallId = None,  # noqa: A002 - the word that the ledger and its matchers use
    as_: As = "send",
    name: str = "",
    fails: _Exceptions = (),
) -> Any:
    """Write down the calls of a function, a coroutine function too.

    ::

        publish = record_calls(client.publish, ledger, id="number")   # the original is as it was

        @record_calls(ledger, as_="delivery")                    # or as a decorator
        def on_tick(number): ...

    - ``as_="send"``: a call is a send. It is ok when it has returned, fail if it raises one of ``fails``, and info if
      it raises anything else. Of a coroutine, or a Future of asyncio or concurrent.futures, what counts is how that
      ends; until then it is info.
    - ``as_="delivery"``: the function is a handler. A call is a delivery, before it runs; also if it raises then.
    - ``as_="receipt"``: the function returns messages. What it returns is a delivery, except ``None``.

    A message without an id is treated as by every recorder, see `Recording`. To stop recording, call the original.

    Args:
        function_and_ledger: The function, which isn't changed, and where to write. As a decorator only the latter.
        id: How to get the id from the call, see `CallId`. Default: the first argument, or the result. Of a method that
            is decorated in its class that is ``self``: name another one.
        as_: What a call is.
        name: Sender or subscriber in the ledger.
        fails: The exceptions after which the message has definitely not been accepted.

    Returns:
        A function to call in the place of the original; as a decorator, what makes one.

    Raises:
        TypeError: An argument isn't what it has to be. A generator function can't be recorded.
        ValueError: ``as_`` is none of the three.
    """
    if len(function_and_ledger) not in {1, 2}:
        raise TypeError("record_calls() takes a function and a ledger, or as a decorator a ledger alone")
    *functions, ledger = function_and_ledger
    if not isinstance(ledger, Ledger):
        raise TypeError(
            f"ledger must be a Ledger, such as the fixture `ledger`, not {ledger!r}: record_calls(function, ledger), "
            "or as a decorator @record_calls(ledger)"
        )
    _check(as_, fails)
    if not functions:
        return functools.partial(_recorded, ledger=ledger, id_=id, as_=as_, name=name, fails=fails)
    return _recorded(*functions, ledger=ledger, id_=id, as_=as_, name=name, fails=fails)


def _check(as_: object, fails: object) -> None:
    if as_ not in get_args(As):
        raise ValueError(f"as_ must be one of {', '.join(map(repr, get_args(As)))}, not {as_!r}")
    for kind in fails if isinstance(fails, tuple) else (fails,):
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"fails must be a class of exceptions, or a tuple of some, not {fails!r}")


def _recorded(
    function: Callable[..., Any], *, ledger: Ledger, id_: CallId, as_: As, name: str, fails: _Exceptions
) -> Callable[..., Any]:
    if isinstance(function, (staticmethod, classmethod)):
        raise TypeError(f"record_calls() takes a function: put @{type(function).__name__} above it, not below")
    if not callable(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"record_calls() takes a function or a coroutine function, not {function!r}")
    what = getattr(function, "__name__", type(function).__name__)
    rule = id_ if as_ == "receipt" else _of_call(id_)
    recording = Recording(ledger, f"calls of {what}", name, rule)
    calls = _Calls(recording, fails)
    before: dict[As, Before] = {
        "send": calls.before_send,
        "delivery": calls.before_delivery,
        "receipt": calls.before_receipt,
    }
    guarded = recording.guarded(before[as_], what)
    return watched(function, guarded, is_async=inspect.iscoroutinefunction(function))


class _Calls:
    def __init__(self, recording: Recording, fails: _Exceptions) -> None:
        self._recording = recording
        self._fails = fails

    def before_send(self, arguments: Arguments) -> Finish | None:
        attempt = self._recording.attempt("a call", arguments)
        return None if attempt is None else functools.partial(self._sent, attempt)

    def before_delivery(self, arguments: Arguments) -> None:
        self._recording.delivered("a call", arguments)

    def before_receipt(self, _: Arguments) -> Finish:
        return self._received

    def _sent(self, attempt: Attempt, _: object, error: BaseException | None) -> None:
        if error is None:
            attempt.outcome = "ok"
        elif isinstance(error, self._fails):
            attempt.outcome = "fail"
        else:
            attempt.give_up()

    def _received(self, message: object, error: BaseException | None) -> None:
        if error is None and message is not None:
            self._recording.delivered("a result", message)


def _of_call(rule: CallId) -> IdRule:
    """Turn a rule for calls into one whose payload is the `Arguments`.

    Raises:
        TypeError: It is none.
    """
    if callable(rule):
        return lambda arguments: rule(*arguments.positional, **arguments.named)
    which = 0 if rule is None else rule
    if not isinstance(which, (str, int)) or isinstance(which, bool):
        raise TypeError(
            f"id must be the name of an argument, its position, or a function of the arguments, not {rule!r}"
        )
    return lambda arguments: cast("Hashable", arguments.require(which))
