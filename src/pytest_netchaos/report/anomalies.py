"""What is wrong with the messages, in a few lines: which ones, to whom, and of the lost ones when and why. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ..judging.delivery import Anomaly, Disorder
from .page import shown
from .words import count_of, length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..judging.delivery import Audit, Lost, Misdated
    from .facts import Facts, LedgerFacts

#: Ids, or subscribers, that are named one by one; of more, the first and the last.
_NAMED = 3
_PHASES = ("in flight", "during", "after", "before", "resumed", "no fault")
_TAGS = {"duplicated": "DUP", "unexpected": "UNSENT", "phantom": "PHANTOM", "out_of_order": "ORDER"}
_PHASE_OF_SEVERAL = {
    "before": "before {} outages, and later ones arrived",
    "in flight": "in flight when {} outages began",
    "during": "during {} outages",
    "after": "after {} heals, before any other got through",
    "resumed": "after {} heals, when others got through again",
}
_MEANINGS = {"unexpected": "delivered, and never sent", "phantom": "delivered, although its send had failed"}


def anomaly_lines(facts: Facts, zero: float, room: int) -> list[str]:
    """Write a line for each kind, the lost ones by phase; of several ledgers, each has its share of ``room``."""
    lines: list[str] = []
    wrong = [(number, ledger) for number, ledger in enumerate(facts.ledgers, 1) if _is_wrong(ledger.audit)]
    for place, (number, ledger) in enumerate(wrong):
        title = f"ledger {number}: " if len(facts.ledgers) > 1 else ""
        share = max((room - len(lines)) // (len(wrong) - place), 1)
        others = _other_lines(ledger.audit)
        if len(ledger.judged.sends) < len(ledger.record.sends):
            lines.append(f"{title}of the {len(ledger.judged.sends):,} messages sent nearest to the first fault:")
        lines += [title + line for line in (*_lost_lines(ledger, zero, max(share - len(others), 1)), *others)]
    return lines[:room]


def _is_wrong(found: Audit) -> bool:
    return bool(found.lost or found.misdated or any(getattr(found, kind) for kind in _TAGS))


def _lost_lines(ledger: LedgerFacts, zero: float, room: int) -> list[str]:
    """Write what was lost: a line for each outage and phase; where these are too many, for each phase."""
    several = len(ledger.audit.subscribers) > 1
    lost = [one for one in ledger.audit.lost if not ledger.is_pending(one)]
    pending = [one for one in ledger.audit.lost if ledger.is_pending(one)]
    room -= bool(pending)
    groups = _grouped(lost, by_outage=True)
    if len(groups) > room:
        groups = _grouped(lost, by_outage=False)
    lines = [_lost_line(group, ledger.audit, zero, several=several) for group in groups[: max(room, 1)]]
    if pending:
        which, when = _which(pending, zero, several=several)
        lines.append(f"PENDING  {which}: {when}, and nothing later has arrived: may be on its way")
    return lines


def _grouped(lost: Sequence[Lost], *, by_outage: bool) -> list[list[Lost]]:
    groups: defaultdict[tuple[int, int], list[Lost]] = defaultdict(list)
    for one in lost:
        number = one.blame.number if by_outage and one.blame.number is not None else -1
        groups[number, _PHASES.index(one.blame.phase)].append(one)
    return [groups[key] for key in sorted(groups)]


def _lost_line(group: Sequence[Lost], found: Audit, zero: float, *, several: bool) -> str:
    which, when = _which(group, zero, several=several)
    outages = {lost.blame.number for lost in group}
    why = _why(group[0], found, zero) if len(outages) == 1 else _PHASE_OF_SEVERAL[group[0].blame.phase]
    return f"LOST  {which}: {when}, {why.format(len(outages))}"


def _which(group: Sequence[Lost], zero: float, *, several: bool) -> tuple[str, str]:
    """Say which messages, and when they were sent."""
    times = [lost.send.at - zero for lost in group]
    first, last = f"{min(times):.3f}", f"{max(times):.3f}"
    to = _to([lost.subscriber for lost in group]) if several else ""
    ids = _ids([shown(id_) for id_ in dict.fromkeys(lost.send.id for lost in group)])
    return f"{ids}{to}", f"sent {first}" if first == last else f"sent {first} to {last}"


def _why(lost: Lost, found: Audit, zero: float) -> str:
    if lost.blame.number is None:
        return "no fault in force"
    outage = found.outages[lost.blame.number]
    kinds = " and ".join(outage.kinds)
    fault, heal = f"the {kinds}", "the heal"
    if len(found.outages) > 1:
        fault += f" at {outage.started_at - zero:.3f}"
    healed_at = outage.started_at if outage.healed_at is None else outage.healed_at
    if healed_at == outage.started_at:
        heal = fault
    elif len(found.outages) > 1:
        heal += f" at {healed_at - zero:.3f}"
    return {
        "before": f"before {fault}, and a later one arrived",
        "in flight": f"in flight at {fault}",
        "during": f"during {fault}",
        "after": f"after {heal}, before any other got through",
        "resumed": f"after {heal}, when others got through again",
    }[lost.blame.phase]


def _other_lines(found: Audit) -> list[str]:
    several = len(found.subscribers) > 1
    lines = [_other_line(kind, getattr(found, kind), several=several) for kind in _TAGS if getattr(found, kind)]
    if found.mistyped is not None:
        one, other = found.mistyped.types
        pair = f"{shown(found.mistyped.sent)} ({one}) was sent, {shown(found.mistyped.arrived)} ({other}) arrived"
        lines.append(f"TYPES  {pair}: give both the same type")
    if found.misdated:
        count = count_of(len(found.misdated), "time")
        lines.append(f"CLOCK  {count} can't be: {_clock(found.misdated[0])}; at= takes seconds of time.monotonic()")
    return lines


def _clock(item: Misdated) -> str:
    if item.future:
        return f"{shown(item.id)} {item.what} {length(item.by)} after the end"
    return f"{shown(item.id)} delivered {length(item.by)} before it was sent"


def _other_line(kind: str, items: Sequence[Anomaly | Disorder], *, several: bool) -> str:
    to = _to([item.subscriber for item in items]) if several else ""
    meaning = f": {_MEANINGS[kind]}" if kind in _MEANINGS else ""
    return f"{_TAGS[kind]:<4}  {_ids([_item(item) for item in items[:_NAMED]], len(items))}{to}{meaning}"


def _item(item: Anomaly | Disorder) -> str:
    if isinstance(item, Disorder):
        return f"{shown(item.id)} came after {shown(item.after)}"
    return f"{shown(item.id)} ×{item.delivered}" if item.delivered > 1 else shown(item.id)


def _to(subscribers: Sequence[str]) -> str:
    names = [*dict.fromkeys(subscribers)]
    named = " and ".join(f"{name or 'the unnamed one'}" for name in names)
    return f" to {named}" if len(names) < _NAMED else f" to {len(names)} subscribers"


def _ids(ids: Sequence[str], count: int = 0) -> str:
    count = max(count, len(ids))
    if count <= _NAMED:
        return ", ".join(ids)
    if len(ids) < count:  # only the first ones were written
        return f"{', '.join(ids)} … ({count:,})"
    return f"{ids[0]} … {ids[-1]} ({count:,})"
