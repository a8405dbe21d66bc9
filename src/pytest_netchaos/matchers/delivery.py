"""Did each message arrive, once, in order? `at_most_once`, `at_least_once`, `exactly_once`."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from ..delivery import Anomaly, Audit, Disorder, audit
from ..ledger import DeliveryRecord, Ledger
from .base import Matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from ..delivery import Lost

#: What pytest shows of an explanation unless it is told otherwise.
_LINES = 8
#: More groups of lost messages than this are told by phase only, not by subscriber.
_GROUPS = 4
#: Ids that are named one by one; of more, the first and the last.
_NAMED = 3
#: An id longer than this is cut short.
_ID = 24
_PHASES = ("before", "in flight", "during", "after", "resumed", "no fault")
_KINDS = ("lost", "duplicated", "unexpected", "phantom", "out of order")


@dataclass(frozen=True, eq=False, repr=False)
class _Contract(Matcher[DeliveryRecord]):
    judges: ClassVar[str] = "a ledger"
    forbidden: ClassVar[tuple[str, ...]]

    #: Whether each subscriber must get each sender's messages in the order in which they were sent.
    in_order: bool = field(default=False, kw_only=True)

    def snapshot(self, actual: object) -> DeliveryRecord | None:
        """Judge ledgers, and what was recorded of one."""
        if isinstance(actual, Ledger):
            return actual.record()
        return actual if isinstance(actual, DeliveryRecord) else None

    def explain_snapshot(self, snapshot: DeliveryRecord) -> list[str]:
        """Count the anomalies; then say of each kind which, and of the lost ones when and why."""
        if not snapshot.sends and not snapshot.deliveries:
            return [f"nothing was sent: nothing to judge: {self!r}"]
        found = audit(snapshot)
        forbidden = (*self.forbidden, "out of order") if self.in_order else self.forbidden
        wrong = [kind for kind in _KINDS if kind in forbidden and found.count(kind)]
        if wrong:
            return _explanation(found, wrong)
        if not snapshot.deliveries:
            # Nothing that arrives can't arrive twice: to call that a pass would be to call a dead network a good one.
            return [f"sent {found.sent}, received 0: nothing to judge: {self!r}"]
        return []


class at_most_once(_Contract):  # noqa: N801 - the class is the call that a test writes
    """Nothing arrived twice, or without having been sent, or although it was refused. Messages may be lost.

    With ``in_order``, what arrived did so in the order of its sender.
    """

    forbidden = ("duplicated", "unexpected", "phantom")


class at_least_once(_Contract):  # noqa: N801 - the class is the call that a test writes
    """Everything that was acknowledged arrived, at each subscriber, and nothing that wasn't sent. It may arrive twice.

    With ``in_order``, it first arrived in the order of its sender.
    """

    forbidden = ("lost", "unexpected")


class exactly_once(_Contract):  # noqa: N801 - the class is the call that a test writes
    """Everything that was acknowledged arrived once, at each subscriber's handler, and nothing else did.

    With ``in_order``, it arrived in the order of its sender. A message whose acknowledgement was lost (``"info"``) may
    arrive once or not at all.
    """

    forbidden = ("lost", "duplicated", "unexpected", "phantom")


def _explanation(found: Audit, wrong: Sequence[str]) -> list[str]:
    several = len(found.subscribers) > 1
    audience = f" to {len(found.subscribers)} subscribers" if several else ""
    counts = ", ".join(f"{found.count(kind)} {kind}" for kind in wrong)
    lost = _lost_lines(found) if "lost" in wrong else []
    others = [_other_line(found, kind, several=several) for kind in wrong if kind != "lost"]
    # One line of each kind has to be among those that pytest shows; what's left of them goes to the lost messages.
    room = _LINES - 1 - len(others)
    return [f"sent {found.sent}{audience}, received {found.received}: {counts}", *lost[:room], *others, *lost[room:]]


def _lost_lines(found: Audit) -> list[str]:
    """Return a line for each phase and subscriber, or where these are too many, for each phase."""
    several = len(found.subscribers) > 1
    order = {subscriber: place for place, subscriber in enumerate(found.subscribers)}

    def phase(lost: Lost) -> int:
        return _PHASES.index(lost.blame.phase)

    def phase_and_subscriber(lost: Lost) -> tuple[int, int]:
        return phase(lost), order[lost.subscriber]

    groups = _grouped(found.lost, phase_and_subscriber)
    if several and len(groups) > _GROUPS:
        groups = _grouped(found.lost, phase)
    return [f"  lost          {_which(group, several=several)}  {_when(group, found)}" for group in groups]


def _grouped(lost: Iterable[Lost], key: Callable[[Lost], object]) -> list[list[Lost]]:
    in_time = sorted(lost, key=lambda one: one.send.at)  # the first and the last id of a group are its bounds
    # The keys are numbers, or tuples of them; mypy has no name for that.
    return [list(group) for _, group in groupby(sorted(in_time, key=key), key=key)]  # type: ignore[arg-type]


def _which(group: Sequence[Lost], *, several: bool) -> str:
    ids = _ids(list(dict.fromkeys(lost.send.id for lost in group)), len(group))
    if not several:
        return ids
    subscribers = {lost.subscriber for lost in group}
    return f"{ids} to {len(subscribers)} subscribers" if len(subscribers) > 1 else f"{ids} to {subscribers.pop()!r}"


def _ids(ids: Sequence[Hashable], count: int) -> str:
    if len(ids) <= _NAMED:
        copies = f" ({count})" if count > len(ids) else ""
        return ", ".join(map(_short, ids)) + copies
    return f"{_short(ids[0])} … {_short(ids[-1])} ({count})"


def _short(id_: object) -> str:
    text = repr(id_)
    return text if len(text) <= _ID else f"{text[: _ID - 1]}…"


def _when(group: Sequence[Lost], found: Audit) -> str:
    """Say when the messages of one phase were sent: ``during the cut, sent 0.020..0.310s into it``."""
    numbers = sorted({lost.blame.number for lost in group if lost.blame.number is not None})
    if not numbers:
        return f"no fault in force, sent {_range([lost.send.at - found.began_at for lost in group])} after the first"
    fault, it, heal = _names(numbers, found)
    sent = f"sent {_range([lost.blame.distance for lost in group])}"
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
    kinds = {outage.kinds for outage in outages}
    instant = all(outage.started_at == outage.healed_at for outage in outages)
    if len(outages) > 1:
        faults = f"{len(outages)} {' and '.join(kinds.pop())}s" if len(kinds) == 1 else f"{len(outages)} faults"
        return faults, "them", faults if instant else f"{len(outages)} heals"
    which = f" (outage {numbers[0] + 1} of {len(found.outages)})" if len(found.outages) > 1 else ""
    fault = f"the {' and '.join(outages[0].kinds)}{which}"
    return fault, "it", fault if instant else f"the heal{which}"


def _range(seconds: Sequence[float]) -> str:
    least, most = f"{min(seconds):.3f}", f"{max(seconds):.3f}"
    return f"{least}s" if least == most else f"{least}..{most}s"


def _other_line(found: Audit, kind: str, *, several: bool) -> str:
    items = getattr(found, kind.replace(" ", "_"))
    named = ", ".join(_item(item, several=several) for item in items[:_NAMED])
    more = f" … ({len(items)})" if len(items) > _NAMED else ""
    return f"  {kind:<12}  {named}{more}"


def _item(item: Anomaly | Disorder, *, several: bool) -> str:
    to = f" to {item.subscriber!r}" if several else ""
    if isinstance(item, Disorder):
        return f"{_short(item.id)} after {_short(item.after)}{to}"
    times = f" ×{item.delivered}" if item.delivered > 1 else ""
    return f"{_short(item.id)}{times}{to}"
