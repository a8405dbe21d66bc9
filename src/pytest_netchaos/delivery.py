"""Compare what arrived with what was sent, for each message and subscriber. Pure, and linear in the record.

With *A* the attempts to send an id, *K* those that were acknowledged and *D* its deliveries to a subscriber, all
counted with multiplicity:

============  ========================================================================================
lost          K − D
unexpected    D, of an id that isn't in A
duplicated    D − A, of an id that is
recovered     delivered although nobody could tell whether it was accepted: (D ∩ A) − K, but for phantoms
phantom       delivered although it was definitely not accepted: what is left of (D ∩ A) without those
out of order  delivered after a later message of the same sender; duplicates aside
============  ========================================================================================
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .attribution import Attribution, Blame, disjoint, stretches

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from .history import Outage
    from .ledger import Delivery, DeliveryRecord, Send


class Lost(NamedTuple):
    """A send that was acknowledged and didn't arrive at one subscriber."""

    send: Send
    subscriber: str
    blame: Blame


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Deliveries of one id to one subscriber that its sends don't account for."""

    id: Hashable
    subscriber: str
    #: How many of the deliveries are out of line.
    count: int
    #: How many deliveries there were.
    delivered: int


class Disorder(NamedTuple):
    """A delivery that came after one that was sent later."""

    id: Hashable
    subscriber: str
    #: The id that was sent later and came first.
    after: Hashable


@dataclass(slots=True)
class Audit:
    """What is wrong with a `DeliveryRecord`, by kind. Made by `audit`."""

    #: Sends, and deliveries to all subscribers together.
    sent: int
    received: int
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

    def count(self, kind: str) -> int:
        """Count anomalies of one kind (``"lost"``, ``"out of order"``, …), with multiplicity."""
        found = getattr(self, kind.replace(" ", "_"))
        return sum(item.count if isinstance(item, Anomaly) else 1 for item in found)


@dataclass(frozen=True, slots=True)
class _Sent:
    """All sends, by id. A list for each id and no more, since there may be a million of them."""

    sends: Sequence[Send]
    #: In order of time, as positions among the sends.
    positions: Mapping[Hashable, list[int]]
    accepted: Mapping[Hashable, int]
    unclear: Mapping[Hashable, int]
    #: Ids that more than one sender sent.
    shared: set[Hashable]


def audit(record: DeliveryRecord) -> Audit:
    """Find everything that is wrong with ``record``. A million sends and deliveries take a few seconds."""
    outages = disjoint(record.outages)
    began_at = record.sends[0].at if record.sends else 0.0
    found = Audit(len(record.sends), len(record.deliveries), record.subscribers, outages, began_at)
    sent = _by_id(record.sends)
    places = stretches(record.sends, outages)
    for subscriber, got in _by_subscriber(record).items():
        counts = Counter(delivery.id for delivery in got)
        _audit_deliveries(found, sent, counts, subscriber)
        found.out_of_order += _disorders(sent, got, counts)
        if missing := _missing(sent, counts):
            why = Attribution(record.sends, got, outages, places)
            found.lost += [Lost(record.sends[at], subscriber, why.blame(at)) for at in missing]
    return found


def _by_id(sends: Sequence[Send]) -> _Sent:
    positions: dict[Hashable, list[int]] = {}
    shared: set[Hashable] = set()
    for position, send in enumerate(sends):
        if (known := positions.get(send.id)) is None:
            positions[send.id] = [position]
            continue
        known.append(position)
        if sends[known[0]].sender != send.sender:
            shared.add(send.id)
    accepted = Counter(send.id for send in sends if send.outcome == "ok")
    unclear = Counter(send.id for send in sends if send.outcome == "info")
    return _Sent(sends, positions, accepted, unclear, shared)


def _by_subscriber(record: DeliveryRecord) -> dict[str, list[Delivery]]:
    deliveries: dict[str, list[Delivery]] = {subscriber: [] for subscriber in record.subscribers}
    for delivery in record.deliveries:
        deliveries.setdefault(delivery.subscriber, []).append(delivery)
    return deliveries


def _missing(sent: _Sent, counts: Mapping[Hashable, int]) -> list[int]:
    """Return the positions of lost sends: of an id that was accepted more often than it arrived, the last ones."""
    missing: list[int] = []
    for id_, accepted in sent.accepted.items():
        got = counts.get(id_, 0)
        if got < accepted:
            missing += [at for at in sent.positions[id_] if sent.sends[at].outcome == "ok"][got:]
    return sorted(missing)


def _audit_deliveries(found: Audit, sent: _Sent, counts: Mapping[Hashable, int], subscriber: str) -> None:
    for id_, delivered in counts.items():
        attempts = len(sent.positions.get(id_, ()))
        if not attempts:
            found.unexpected.append(Anomaly(id_, subscriber, delivered, delivered))
            continue
        # What was delivered and not acknowledged is put down to the unclear sends first, and then to the failed ones.
        surplus = min(delivered, attempts) - sent.accepted.get(id_, 0)
        unclear = sent.unclear.get(id_, 0)
        for anomalies, count in (
            (found.duplicated, delivered - attempts),
            (found.recovered, min(surplus, unclear)),
            (found.phantom, surplus - unclear),
        ):
            if count > 0:
                anomalies.append(Anomaly(id_, subscriber, count, delivered))


def _disorders(sent: _Sent, deliveries: Iterable[Delivery], counts: Mapping[Hashable, int]) -> Iterable[Disorder]:
    """Find deliveries that came too late in their sender's order.

    An id that was sent more than once may stand for any of its sends, as long as each delivery stands for another one:
    it gets the benefit of the doubt. So does an id that several senders sent: it has no place in any one's order.
    """
    ahead: dict[str, int] = {}
    turns: dict[Hashable, int] = {}
    for id_, _, subscriber in deliveries:
        positions = sent.positions.get(id_)
        if positions is None or id_ in sent.shared:
            continue
        sender = sent.sends[positions[0]].sender
        turn = turns.get(id_, 0)
        turns[id_] = turn + 1
        if turn >= len(positions):
            continue  # A duplicate, and reported as that: it says nothing about the order.
        # Each later delivery of this id needs a send of its own, so the last ones are spoken for.
        choices = len(positions) - (min(counts[id_], len(positions)) - turn - 1)
        choice = bisect_right(positions, ahead.get(sender, -1), turn, choices)
        if choice < choices:
            ahead[sender] = positions[choice]
        else:
            yield Disorder(id_, subscriber, sent.sends[ahead[sender]].id)
