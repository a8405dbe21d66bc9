"""Did the client come back, and soon enough? `reconnected`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..faults import check_duration
from ..history import FaultSpan, Outage
from ..stretch import Stretch, check_moment, end_of, name_of, start_of
from .dial_log import HistoryMatcher, Start, given_start, outcome_of, when

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..history import Connection, Dial, History

#: Dials that a failure shows, before the heal and after it. With the other lines they make pytest's 8.
_SHOWN_BEFORE, _SHOWN_AFTER = 2, 2


@dataclass(frozen=True, eq=False, repr=False)
class reconnected(HistoryMatcher):  # noqa: N801 - the class is the call that a test writes
    """A client dialled again after the fault, and was served within ``within`` seconds of the confirmed heal.

    What counts is a *new* connection: one that opened after the heal of the last outage, or in the outage if it
    outlived it and lost no byte (a client that gave up a stalled connection early). A connection that stayed open
    through the outage is no reconnect. A reset or a close heals at once, so it is counted from itself.

    Compared with a link, it waits for its time to be up; in a coroutine, use `check_async`.

    Raises:
        TypeError: An argument isn't a number, nor ``after`` a fault or an outage.
        ValueError: It's out of range.
    """

    #: Seconds, above 0.
    within: float
    #: Count from the heal of this fault or outage, or from this monotonic time: for a server that was restarted, say.
    after: float | Stretch | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_duration("within", self.within, above=True)
        if self.after is not None:
            check_moment("after", self.after)

    def deadline_of_snapshot(self, snapshot: History) -> float | None:
        """Wait from the heal on, or from when the fault is to end by itself; before that, nothing is due."""
        start = self._start(snapshot)
        if isinstance(start, Start):
            return start.at + self.within
        until = self._until(snapshot)
        return None if until is None else until + self.within

    def late_of_snapshot(self, snapshot: History) -> tuple[float, float] | None:
        """From the heal until it came back, or was to."""
        start = self._start(snapshot)
        if isinstance(start, str):
            return None
        came_back = _came_back(snapshot, start)
        return start.at, min(snapshot.now, start.at + self.within) if came_back is None else came_back

    def explain_snapshot(self, snapshot: History) -> list[str]:
        """Show the dials around the heal."""
        start = self._start(snapshot)
        if isinstance(start, str):
            return [f"{start}: {self!r}"]
        came_back = _came_back(snapshot, start)
        if came_back is not None and came_back - start.at <= self.within:
            return []
        return [
            self._verdict(snapshot, start, came_back),
            *_stayed_open(snapshot, start),
            *_window(snapshot, start),
            *([snapshot.dials.blind] if snapshot.dials.blind else []),
        ]

    def _start(self, history: History) -> Start | str:
        """Return what to count from, or why there's nothing to count from."""
        if isinstance(self.after, int | float):
            return given_start(self.after)
        if self.after is None and not history.outages:
            return f"no fault has healed on link {history.link!r}: nothing to reconnect after"
        outage = history.outages[-1] if self.after is None else self.after
        healed_at = _end_in(history, outage)
        if healed_at is None:
            where = f" on link {history.link!r}" if self.after is None else ""
            lasted = history.now - outage.started_at
            return f"the {name_of(outage)}{where} is still in force after {lasted:.3f}s: heal it first"
        instant = healed_at == outage.started_at
        return Start(healed_at, f"the {name_of(outage)}" if instant else "the heal", outage)

    def _until(self, history: History) -> float | None:
        """Return when what is still in force is to end by itself, where that is known."""
        if self.after is None:
            return history.outages[-1].until if history.outages else None
        begin = start_of(self.after)
        return next((span.until for span in history.faults if span.started_at == begin), None)

    def _verdict(self, history: History, start: Start, came_back: float | None) -> str:
        if came_back is not None:
            took = came_back - start.at
            return f"link {history.link!r} reconnected {took:.3f}s after {start.name}, too late: {self!r}"
        waited = min(history.now - start.at, self.within)
        return f"link {history.link!r} did not reconnect in the {waited:.3f}s after {start.name}: {self!r}"


def _end_in(history: History, outage: Stretch) -> float | None:
    """Return when it was over, also where ``outage`` is a value from a time when it was not."""
    if isinstance(outage, FaultSpan | Outage) and outage.healed_at is None:
        known: tuple[FaultSpan | Outage, ...] = (*history.faults, *history.outages)
        outage = next((o for o in known if type(o) is type(outage) and o.started_at == outage.started_at), outage)
    return end_of(outage)


def _came_back(history: History, start: Start) -> float | None:
    return min((max(c.opened_at, start.at) for c in _new_connections(history, start)), default=None)


def _new_connections(history: History, start: Start) -> Iterable[Connection]:
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


def _stayed_open(history: History, start: Start) -> list[str]:
    if start.outage is None:
        return []
    begin = start.outage.started_at
    kept = [c for c in history.connections if c.opened_at < begin and (c.closed_at is None or c.closed_at > start.at)]
    if not kept:
        return []
    others = f" (and {len(kept) - 1} more)" if len(kept) > 1 else ""
    return [
        f"connection {kept[0].number}{others} stayed open through the {name_of(start.outage)}: nothing to reconnect"
    ]


def _window(history: History, start: Start) -> list[str]:
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


def _line(dial: Dial, start: Start) -> str:
    return f"  {when(dial, start)}  {outcome_of(dial)}"
