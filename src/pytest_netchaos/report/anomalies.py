"""What is wrong with the messages, in a few lines: which ones, to whom, and of the lost ones when and why. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ..delivery import Anomaly, Disorder
from .page import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..delivery import Audit, Lost
    from .facts import Facts, LedgerFacts

#: Ids, or subscribers, that are named one by one; of more, the first and the last.
_NAMED = 3
_PHASES = ("in flight", "during", "after", "before", "resumed", "no fault")
_TAGS = {"duplicated": "DUP", "unexpected": "UNSENT", "phantom": "PHANTOM", "out_of_order": "ORDER"}
_MEANINGS = {"unexpected": "delivered, and never sent", "phantom": "delivered, although its send had failed"}


def anomaly_lines(facts: Facts, zero: float, room: int) -> list[str]:
    """Write a line for each kind, the lost ones by phase; of several ledgers, each has its share of ``room``."""
    lines: list[str] = []
    wrong = [(number, ledger) for number, ledger in enumerate(facts.ledgers, 1) if _is_wrong(ledger.audit)]
    for place, (number, ledger) in enumerate(wrong):
        title = f"ledger {number}: " if len(facts.ledgers) > 1 else ""
        share = max((room - len(lines)) // (len(wrong) - place), 1)
        others = _other_lines(ledger.audit)
        lines += [title + line for line in (*_lost_lines(ledger, zero, max(share - len(others), 1)), *others)]
    return lines[:room]


def _is_wrong(found: Audit) -> bool:
    return bool(found.lost or any(getattr(found, kind) for kind in _TAGS))


def _lost_lines(ledger: LedgerFacts, zero: float, room: int) -> list[str]:
    """Write what was lost: a line for each outage and phase, in order of time, and count those that are too many."""
    groups: defaultdict[tuple[int, int], list[Lost]] = defaultdict(list)
    for lost in ledger.audit.lost:
        number = -1 if lost.blame.number is None else lost.blame.number
        groups[_PHASES.index(lost.blame.phase), number].append(lost)
    several = len(ledger.audit.subscribers) > 1
    in_order = [groups[key] for key in sorted(groups, key=lambda key: (key[1], key[0]))]
    told = in_order if len(in_order) <= room else in_order[: room - 1]
    hidden = sum(map(len, in_order[len(told) :]))
    lines = [_lost_line(group, ledger.audit, zero, several=several) for group in told]
    return [*lines, f"LOST  … {hidden:,} more, in {len(in_order) - len(told)} more phases"] if hidden else lines


def _lost_line(group: Sequence[Lost], found: Audit, zero: float, *, several: bool) -> str:
    times = [lost.send.at - zero for lost in group]
    first, last = f"{min(times):.3f}", f"{max(times):.3f}"
    when = first if first == last else f"{first} to {last}"
    to = _to([lost.subscriber for lost in group]) if several else ""
    ids = _ids([shown(id_) for id_ in dict.fromkeys(lost.send.id for lost in group)])
    return f"LOST  {ids}{to}: acknowledged, sent {when}, {_why(group[0], found, zero)}"


def _why(lost: Lost, found: Audit, zero: float) -> str:
    if lost.blame.number is None:
        return "no fault in force"
    outage = found.outages[lost.blame.number]
    kinds = " and ".join(outage.kinds)
    fault = f"the {kinds} at {outage.started_at - zero:.3f}"
    healed_at = outage.started_at if outage.healed_at is None else outage.healed_at
    heal = fault if healed_at == outage.started_at else f"the heal at {healed_at - zero:.3f}"
    return {
        "before": f"before {fault}, though a later one arrived",
        "in flight": f"in flight at {fault}",
        "during": f"during {fault}",
        "after": f"after {heal}, before anything else got through",
        "resumed": f"after {heal}, when others got through again",
    }[lost.blame.phase]


def _other_lines(found: Audit) -> list[str]:
    several = len(found.subscribers) > 1
    return [_other_line(kind, getattr(found, kind), several=several) for kind in _TAGS if getattr(found, kind)]


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
