"""What happened, in lines and in order: all of it, or what matters most. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..timeline import never_fired
from .coming import connections, refusals
from .event import Event
from .striking import healed, hit_nothing, struck
from .tale import Tale
from .words import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .facts import Facts

#: Seconds: what happens alike on several links so soon after one another is one line, for a test breaks them in a loop.
_TOGETHER = 0.1


def events_of(facts: Facts) -> list[Event]:
    """Write everything down, in order of time."""
    told = [Event(note.at, f"note: {note.text}", "note", 2) for note in facts.all_notes]
    several = len(facts.links) > 1
    for link in facts.links:
        where = (link.name,) if several else ()
        told += [event._replace(links=where) for event in _of_link(Tale(link.history), facts.first_fault)]
    for ledger in facts.ledgers:
        told += [
            Event(at, f"{subscriber or 'the subscriber'} connected", "subscriber", 5)
            for at, subscriber, _ in ledger.record.connects
        ]
    told.sort(key=lambda event: event.at)
    return _joined(told) if several else told


def chosen(events: Sequence[Event], first_fault: float | None, room: int) -> tuple[list[Event], str]:
    """Keep what matters most, in order of time; say in words how much of what that leaves out."""
    if len(events) <= room:
        return [*events], ""
    around = events[0].at if first_fault is None else first_fault
    by_rank = sorted(range(len(events)), key=lambda place: (events[place].rank, abs(events[place].at - around)))
    keep = {*by_rank[: max(room - 1, 0)]}
    left_out: Counter[str] = Counter()
    for place, event in enumerate(events):
        if place not in keep:
            left_out[event.kind] += event.weight
    counts = ", ".join(count_of(count, kind) for kind, count in left_out.most_common())
    return [events[place] for place in sorted(keep)], f"… not told: {counts}"


def _of_link(tale: Tale, first_fault: float | None) -> Iterator[Event]:
    spans = sorted(tale.history.faults, key=lambda span: span.started_at)
    for place, span in enumerate(spans):
        is_outer = place in (0, len(spans) - 1)
        rank = 0 if span.started_at == first_fault or hit_nothing(tale, span) else 1 if is_outer else 3
        yield Event(span.started_at, struck(tale, span), "fault", rank)
        if span.healed_at is not None and not span.fault.instant:
            yield Event(span.healed_at, healed(tale, span), "heal", rank)
    for armed in tale.history.armed:
        yield Event(armed.armed_at, never_fired(armed, tale.history), "fault", 0)
    yield from refusals(tale)
    yield from connections(tale)


def _joined(events: Iterable[Event]) -> list[Event]:
    """Make one line of what happened alike, and at about the same time, on several links."""
    joined: list[Event] = []
    places: dict[str, int] = {}
    for event in events:
        place = places.get(event.text) if event.links else None
        if place is None or event.at - joined[place].at > _TOGETHER:
            places[event.text] = len(joined)
            joined.append(event)
            continue
        first = joined[place]
        joined[place] = first._replace(
            links=first.links + event.links, rank=min(first.rank, event.rank), weight=first.weight + event.weight
        )
    return joined
