"""What all matchers have in common: ``==``, the wait for a verdict that isn't final yet, and the explanation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from ..history import Dials, History
from ..lags.lateness import explaining
from ..stretch import name_of
from ..waiting import in_event_loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field

S = TypeVar("S")

#: What pytest shows of an explanation unless it is told otherwise.
_MOST_LINES, _MOST_CHARACTERS = 8, 640
#: Arguments that may be monotonic times.
_MOMENTS = ("since", "after")


@runtime_checkable
class Live(Protocol):
    """Something whose history goes on while it is judged: a link."""

    def history(self) -> History:
        """Return what has been seen until now."""
        ...

    def wait_history(self, enough: Callable[[History], bool], until: float) -> History:
        """Block until ``enough`` is true of the history, or the monotonic time ``until``; return the last history."""
        ...

    async def wait_history_async(self, enough: Callable[[History], bool], until: float) -> History:
        """Do the same without blocking the event loop."""
        ...


class Matcher(ABC, Generic[S]):
    """A statement about what a client did, compared with ``==``. Stateless: one can be used again and again.

    A subclass is a frozen dataclass (``eq=False, repr=False``) that bears the name of the call that makes it. It judges
    a snapshot ``S``: pure, without a socket or a clock.
    """

    #: What can be judged, with its article: ``"a ledger"``.
    judges: ClassVar[str]
    #: What the dataclass decorator writes down.
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @abstractmethod
    def snapshot(self, actual: object) -> S | None:
        """Return what to judge of ``actual``, or ``None`` for a type that this matcher doesn't judge."""

    @abstractmethod
    def explain_snapshot(self, snapshot: S) -> list[str]:
        """Say what is wrong, the verdict first, in lines for a terminal. Empty: nothing."""

    def deadline_of_snapshot(self, snapshot: S) -> float | None:  # noqa: ARG002 - for those that override it
        """Return the monotonic time until which a failure can still turn into a pass; ``None``: it's final."""
        return None

    def late_of_snapshot(self, snapshot: S) -> tuple[float, float] | None:  # noqa: ARG002 - for those that override it
        """Return from when to when a failing client took too long, or still does; ``None``: that isn't the failure.

        Where the test's own process stood still meanwhile, that may be the cause.
        """
        return None

    def explain(self, actual: object) -> list[str]:
        """Say what is wrong with ``actual`` as it is now, the verdict first. Empty: it matches."""
        snapshot = self.snapshot(actual)
        if snapshot is None:
            return [f"{self!r} judges {self.judges}, not {type(actual).__name__!r}"]
        return self.explain_snapshot(snapshot)

    def deadline(self, actual: object) -> float | None:
        """Return the monotonic time until which a failing verdict can still turn into a pass; ``None``: it's final."""
        snapshot = self.snapshot(actual)
        return None if snapshot is None else self.deadline_of_snapshot(snapshot)

    def pending(self, history: History) -> float | None:
        """Return until when it's worth waiting for a pass; ``None`` if it passes already or is final."""
        until = self.deadline(history)
        return until if until is not None and history.now < until and self.explain(history) else None

    def __eq__(self, other: object) -> bool:
        """Judge ``other``. A live link is waited for, unless that would block an event loop.

        Two matchers are equal if they make the same statement.
        """
        if isinstance(other, Matcher):
            return type(self) is type(other) and _arguments(self) == _arguments(other)
        snapshot = self.snapshot(_settled(self, other))
        return NotImplemented if snapshot is None else not self.explain_snapshot(snapshot)

    def __hash__(self) -> int:
        """Hash the statement."""
        return hash((type(self), *_arguments(self)))

    def __repr__(self) -> str:
        """Write the call that makes this matcher, without the arguments that have their defaults."""
        said = [
            f"{name.name}={_spelled(name.name, getattr(self, name.name))}"
            for name in fields(self)
            if name.default is MISSING or getattr(self, name.name) != name.default
        ]
        return f"{type(self).__name__}({', '.join(said)})"


def check(actual: object, matcher: Matcher[Any]) -> None:
    """Assert ``actual == matcher``, with the whole explanation: for code that pytest doesn't rewrite.

    Raises:
        AssertionError: It doesn't match.
        TypeError: ``matcher`` is none.
    """
    __tracebackhide__ = True
    _check_matcher(matcher)
    _verdict(_settled(matcher, actual), actual, matcher)


async def check_async(actual: object, matcher: Matcher[Any]) -> None:
    """Do what `check` does in a coroutine: wait for the verdict while the event loop, and the client on it, go on.

    Raises:
        AssertionError: It doesn't match.
        TypeError: ``matcher`` is none.
    """
    __tracebackhide__ = True
    _check_matcher(matcher)
    _verdict(await _settled_async(matcher, actual), actual, matcher)


def assertrepr(op: str, left: object, right: object) -> list[str] | None:
    """Explain a failed comparison to pytest (``pytest_assertrepr_compare``); ``None`` where there's no matcher.

    The verdict comes first, and the essential part within the 8 lines and 640 characters that pytest shows.
    """
    for side, other in ((left, right), (right, left)):
        if op == "==" and isinstance(side, type) and issubclass(side, Matcher) and not isinstance(other, type):
            return [_uncalled(side)]
    matcher, actual = (left, right) if isinstance(left, Matcher) else (right, left)
    if not isinstance(matcher, Matcher) or isinstance(actual, Matcher) or op not in {"==", "!="}:
        return None
    if op == "!=":
        return [f"{matcher!r} holds, and should not"]
    return _explanation(actual, actual, matcher)


def _check_matcher(matcher: object) -> None:
    if isinstance(matcher, type) and issubclass(matcher, Matcher):
        raise TypeError(_uncalled(matcher))
    if not isinstance(matcher, Matcher):
        raise TypeError(f"matcher must be a matcher, such as reconnected(within=1.0), not {matcher!r}")


def _uncalled(matcher: type[Matcher[Any]]) -> str:
    return f"{matcher.__name__} is not called: nothing equals it; write {matcher.__name__}(…)"


def _settled(matcher: Matcher[Any], actual: object) -> object:
    """Return ``actual``, or for a live link its history at the time when the verdict on it is final."""
    if not isinstance(actual, Live):
        return actual
    history = actual.history()
    if in_event_loop():
        return history
    until = matcher.pending(history)
    while until is not None:
        history = actual.wait_history(_enough(matcher, until), until)
        until = _moved(matcher.pending(history), until)
    return history


async def _settled_async(matcher: Matcher[Any], actual: object) -> object:
    if not isinstance(actual, Live):
        return actual
    history = actual.history()
    until = matcher.pending(history)
    while until is not None:
        history = await actual.wait_history_async(_enough(matcher, until), until)
        until = _moved(matcher.pending(history), until)
    return history


def _enough(matcher: Matcher[Any], until: float) -> Callable[[History], bool]:
    """Return the condition that ends a wait: it passes, or another fault has moved the deadline."""
    return lambda history: matcher.deadline(history) != until or not matcher.explain(history)


def _moved(until: float | None, waited_for: float) -> float | None:
    """Return the next time to wait for, if something has moved it: a fault, or its heal."""
    return until if until != waited_for else None


def _verdict(judged: object, actual: object, matcher: Matcher[Any]) -> None:
    __tracebackhide__ = True
    if matcher.snapshot(judged) is None or matcher.explain(judged):
        raise AssertionError("\n".join(_explanation(judged, actual, matcher)))


def _explanation(judged: object, actual: object, matcher: Matcher[Any]) -> list[str]:
    history = judged.history() if isinstance(judged, Live) else judged
    lines = matcher.explain(history)
    if not lines:
        return [f"{matcher!r} holds by now, and did not when it was compared", *_hint(matcher)]
    if isinstance(actual, Live) and isinstance(history, History) and in_event_loop():
        lines = [*lines, *_too_early(history, matcher)]
    return _with_room(lines, _lags(history, matcher))


def _lags(history: object, matcher: Matcher[Any]) -> list[str]:
    """Say that the process, or its event loop, stood still, if that may have made it late."""
    if not isinstance(history, History | Dials) or not history.lags:
        return []
    late = matcher.late_of_snapshot(matcher.snapshot(history))
    return [] if late is None else explaining(history, *late)


def _with_room(lines: list[str], further: list[str]) -> list[str]:
    """Add lines where pytest shows them: an explanation that it cuts loses more than they are worth."""
    longer = [*lines, *further]
    return longer if len(longer) <= _MOST_LINES and sum(map(len, longer)) <= _MOST_CHARACTERS else lines


def _too_early(history: History, matcher: Matcher[Any]) -> list[str]:
    until = matcher.pending(history)
    if until is None:
        return []
    early = (
        f"judged {until - history.now:.3f}s before its time was up: to wait would stop the event loop of this thread"
    )
    return [early, *_hint(matcher)]


def _hint(matcher: Matcher[Any]) -> list[str]:
    return [f"use `await check_async(link, {matcher!r})`"] if in_event_loop() else []


def _spelled(name: str, value: object) -> str:
    """Write an argument; of a fault only its name, for the rest fills a line, and a time to the millisecond."""
    if name in _MOMENTS and isinstance(value, float):
        return repr(round(value, 3))
    # Asked of the class, since an injection's own attributes ask the engine.
    return f"<{name_of(value)}>" if hasattr(type(value), "started_at") else repr(value)


def _arguments(matcher: Matcher[Any]) -> tuple[object, ...]:
    return tuple(getattr(matcher, name.name) for name in fields(matcher))
