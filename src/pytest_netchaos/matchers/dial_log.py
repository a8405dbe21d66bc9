"""What the matchers of a link's dials have in common. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ..history import History
from ..stretch import name_of
from .base import Live, Matcher

if TYPE_CHECKING:
    from ..history import Connection, Dial, Dials
    from ..stretch import Stretch


class HistoryMatcher(Matcher[History]):
    """Judges all that a link saw."""

    judges: ClassVar[str] = "a link, or the history of one"

    def snapshot(self, actual: object) -> History | None:
        """Judge histories, and what has one."""
        if isinstance(actual, Live):
            return actual.history()
        return actual if isinstance(actual, History) else None


class Start(NamedTuple):
    """What a matcher counts from."""

    at: float
    #: ``"the cut began"``, ``"the given time"``: what follows "since" or "after".
    name: str
    #: What was over then, where that is what counts.
    outage: Stretch | None = None

    @property
    def then(self) -> str:
        """``"when the cut began"``, ``"at the given time"``."""
        return f"when {self.name}" if self.name.endswith(" began") else f"at {self.name}"


def given_start(value: float | Stretch) -> Start:
    """Return the given time, or the beginning of the given stretch."""
    if isinstance(value, int | float):
        return Start(value, "the given time")
    return Start(value.started_at, f"the {name_of(value)} began")


def last_fault(history: History) -> Start | None:
    """Return the beginning of the last outage; ``None`` where there was none."""
    return given_start(history.outages[-1]) if history.outages else None


def unseen(dials: Dials) -> str:
    """Say which dials may be missing, in words; empty where all are there, as far as anybody can know.

    A log with refused dials has a client that is seen, even if those of other processes would not be.
    """
    return "" if dials.refused else dials.blind


def is_return(dial: Dial) -> bool:
    """Whether a dial brought its client a connection; not if it had hung up before the server had accepted."""
    return dial.outcome == "served" and not dial.in_vain


def dial_of(history: History, connection: Connection) -> Dial:
    """Return the dial that became this connection."""
    return history.dials[connection.dial - 1]


def met_at(history: History, at: float) -> list[Connection]:
    """Return the connections that the faults which began at a time have met, or without any, those open at that time.

    A cut has ended its connections just before it is confirmed.
    """
    spans = [span for span in history.faults if span.started_at == at]
    hits = {number for span in spans for number in span.hits}
    return [c for c in history.connections if (c.number in hits if spans else _was_open(c, at))]


def _was_open(connection: Connection, at: float) -> bool:
    return connection.opened_at <= at and (connection.closed_at is None or connection.closed_at >= at)


def outcome_of(dial: Dial) -> str:
    """Say how a dial went: ``"refused: cut"``."""
    if dial.outcome == "served":
        return f"served as connection {dial.connection}{', in vain: its client was gone' if dial.in_vain else ''}"
    if dial.outcome == "refused":
        return f"refused: {dial.reason}" if dial.reason else "refused"
    return "no answer yet" if dial.ended_at is None else "no answer; its client has hung up"


def when(dial: Dial, start: Start) -> str:
    """Say which dial, and when: ``"dial 2  0.100s before the heal"``."""
    offset = dial.at - start.at
    return f"dial {dial.number}  {abs(offset):.3f}s {'before' if offset < 0 else 'after'} {start.name}"
