"""What each fault hit, and who came back after its heal, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .words import connections_named, count_of, length

if TYPE_CHECKING:
    from ..history import FaultSpan
    from .tale import Tale


def hit_nothing(tale: Tale, span: FaultSpan) -> bool:
    """Whether a fault met no connection and saw no dial while it was in force."""
    if tale.history.has_background:
        return False  # it may have hit those who are left out: the replicas that a failover is made of
    if tale.history.dials.blind and span.fault.kind in ("cut", "refuse"):
        return False  # somebody may have dialled, unseen
    end = _end(tale, span)
    is_free = span.fault.kind == "refuse" or not (span.hits or tale.open_in(span.started_at, end))
    return is_free and not tale.dials_between(span.started_at, end)


def struck(tale: Tale, span: FaultSpan) -> str:
    """Tell what a fault hit, and what came of it if it is over at once."""
    cycle = f", cycle {span.cycle}" if span.cycle > 1 else ""
    still = "" if span.healed_at is not None else f", still in force after {length(tale.history.now - span.started_at)}"
    if hit_nothing(tale, span):
        nobody = "nobody dialled" if span.fault.kind == "refuse" else "no connection was open, nobody dialled"
        return f"{span.fault}{cycle} hit no traffic: {nobody}{still}"
    back = _came_back(tale, span) if span.fault.instant else ""
    return f"{span.fault}{cycle} {_hits(tale, span)}{still}{back}"


def healed(tale: Tale, span: FaultSpan) -> str:
    """Tell of a heal, and of who came back after it."""
    return f"heal of {span.fault}, after {length(_end(tale, span) - span.started_at)}{_came_back(tale, span)}"


def _end(tale: Tale, span: FaultSpan) -> float:
    return tale.history.now if span.healed_at is None else span.healed_at


def _hits(tale: Tale, span: FaultSpan) -> str:
    if span.fault.kind == "refuse":
        return "in force: live connections go on"
    if not span.hits:
        count = len(tale.open_in(span.started_at, span.started_at))
        return f"hit none of {count_of(count, 'open connection')}" if count else "found no connection open"
    met = [tale.by_number[number] for number in span.hits if number in tale.by_number]
    lost = sum(c.lost_up + c.lost_down for c in met if c.close_reason in ("", span.fault.kind))
    return f"hit {connections_named(span.hits)}{f' ({lost:,} bytes lost)' if lost else ''}"


def _came_back(tale: Tale, span: FaultSpan) -> str:
    """Say who came back, once the outage that this fault is part of was over."""
    outage = tale.outage_at(span.started_at) if span.breaks else None
    if outage is None or outage.healed_at is None or outage.healed_at != span.healed_at:
        return ""
    return f": {_return(tale, outage.healed_at)}"


def _return(tale: Tale, healed_at: float) -> str:
    back = tale.back_after(healed_at)
    if back is not None:
        tale.told_back.add(back.number)
        came = "reconnected" if back.number > 1 else "first connected"
        return f"{came} {length(back.opened_at - healed_at)} later, as conn#{back.number}"
    alive = [c.number for c in tale.open_in(healed_at, healed_at) if c.closed_at is None or c.closed_at > healed_at]
    if alive:
        return f"{connections_named(alive)} stayed open"
    until = tale.next_outage(healed_at)
    dials = tale.dials_between(healed_at, until)
    waited = length(until - healed_at)
    if not dials:
        return f"nobody dialled in the {waited} after it"
    return f"nobody was served in the {waited} after it, of {count_of(dials, 'dial')}"
