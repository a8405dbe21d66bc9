"""Did the client come back, and soon enough? `reconnected`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..faults import check_duration, check_number
from ..history import Connection, History
from .base import Live, Matcher

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..history import Dial, Outage

#: Dials that a failure shows, before the heal and after it. With the other lines they make pytest's 8.
_SHOWN_BEFORE, _SHOWN_AFTER = 2, 2


class _Start(NamedTuple):
    """What a reconnect is counted from."""

    at: float
    #: ``"the heal"``, ``"the reset"``.
    name: str
    #: ``None`` where the test gave the time.
    outage: Outage | None


@dataclass(frozen=True, eq=False, repr=False)
class reconnected(Matcher[History]):  # noqa: N801 - the class is the call that a test writes
    """A client dialled again after the fault, and was served within ``within`` seconds of the confirmed heal.

    What counts is a *new* connection: one that opened after the heal of the last outage, or in the outage if it
    outlived it and lost no byte (a client that gave up a stalled connection early). A connection that stayed open
    through the outage is no reconnect. A reset or a close heals at once, so it is counted from itself.

    Compared with a link, it waits for its time to be up; in a coroutine, use `check_async`.

    Raises:
        TypeError: An argument isn't a number.
        ValueError: It's out of range.
    """

    judges = "a link, or the history of one"

    #: Seconds, above 0.
    within: float
    #: Count from this monotonic time, and not from a fault: for a server that was restarted, say.
    after: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_duration("within", self.within, above=True)
        if self.after is not None:
            check_number("after", self.after, low=-math.inf, high=math.inf)

    def snapshot(self, actual: object) -> History | None:
        """Judge histories, and what has one."""
        if isinstance(actual, Live):
            return actual.history()
        return actual if isinstance(actual, History) else None

    def deadline_of_snapshot(self, snapshot: History) -> float | None:
        """Wait from the heal on, or from when the fault is to end by itself; before that, nothing is due."""
        start = self._start(snapshot)
        if isinstance(start, _Start):
            return start.at + self.within
        until = snapshot.outages[-1].until if snapshot.outages else None
        return None if until is None else until + self.within

    def explain_snapshot(self, snapshot: History) -> list[str]:
        """Show the dials around the heal."""
        start = self._start(snapshot)
        if isinstance(start, str):
            return [f"{start}: {self!r}"]
        came_back = min((max(c.opened_at, start.at) for c in _new_connections(snapshot, start)), default=None)
        if came_back is not None and came_back - start.at <= self.within:
            return []
        return [
            self._verdict(snapshot, start, came_back),
            *_stayed_open(snapshot, start),
            *_window(snapshot, start),
            *([snapshot.dials.blind] if snapshot.dials.blind else []),
        ]

    def _start(self, history: History) -> _Start | str:
        """Return what to count from, or why there's nothing to count from."""
        if self.after is not None:
            return _Start(self.after, "the given time", None)
        if not history.outages:
            return f"no fault has healed on link {history.link!r}: nothing to reconnect after"
        outage = history.outages[-1]
        if outage.healed_at is None:
            lasted = history.now - outage.started_at
            return f"the {_kinds(outage)} on link {history.link!r} is still in force after {lasted:.3f}s: heal it first"
        instant = outage.healed_at == outage.started_at
        return _Start(outage.healed_at, f"the {_kinds(outage)}" if instant else "the heal", outage)

    def _verdict(self, history: History, start: _Start, came_back: float | None) -> str:
        if came_back is not None:
            took = came_back - start.at
            return f"link {history.link!r} reconnected {took:.3f}s after {start.name}, too late: {self!r}"
        waited = min(history.now - start.at, self.within)
        return f"link {history.link!r} did not reconnect in the {waited:.3f}s after {start.name}: {self!r}"


def _new_connections(history: History, start: _Start) -> Iterable[Connection]:
    begin = start.at if start.outage is None else start.outage.started_at
    in_vain = {dial.number for dial in history.dials if dial.in_vain}  # a stall that heals serves them all the same
    return (
        c
        for c in history.connections
        if c.dial not in in_vain and (c.opened_at >= start.at or (c.opened_at >= begin and _outlived(c, start.at)))
    )


def _outlived(connection: Connection, heal: float) -> bool:
    """Whether a connection that opened in the outage is of use after it."""
    if connection.lost_up or connection.lost_down:
        return False  # The blackhole resets it on heal, if only in a moment.
    return connection.closed_at is None or (connection.closed_at > heal and connection.closed_by != "fault")


def _stayed_open(history: History, start: _Start) -> list[str]:
    if start.outage is None:
        return []
    begin = start.outage.started_at
    kept = [c for c in history.connections if c.opened_at < begin and (c.closed_at is None or c.closed_at > start.at)]
    if not kept:
        return []
    others = f" (and {len(kept) - 1} more)" if len(kept) > 1 else ""
    return [f"connection {kept[0].number}{others} stayed open through the {_kinds(start.outage)}: nothing to reconnect"]


def _window(history: History, start: _Start) -> list[str]:
    """Show the last dials before the heal and the first ones after it."""
    if not history.dials:
        return [f"nobody has ever dialled link {history.link!r}"]
    before = [dial for dial in history.dials if dial.at < start.at]
    after = [dial for dial in history.dials if dial.at >= start.at]
    hidden = len(after) - _SHOWN_AFTER
    return [
        *(_line(dial, start) for dial in before[-_SHOWN_BEFORE:]),
        *(_line(dial, start) for dial in after[:_SHOWN_AFTER]),
        *([] if after else [f"  no dial since {start.name}"]),
        *([f"  … {hidden} more"] if hidden > 0 else []),
    ]


def _line(dial: Dial, start: _Start) -> str:
    outcome = {
        "served": f"served as connection {dial.connection}{', in vain: its client was gone' if dial.in_vain else ''}",
        "refused": f"refused: {dial.reason}" if dial.reason else "refused",
        "pending": "no answer yet",
    }[dial.outcome]
    offset = dial.at - start.at
    return f"  dial {dial.number}  {abs(offset):.3f}s {'before' if offset < 0 else 'after'} {start.name}  {outcome}"


def _kinds(outage: Outage) -> str:
    return " and ".join(outage.kinds)
