"""Lost messages in lines of text: which, to whom, and in which phase of which fault they were sent. No I/O."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from .words import between, named, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..history import Outage
    from ..judging.delivery import Audit, Lost

#: More groups of lost messages than this are told by phase only, not by subscriber.
_GROUPS = 4
_PHASES = ("before", "in flight", "during", "after", "resumed", "no fault")


def lost_lines(found: Audit, lost: Iterable[Lost]) -> list[str]:
    """Return a line for each phase and subscriber, or where these are too many, for each phase.

    Args:
        found: What the losses refer to: its outages, its subscribers.
        lost: All of its losses, or some.
    """
    several = len(found.subscribers) > 1
    order = {subscriber: place for place, subscriber in enumerate(found.subscribers)}

    def phase(one: Lost) -> int:
        return _PHASES.index(one.blame.phase)

    def phase_and_subscriber(one: Lost) -> tuple[int, int]:
        return phase(one), order[one.subscriber]

    groups = _grouped(lost, phase_and_subscriber)
    if several and len(groups) > _GROUPS:
        groups = _grouped(lost, phase)
    return [f"  lost          {_which(group, several=several)}  {_when(group, found)}" for group in groups]


def _grouped(lost: Iterable[Lost], key: Callable[[Lost], object]) -> list[list[Lost]]:
    in_time = sorted(lost, key=lambda one: one.send.at)  # the first and the last id of a group are its bounds
    # The keys are numbers, or tuples of them; mypy has no name for that.
    return [list(group) for _, group in groupby(sorted(in_time, key=key), key=key)]  # type: ignore[arg-type]


def _which(group: Sequence[Lost], *, several: bool) -> str:
    which = named(list(dict.fromkeys(lost.send.id for lost in group)), len(group))
    if not several:
        return which
    subscribers = {lost.subscriber for lost in group}
    whom = f"{len(subscribers)} subscribers" if len(subscribers) > 1 else short(subscribers.pop())
    return f"{which} to {whom}"


def _when(group: Sequence[Lost], found: Audit) -> str:
    """Say when the messages of one phase were sent: ``during the cut, sent 0.020..0.310s into it``."""
    numbers = sorted({lost.blame.number for lost in group if lost.blame.number is not None})
    if not numbers:
        since = [lost.send.at - found.began_at for lost in group]
        return f"no fault in force, sent {between(min(since), max(since))} after the first"
    fault, it, heal = _names(numbers, found)
    distances = [lost.blame.distance for lost in group]
    sent = f"sent {between(min(distances), max(distances))}"
    return {
        "before": f"before {fault} (a later one arrived), {sent} before {it}",
        "in flight": f"in flight at {fault}, {sent} before {it}",
        "during": f"during {fault}, {sent} into {it}",
        "after": f"after {heal}, {sent} after {it}",
        "resumed": f"after deliveries had resumed, {sent} after {heal}",
    }[group[0].blame.phase]


def _names(numbers: Sequence[int], found: Audit) -> tuple[str, str, str]:
    """Name these outages, the pronoun for them, and their heals."""
    outages = [found.outages[number] for number in numbers]
    instant = all(outage.started_at == outage.healed_at for outage in outages)
    faults = name_faults(outages)
    if len(outages) > 1:
        return faults, "them", faults if instant else f"{len(outages)} heals"
    which = f" (outage {numbers[0] + 1} of {len(found.outages)})" if len(found.outages) > 1 else ""
    return f"{faults}{which}", "it", f"{faults}{which}" if instant else f"the heal{which}"


def name_faults(outages: Sequence[Outage]) -> str:
    """Name some outages: ``the cut``, ``2 cuts``, ``3 faults``."""
    kinds = {" and ".join(outage.kinds) for outage in outages}
    if len(outages) == 1:
        return f"the {kinds.pop()}"
    return f"{len(outages)} {kinds.pop()}s" if len(kinds) == 1 else f"{len(outages)} faults"
