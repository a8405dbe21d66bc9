"""Who dialled, was refused, connected and left, in words; what went alike is summed up. Pure."""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from typing import TYPE_CHECKING

from .event import Event
from .words import connections_named, length

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..history import Connection, Dial
    from .tale import Tale

#: Waits that are named one by one.
_NAMED = 3


def _marks(tale: Tale) -> list[float]:
    """Return when faults struck and healed: things that happened between the same two of them can be summed up."""
    spans = tale.history.faults
    return sorted([*(s.started_at for s in spans), *(s.healed_at for s in spans if s.healed_at is not None)])


def refusals(tale: Tale) -> Iterator[Event]:
    """Sum up the refused dials between two things that happened to the link."""
    marks = sorted([*tale.opened, *_marks(tale)])
    rank = 2  # of the first of them; they are much alike
    refused = [dial for dial in tale.history.dials if dial.outcome == "refused"]
    for (_, reason), dials in groupby(refused, key=lambda dial: (bisect_right(marks, dial.at), dial.reason)):
        yield _refusal([*dials], reason, rank)
        rank = 4
    pending = [dial for dial in tale.history.dials if dial.outcome == "pending"]
    if pending:
        which = f"dial {pending[0].number}" if len(pending) == 1 else f"{len(pending):,} dials"
        yield Event(pending[0].at, f"{which} had no answer until the end", "unanswered dial", 2, len(pending))


def _refusal(dials: Sequence[Dial], reason: str, rank: int) -> Event:
    waits = [dial.waited for dial in dials if dial.waited is not None]
    after = ", ".join(length(wait) for wait in waits[:_NAMED])
    waited = f", after waiting {after}{' …' if len(waits) > _NAMED else ''}" if waits else ""
    why = f": {reason}" if reason else ""
    which = f"dial {dials[0].number}" if len(dials) == 1 else f"dials {dials[0].number} to {dials[-1].number}"
    return Event(dials[0].at, f"{which} refused{why}{waited}", "refused dial", rank, len(dials))


def connections(tale: Tale) -> Iterator[Event]:
    """Tell of connections, but for what the lines of faults and heals have told; sum up those that went alike."""
    marks = _marks(tale)
    opened = [connection for connection in tale.history.connections if connection.number not in tale.told_back]
    for _, alike in groupby(opened, key=lambda c: (bisect_right(marks, c.opened_at), _was_in_vain(tale, c))):
        yield _opening(tale, [*alike])
    closed = [c for c in tale.history.connections if c.closed_at is not None and not _end_is_told(tale, c)]
    closed.sort(key=_closed_at)
    for _, alike in groupby(closed, key=lambda c: (bisect_right(marks, _closed_at(c)), _by(c), c.close_how)):
        yield _closing([*alike])


def _was_in_vain(tale: Tale, connection: Connection) -> bool:
    dial = tale.dial_of(connection)
    return dial is not None and dial.in_vain


def _end_is_told(tale: Tale, connection: Connection) -> bool:
    return connection.closed_by == "link" or (connection.number, connection.close_reason) in tale.hit_by


def _closed_at(connection: Connection) -> float:
    assert connection.closed_at is not None, "only what has ended is asked for"
    return connection.closed_at


def _opening(tale: Tale, alike: Sequence[Connection]) -> Event:
    vain = ", in vain: the client was gone" if _was_in_vain(tale, alike[0]) else ""
    rank = 2 if vain else 4 if alike[0].number == 1 else 5
    until = _until(alike[0].opened_at, alike[-1].opened_at, len(alike))
    return Event(alike[0].opened_at, f"{_row(alike)} opened{until}{vain}", "connection", rank, len(alike))


def _closing(alike: Sequence[Connection]) -> Event:
    up, down = sum(c.bytes_up for c in alike), sum(c.bytes_down for c in alike)
    lost = sum(c.lost_up + c.lost_down for c in alike)
    carried = f"{up:,} bytes up, {down:,} down{f', {lost:,} lost' if lost else ''}"
    first = _closed_at(alike[0])
    until = _until(first, _closed_at(alike[-1]), len(alike))
    text = f"{_row(alike)} ended by {_by(alike[0])} with {alike[0].close_how}{until} ({carried})"
    return Event(first, text, "close", 3, len(alike))


def _row(alike: Sequence[Connection]) -> str:
    return connections_named([connection.number for connection in alike])


def _until(first: float, last: float, count: int) -> str:
    return f" within {length(last - first)}" if count > 1 else ""


def _by(connection: Connection) -> str:
    return connection.close_reason or "a fault" if connection.closed_by == "fault" else f"the {connection.closed_by}"
