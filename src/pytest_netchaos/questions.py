"""What `eventually` asks, how often, and what it says when the time is up. Never sleeps."""

from __future__ import annotations

import inspect
import linecache
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from .errors import WaitTimeout, hide_own_errors
from .faults import check_duration
from .matchers.base import Matcher
from .spelling import spelled

__tracebackhide__ = hide_own_errors

T = TypeVar("T")

#: Seconds between two questions, and the share of the wait so far that they grow with.
_SHORTEST, _LONGEST, _SHARE = 0.001, 0.05, 0.1
#: Seconds that the last question may take for its answer, although the time is up.
_LAST_ANSWER = 0.1
#: Lines that an error shows of what a condition has said. With the other two they are pytest's 8.
_SHOWN = 6
#: Characters that an error shows of a value, or of a line of source.
_WIDTH = 100

#: Exceptions that mean "not yet", besides AssertionError.
Ignored = type[Exception] | tuple[type[Exception], ...]


class Questions(Generic[T]):
    """What is asked, until when, and what was said last. Asks nothing by itself."""

    def __init__(
        self, condition: Callable[[], T] | Matcher[Any], within: float, of: object, ignoring: Ignored, message: str
    ) -> None:
        check_duration("within", within)
        _check_ignoring(ignoring)
        self.ask = _judging(condition, of) if isinstance(condition, Matcher) else _checked(condition, of)
        self._what = message or _name(condition, of)
        self._place = "" if isinstance(condition, Matcher) else _place(condition)
        self._within = within
        self._not_yet: tuple[type[Exception], ...] = (AssertionError, *_tuple(ignoring))
        #: What it answered last. Written only when it is shown: a value may be long, and is asked for each time.
        self._said: Callable[[], list[str]] = list
        self._asked = 0
        self._began = time.monotonic()
        self._is_over = False

    def asking(self) -> Self:
        """Count a question; a ``with`` block of what is returned is its answer, also where that is an exception."""
        self._is_over = time.monotonic() >= self._began + self._within
        self._asked += 1
        return self

    def __enter__(self) -> None:
        """Hear the answer."""

    # No generator with `contextmanager`: on Python 3.12 an exception that passes through one keeps itself alive.
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Take an exception that means "not yet" for the answer."""
        if isinstance(error, self._not_yet) and not isinstance(error, WaitTimeout):
            self._said = _raised(error)
            return True
        return False

    def returned(self, value: object) -> None:
        """Take a value that isn't true for the answer."""
        self._said = partial(_returned, value)

    def pause(self) -> float:
        """Return how long to wait before the next question.

        Raises:
            WaitTimeout: That was the last one.
        """
        if self._is_over:
            raise self._timed_out(self._said()) from None
        waited = time.monotonic() - self._began
        return max(0.0, min(max(waited * _SHARE, _SHORTEST), _LONGEST, self._within - waited))

    def patience(self) -> float:
        """Return how long to wait for an answer."""
        return max(self._began + self._within - time.monotonic(), _LAST_ANSWER)

    def unanswered(self) -> WaitTimeout:
        """Return the error for a question that was still open when the time was up."""
        said = self._said()
        before = [f"before that, {said[0]}", *said[1:]] if said else []
        return self._timed_out(["it had not answered when the time was up, and was cancelled", *before])

    def _timed_out(self, said: list[str]) -> WaitTimeout:
        times = "once" if self._asked == 1 else f"{self._asked} times"
        lines = [f"waited {self._within:g} s for {self._what}, and asked {times}", self._place, *said[:_SHOWN]]
        return WaitTimeout("\n".join(filter(None, lines)))


def _judging(matcher: Matcher[Any], of: object) -> Callable[[], Any]:
    if of is None:
        raise TypeError(f"{matcher!r} has nothing to judge: eventually({matcher!r}, of=ledger)")

    def judge() -> bool:
        if lines := matcher.explain(of):
            raise _Unmatched("\n".join(lines))
        return True

    if matcher.snapshot(of) is None:
        raise TypeError(matcher.explain(of)[0])
    return judge


class _Unmatched(AssertionError):
    """What a matcher has to say, which needs no name of an exception and no place before it."""


def _checked(condition: object, of: object) -> Callable[[], Any]:
    if not callable(condition):
        raise TypeError(
            f"condition must be a function without arguments, such as `lambda: len(received) == 3`, not {condition!r}: "
            "what is compared before the call is compared once"
        )
    if of is not None:
        raise TypeError(f"of={of!r} is for matchers, such as exactly_once(): {_name(condition, None)} is none")
    return condition


def _tuple(ignoring: Ignored) -> tuple[type[Exception], ...]:
    return ignoring if isinstance(ignoring, tuple) else (ignoring,)


def _check_ignoring(ignoring: Ignored) -> None:
    for kind in _tuple(ignoring):
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"ignoring must be a class of exceptions, or a tuple of some, not {ignoring!r}")


def _name(condition: object, of: object) -> str:
    if isinstance(condition, Matcher):
        return f"{condition!r} of {_short(of)}"
    name = getattr(condition, "__name__", "")
    return "a condition" if name == "<lambda>" else name or _short(condition)


def _place(condition: object) -> str:
    """Return the line at which a function begins: for a lambda, all that there is of it."""
    code = getattr(inspect.unwrap(cast("Callable[..., Any]", condition)), "__code__", None)
    return _line(code.co_filename, code.co_firstlineno) if isinstance(code, CodeType) else ""


def _line(filename: str, number: int) -> str:
    source = linecache.getline(filename, number).strip()
    source = source if len(source) <= _WIDTH else f"{source[: _WIDTH - 1]}…"
    return f"  {Path(filename).name}:{number}{': ' if source else ''}{source}"


def _returned(value: object) -> list[str]:
    hint = ": a function of asserts has to end with `return True`" if value is None else ""
    return [f"it returned {_short(value)} last{hint}"]


def _raised(error: Exception) -> Callable[[], list[str]]:
    """Say what a condition has raised, and for one of several asserts, which."""
    text = spelled(error, str)
    if isinstance(error, _Unmatched):
        return text.splitlines
    # Not the error itself: it would keep everything alive that its frames know.
    return partial(_raising, type(error).__name__, text, _where(error) if isinstance(error, AssertionError) else None)


def _raising(kind: str, text: str, where: tuple[str, int] | None) -> list[str]:
    first, *rest = text.splitlines() or [""]
    said = [f"it raised {kind}{': ' if first else ''}{first} last", *rest[: _SHOWN - 2]]
    return said if where is None else [*said, _line(*where)]


def _where(error: Exception) -> tuple[str, int]:
    """Return the file and the line that raised. Of a traceback alone: `inspect` would read the source each time."""
    trace = cast("TracebackType", error.__traceback__)
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno


def _short(value: object) -> str:
    text = spelled(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
