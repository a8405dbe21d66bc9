"""Compare what arrived with what was sent, for each message and subscriber. Pure, and linear in the record.

With *A* the attempts to send an id, *K* those that were acknowledged and *D* its deliveries to a subscriber, all
counted with multiplicity:

============  ========================================================================================
lost          K − D
unexpected    D, of an id that isn't in A
duplicated    D − A, of an id that is
recovered     delivered although nobody could tell whether it was accepted: (D ∩ A) − K, but for phantoms
phantom       delivered although it was definitely not accepted: what is left of (D ∩ A) without those
unseen        sent, perhaps accepted, and not delivered yet: lost, or of unclear outcome
out of order  delivered after a later message of the same sender; duplicates aside
skipped       lost, and between two messages of the same sender that were delivered
misdated      sent or delivered after the record was taken, or delivered before it was sent
============  ========================================================================================
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .attribution import Attribution, Blame, disjoint
from .clocks import Misdated, misdated
from .index import SendIndex, index
from .mistyped import Mistyped, mistyped
from .ordering import Disorder, Skip, disorders, skips

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from ..history import Outage
    from ..ledger import Delivery, DeliveryRecord, Send

__all__ = ["Anomaly", "Audit", "Disorder", "Lost", "Misdated", "SentAgain", "Skip", "Unseen", "audit"]


class Lost(NamedTuple):
    """A send that was acknowledged and didn't arrive at one subscriber."""

    send: Send
    subscriber: str
    blame: Blame


class Unseen(NamedTuple):
    """A send that one subscriber hasn't got, acknowledged or of unclear outcome: it may be on its way."""

    send: Send
    subscriber: str


class SentAgain(NamedTuple):
    """An id that was acknowledged more often than one subscriber got it, which got it all the same: a slip, perhaps."""

    id: Hashable
    subscriber: str
    attempts: int
    accepted: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Deliveries of one id to one subscriber that its sends don't account for."""

    id: Hashable
    subscriber: str
    #: How many of the deliveries are out of line.
    count: int
    #: How many deliveries there were.
    delivered: int


@dataclass(slots=True)
class Audit:
    """What is wrong with a `DeliveryRecord`, by kind. Made by `audit`."""

    #: Sends, and deliveries to all subscribers together.
    sent: int
    received: int
    #: Those of the record, and in one made by hand those that it forgot.
    subscribers: tuple[str, ...]
    #: Without overlaps; what the numbers in a `Blame` count.
    outages: tuple[Outage, ...]
    #: When the first message was sent; 0 where none was.
    began_at: float
    lost: list[Lost] = field(default_factory=list)
    duplicated: list[Anomaly] = field(default_factory=list)
    unexpected: list[Anomaly] = field(default_factory=list)
    recovered: list[Anomaly] = field(default_factory=list)
    phantom: list[Anomaly] = field(default_factory=list)
    out_of_order: list[Disorder] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    misdated: list[Misdated] = field(default_factory=list)
    #: Of what was lost: the ids that did arrive, and were sent more often.
    sent_again: list[SentAgain] = field(default_factory=list)
    #: Of what was unexpected: an id that differs from one that was sent only in its type.
    mistyped: Mistyped | None = None

    def count(self, kind: str) -> int:
        """Count messages in one kind of anomaly (``"lost"``, ``"out of order"``, …), with multiplicity."""
        return sum(map(_messages, getattr(self, kind.replace(" ", "_"))))


def _messages(item: object) -> int:
    if isinstance(item, Anomaly):
        return item.count
    return len(item.sends) if isinstance(item, Skip) else 1


def audit(record: DeliveryRecord) -> Audit:
    """Find everything that is wrong with ``record``. A million sends and deliveries take a few seconds."""
    outages = disjoint(record.outages)
    began_at = record.sends[0].at if record.sends else 0.0
    received = _by_subscriber(record)
    found = Audit(len(record.sends), len(record.deliveries), tuple(received), outages, began_at)
    sent = index(record.sends)
    found.misdated = misdated(record, sent)
    why: Attribution | None = None
    for subscriber, got in received.items():
        counts = Counter([delivery.id for delivery in got])
        _audit_deliveries(found, sent, counts, subscriber)
        found.out_of_order += disorders(sent, got, counts, subscriber)
        lost, unseen = sent.absent(counts)
        found.unseen += [Unseen(record.sends[at], subscriber) for at in unseen]
        if lost:
            why = why or Attribution(record.sends, outages)
            blames = zip(lost, why.blames(lost, got), strict=True)
            found.lost += [Lost(record.sends[at], subscriber, blame) for at, blame in blames]
            found.skipped += skips(sent, lost, counts, subscriber)
            found.sent_again += _sent_again(sent, counts, subscriber)
    if found.unexpected:
        found.mistyped = mistyped(sent.first, found.unexpected[0].id)
    return found


def _by_subscriber(record: DeliveryRecord) -> Mapping[str, Sequence[Delivery]]:
    deliveries: dict[str, list[Delivery]] = {subscriber: [] for subscriber in record.subscribers}
    for delivery in record.deliveries:
        deliveries.setdefault(delivery.subscriber, []).append(delivery)
    return deliveries


def _audit_deliveries(found: Audit, sent: SendIndex, counts: Mapping[Hashable, int], subscriber: str) -> None:
    for id_, delivered in counts.items():
        if (position := sent.first.get(id_)) is None:
            found.unexpected.append(Anomaly(id_, subscriber, delivered, delivered))
            continue
        if delivered == 1 and sent.sends[position].outcome == "ok" and id_ not in sent.repeated:
            continue  # as it should be; of a million messages, nearly all
        attempts, accepted, unclear = sent.tally(id_)
        # What was delivered and not acknowledged is put down to the unclear sends first, and then to the failed ones.
        surplus = min(delivered, attempts) - accepted
        for anomalies, count in (
            (found.duplicated, delivered - attempts),
            (found.recovered, min(surplus, unclear)),
            (found.phantom, surplus - unclear),
        ):
            if count > 0:
                anomalies.append(Anomaly(id_, subscriber, count, delivered))


def _sent_again(sent: SendIndex, counts: Mapping[Hashable, int], subscriber: str) -> list[SentAgain]:
    return [
        SentAgain(id_, subscriber, tally.attempts, tally.accepted, counts[id_])
        for id_, tally in sent.tallies.items()
        if 0 < counts.get(id_, 0) < tally.accepted
    ]
