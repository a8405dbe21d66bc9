"""The lanes of messages: how many were sent and arrived in each column, and which of them went wrong. Pure."""

from __future__ import annotations

from collections import Counter
from statistics import median_low
from typing import TYPE_CHECKING

from .lanes import Lane, Picture
from .words import count_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from ..judging.delivery import Anomaly
    from .axis import Axis
    from .facts import Facts, LedgerFacts

USUAL, FEW, MANY = "|", "'", "*"
#: Shares of what is usual, from which on there are many messages in a column, and below which there are few.
_MANY, _FEW = 3, 0.5
LOST, PENDING, LATE, STRANGE, UNCLEAR, FAILED = "✗", "_", "<", "+", "?", "f"
#: More arrivals of one message than a digit can say.
_MOST_TIMES = 9


def message_lanes(facts: Facts, axis: Axis, room: int) -> Picture:
    """Draw the sends of each ledger, and its deliveries to each subscriber: those with anomalies first."""
    usual = median_low([count for times in facts.messages for count in axis.counts(times) if count] or [1])
    ledgers = facts.ledgers[: max(1, room // 2)]
    left_out = [count_of(len(facts.ledgers) - len(ledgers), "more ledger")] if len(facts.ledgers) > len(ledgers) else []
    lanes: list[Lane] = []
    for number, ledger in enumerate(ledgers, 1):
        title = f"ledger {number} " if len(facts.ledgers) > 1 else ""
        share = (room - len(lanes)) // (len(ledgers) - number + 1) - 1
        if not ledger.record.sends and not ledger.record.deliveries:
            continue
        lanes.append(_sends(ledger, axis, f"{title}sent", usual))
        chosen = _chosen(ledger, share)
        lanes += [_deliveries(ledger, axis, subscriber, title, usual) for subscriber in chosen]
        if (hidden := len(ledger.received) - len(chosen)) > 0:
            left_out.append(count_of(hidden, "more subscriber"))
    return Picture(lanes, left_out)


def _chosen(ledger: LedgerFacts, room: int) -> Sequence[str]:
    if len(ledger.received) <= room:
        return [*ledger.received]
    found = ledger.audit
    wrong = Counter(
        item.subscriber
        for kind in (found.lost, found.duplicated, found.unexpected, found.phantom, found.out_of_order)
        for item in kind
    )
    ranked = sorted(ledger.received, key=lambda subscriber: -wrong[subscriber])
    keep = {*ranked[: max(room, 0)]}
    return [subscriber for subscriber in ledger.received if subscriber in keep]


def _density(times: Sequence[float], axis: Axis, usual: int) -> list[str]:
    return [_sign(count, usual) for count in axis.counts(times)]


def _sign(count: int, usual: int) -> str:
    if not count:
        return " "
    return FEW if count < _FEW * usual else MANY if count > _MANY * usual else USUAL


def _sends(ledger: LedgerFacts, axis: Axis, label: str, usual: int) -> Lane:
    row = _density(ledger.sent, axis, usual)
    signs = {"info": UNCLEAR, "fail": FAILED}
    for send in ledger.record.sends:
        if send.outcome != "ok":
            row[axis.column(send.at)] = signs[send.outcome]
    return Lane(label, "".join(row), _meanings(usual) | {UNCLEAR: "outcome unknown", FAILED: "failed to send"})


def _deliveries(ledger: LedgerFacts, axis: Axis, subscriber: str, title: str, usual: int) -> Lane:
    row = _density(ledger.received.get(subscriber, ()), axis, usual)
    found = ledger.audit
    times = {item.id: str(min(item.delivered, _MOST_TIMES)) for item in _of(subscriber, found.duplicated)}
    strange = {item.id: STRANGE for item in (*_of(subscriber, found.unexpected), *_of(subscriber, found.phantom))}
    late = {item.id: LATE for item in found.out_of_order if item.subscriber == subscriber}
    marks: dict[Hashable, str] = late | strange | times
    if marks:
        for id_, at, to in ledger.record.deliveries:
            if to == subscriber and id_ in marks:
                row[axis.column(at)] = marks[id_]
    for lost in found.lost:
        if lost.subscriber == subscriber:
            row[axis.column(lost.send.at)] = PENDING if ledger.is_pending(lost) else LOST
    label = f"{title}to {subscriber}" if subscriber else f"{title}received"
    meanings = _meanings(usual) | {
        LOST: "lost (where it was sent)",
        PENDING: "not arrived yet",
        LATE: "out of order",
        STRANGE: "not to be expected",
    }
    return Lane(label, "".join(row), meanings | {digit: f"arrived {digit} times" for digit in {*times.values()}})


def _of(subscriber: str, anomalies: Iterable[Anomaly]) -> Iterable[Anomaly]:
    return (anomaly for anomaly in anomalies if anomaly.subscriber == subscriber)


def _meanings(usual: int) -> dict[str, str]:
    return {
        USUAL: f"messages (mostly {usual:,} a column)",
        FEW: "less than half as many",
        MANY: "more than three times as many",
    }
