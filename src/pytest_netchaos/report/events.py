"""What happened on the links, in lines: each fault and what it hit, each heal and who came back after it. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from .words import count_of, length

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..history import Connection, Dial, FaultSpan, History, Outage
    from .facts import Facts

Kind: TypeAlias = Literal[
    "fault", "heal", "refused dial", "unanswered dial", "connection", "close", "note", "subscriber"
]

#: Connections, and waits, that are named one by one.
_NAMED = 3


class Event(NamedTuple):
    """A line of the story."""

    at: float
    text: str
    kind: Kind
    #: What goes first where there is no room for all: 0 before 1, and so on.
    rank: int
    #: How many happenings it sums up.
    weight: int = 1


class _Tale:
    """The history of one link, ready to be asked."""

    def __init__(self, history: History, where: str) -> None:
        self.history = history
        #: Which link; empty where there is only one.
        self.where = where
        self.dialled = [dial.at for dial in history.dials]
        self.opened = [connection.opened_at for connection in history.connections]
        self.by_number = {connection.number: connection for connection in history.connections}
        #: Which connection ended with which kind of fault: the line of the fault says so.
        self.hit_by = {(number, span.fault.kind) for span in history.faults for number in span.hits}
        #: The connections that the line of a heal has named as those that came after it.
        self.told_back: set[int] = set()

    def dials_between(self, start: float, end: float) -> Sequence[Dial]:
        return self.history.dials[bisect_left(self.dialled, start) : bisect_right(self.dialled, end)]

    def first_after(self, at: float) -> Connection | None:
        """Return the first connection that was made then or later, and not in vain."""
        in_vain = {dial.connection for dial in self.history.dials if dial.in_vain}
        later = self.history.connections[bisect_left(self.opened, at) :]
        return next((connection for connection in later if connection.number not in in_vain), None)

    def open_at(self, start: float, end: float) -> list[Connection]:
        """Return the connections that were open at some time of a stretch."""
        before = self.history.connections[: bisect_right(self.opened, end)]
        return [connection for connection in before if connection.closed_at is None or connection.closed_at >= start]


def events_of(facts: Facts) -> list[Event]:
    """Write everything down, in order of time."""
    told = [Event(note.at, f"note: {note.text}", "note", 2) for note in facts.all_notes]
    several = len(facts.links) > 1
    for link in facts.links:
        tale = _Tale(link.history, f"{link.name}: " if several else "")
        told += [event._replace(text=tale.where + event.text) for event in _of_link(tale)]
    for ledger in facts.ledgers:
        told += [
            Event(at, f"{subscriber or 'the subscriber'} connected", "subscriber", 5)
            for at, subscriber, _ in ledger.record.connects
        ]
    return sorted(told, key=lambda event: event.at)


def chosen(events: Sequence[Event], first_fault: float | None, room: int) -> tuple[list[Event], str]:
    """Keep what matters most, in order of time; say in words how much of what that leaves out."""
    if len(events) <= room:
        return [*events], ""
    around = events[0].at if first_fault is None else first_fault
    by_weight = sorted(range(len(events)), key=lambda place: (events[place].rank, abs(events[place].at - around)))
    keep = set(by_weight[: max(room - 1, 0)])
    left_out: Counter[str] = Counter()
    for place, event in enumerate(events):
        if place not in keep:
            left_out[event.kind] += event.weight
    counts = ", ".join(count_of(count, kind) for kind, count in left_out.most_common())
    return [events[place] for place in sorted(keep)], f"… not told: {counts}"


def _of_link(tale: _Tale) -> Iterator[Event]:
    spans = sorted(tale.history.faults, key=lambda span: span.started_at)
    for place, span in enumerate(spans):
        is_outer = place in (0, len(spans) - 1)
        is_vain = _hit_nothing(tale, span)
        rank = 0 if place == 0 or is_vain else 1 if is_outer else 3
        yield Event(span.started_at, _struck(tale, span, is_vain=is_vain), "fault", rank)
        if span.healed_at is not None and not span.fault.instant:
            yield Event(span.healed_at, _healed(tale, span), "heal", rank)
    yield from _refusals(tale)
    yield from _connections(tale)


def _hit_nothing(tale: _Tale, span: FaultSpan) -> bool:
    """Whether a fault met no connection and saw no dial while it was in force."""
    end = _end(tale, span)
    if tale.history.dials.blind and span.fault.kind in ("cut", "refuse"):
        return False  # somebody may have dialled, unseen
    is_free = span.fault.kind == "refuse" or not (span.hits or tale.open_at(span.started_at, end))
    return is_free and not tale.dials_between(span.started_at, end)


def _end(tale: _Tale, span: FaultSpan) -> float:
    return tale.history.now if span.healed_at is None else span.healed_at


def _struck(tale: _Tale, span: FaultSpan, *, is_vain: bool) -> str:
    cycle = f", cycle {span.cycle}" if span.cycle > 1 else ""
    still = "" if span.healed_at is not None else f", still in force after {length(tale.history.now - span.started_at)}"
    fault = f"{span.fault}{cycle}"
    if is_vain:
        nobody = "nobody dialled" if span.fault.kind == "refuse" else "no connection was open, nobody dialled"
        return f"{fault} hit no traffic: {nobody}{still}"
    return f"{fault} {_hits(tale, span)}{still}{_came_back(tale, span) if span.fault.instant else ''}"


def _hits(tale: _Tale, span: FaultSpan) -> str:
    if span.fault.kind == "refuse":
        return "in force: live connections go on"
    if not span.hits:
        count = len(tale.open_at(span.started_at, span.started_at))
        return f"hit none of the {count} open connections" if count else "found no connection open"
    met = [tale.by_number[number] for number in span.hits if number in tale.by_number]
    lost = sum(c.lost_up + c.lost_down for c in met if c.close_reason in ("", span.fault.kind))
    return f"hit {_named(span.hits)}{f' ({lost:,} bytes lost)' if lost else ''}"


def _named(numbers: Sequence[int]) -> str:
    named = ", ".join(f"conn#{number}" for number in numbers[:_NAMED])
    return named if len(numbers) <= _NAMED else f"{named} and {len(numbers) - _NAMED:,} more"


def _healed(tale: _Tale, span: FaultSpan) -> str:
    lasted = length(_end(tale, span) - span.started_at)
    return f"heal of {span.fault}, after {lasted}{_came_back(tale, span) if span.breaks else ''}"


def _came_back(tale: _Tale, span: FaultSpan) -> str:
    """Say who came back, once the outage that this fault is part of was over."""
    outage = next((o for o in tale.history.outages if _covers(o, span)), None)
    if outage is None or outage.healed_at is None or outage.healed_at != span.healed_at:
        return ""
    return f": {_return(tale, outage.healed_at)}"


def _covers(outage: Outage, span: FaultSpan) -> bool:
    return outage.started_at <= span.started_at and (outage.healed_at is None or span.started_at <= outage.healed_at)


def _return(tale: _Tale, healed_at: float) -> str:
    until = next((s.started_at for s in tale.history.outages if s.started_at > healed_at), tale.history.now)
    back = tale.first_after(healed_at)
    if back is not None and back.opened_at <= until:
        tale.told_back.add(back.number)
        return f"reconnected {length(back.opened_at - healed_at)} later, as conn#{back.number}"
    alive = [c.number for c in tale.open_at(healed_at, healed_at) if c.opened_at <= healed_at and _lives(c, healed_at)]
    if alive:
        return f"{_named(alive)} stayed open"
    dials = len(tale.dials_between(healed_at, until))
    waited = length(until - healed_at)
    if not dials:
        return f"nobody dialled in the {waited} after it"
    return f"nobody was served in the {waited} after it, of {count_of(dials, 'dial')}"


def _lives(connection: Connection, at: float) -> bool:
    return connection.closed_at is None or connection.closed_at > at


def _marks(tale: _Tale) -> list[float]:
    """Return when faults struck and healed: things that happened between the same two of them can be summed up."""
    spans = tale.history.faults
    return sorted([*(s.started_at for s in spans), *(s.healed_at for s in spans if s.healed_at is not None)])


def _refusals(tale: _Tale) -> Iterator[Event]:
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


def _connections(tale: _Tale) -> Iterator[Event]:
    """Tell of connections, but for what the lines of faults and heals have told; sum up those that went alike."""
    marks = _marks(tale)
    opened = [connection for connection in tale.history.connections if connection.number not in tale.told_back]
    for _, alike in groupby(opened, key=lambda c: (bisect_right(marks, c.opened_at), _was_in_vain(tale, c))):
        yield _opening(tale, [*alike])
    closed = [c for c in tale.history.connections if c.closed_at is not None and not _end_is_told(tale, c)]
    closed.sort(key=_closed_at)
    for _, alike in groupby(closed, key=lambda c: (bisect_right(marks, _closed_at(c)), _by(c), c.close_how)):
        yield _closing([*alike])


def _was_in_vain(tale: _Tale, connection: Connection) -> bool:
    dials = tale.history.dials
    return 1 <= connection.dial <= len(dials) and dials[connection.dial - 1].in_vain


def _end_is_told(tale: _Tale, connection: Connection) -> bool:
    return connection.closed_by == "link" or (connection.number, connection.close_reason) in tale.hit_by


def _closed_at(connection: Connection) -> float:
    assert connection.closed_at is not None, "only what has ended is asked for"
    return connection.closed_at


def _opening(tale: _Tale, alike: Sequence[Connection]) -> Event:
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
    return _named([connection.number for connection in alike])


def _until(first: float, last: float, count: int) -> str:
    return f" within {length(last - first)}" if count > 1 else ""


def _by(connection: Connection) -> str:
    return connection.close_reason or "a fault" if connection.closed_by == "fault" else f"the {connection.closed_by}"
