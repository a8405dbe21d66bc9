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


class _Message(NamedTuple):
    """All sends of one id, by position among all sends."""

    positions: list[int]
    accepted: list[int]
    unclear: list[int]


def audit(record: DeliveryRecord) -> Audit:
    """Find everything that is wrong with ``record``. A million sends and deliveries take a few seconds."""
    outages = disjoint(record.outages)
    found = Audit(len(record.sends), len(record.deliveries), record.subscribers, outages)
    messages = _messages(record.sends)
    places = stretches(record.sends, outages)
    deliveries = _by_subscriber(record)
    for subscriber, got in deliveries.items():
        counts = Counter(delivery.id for delivery in got)
        _audit_deliveries(found, messages, counts, subscriber)
        found.out_of_order += _disorders(record.sends, messages, got, counts)
        if missing := _missing(messages, counts):
            why = Attribution(record.sends, got, outages, places)
            found.lost += [Lost(record.sends[at], subscriber, why.blame(at)) for at in missing]
    return found


def _messages(sends: Sequence[Send]) -> dict[Hashable, _Message]:
    messages: dict[Hashable, _Message] = {}
    for position, send in enumerate(sends):
        message = messages.get(send.id)
        if message is None:
            message = messages[send.id] = _Message([], [], [])
        message.positions.append(position)
        if send.outcome == "ok":
            message.accepted.append(position)
        elif send.outcome == "info":
            message.unclear.append(position)
    return messages


def _by_subscriber(record: DeliveryRecord) -> dict[str, list[Delivery]]:
    deliveries: dict[str, list[Delivery]] = {subscriber: [] for subscriber in record.subscribers}
    for delivery in record.deliveries:
        deliveries.setdefault(delivery.subscriber, []).append(delivery)
    return deliveries


def _missing(messages: Mapping[Hashable, _Message], counts: Mapping[Hashable, int]) -> list[int]:
    """Return the positions of lost sends: of an id that was sent more often than it arrived, the last ones."""
    missing: list[int] = []
    for id_, message in messages.items():
        missing += message.accepted[counts.get(id_, 0) :]
    return sorted(missing)


def _audit_deliveries(
    found: Audit, messages: Mapping[Hashable, _Message], counts: Mapping[Hashable, int], subscriber: str
) -> None:
    for id_, delivered in counts.items():
        message = messages.get(id_)
        if message is None:
            found.unexpected.append(Anomaly(id_, subscriber, delivered, delivered))
            continue
        attempts, accepted = len(message.positions), len(message.accepted)
        if delivered == accepted == attempts:
            continue
        matched = min(delivered, attempts)
        recovered = min(matched - accepted, len(message.unclear))
        phantom = matched - accepted - len(message.unclear)
        for anomalies, count in (
            (found.duplicated, delivered - attempts),
            (found.recovered, recovered),
            (found.phantom, phantom),
        ):
            if count > 0:
                anomalies.append(Anomaly(id_, subscriber, count, delivered))


def _disorders(
    sends: Sequence[Send],
    messages: Mapping[Hashable, _Message],
    deliveries: Iterable[Delivery],
    counts: Mapping[Hashable, int],
) -> Iterable[Disorder]:
    """Find deliveries that came too late in their sender's order.

    An id that was sent more than once may stand for any of its sends, as long as each delivery stands for another one:
    it gets the benefit of the doubt. So does an id that several senders sent: it has no place in any one's order.
    """
    ahead: dict[str, int] = {}
    turns: Counter[Hashable] = Counter()
    for id_, _, subscriber in deliveries:
        message = messages.get(id_)
        if message is None or (sender := _sender(sends, message.positions)) is None:
            continue
        turn, positions = turns[id_], message.positions
        turns[id_] += 1
        if turn >= len(positions):
            continue  # A duplicate, and reported as that: it says nothing about the order.
        to_come = min(counts[id_], len(positions)) - turn - 1
        choices = len(positions) - to_come
        choice = bisect_right(positions, ahead.get(sender, -1), turn, choices)
        if choice < choices:
            ahead[sender] = positions[choice]
        else:
            yield Disorder(id_, subscriber, sends[ahead[sender]].id)


def _sender(sends: Sequence[Send], positions: Sequence[int]) -> str | None:
    """Return who sent all of these, or ``None`` where it wasn't one and the same."""
    sender = sends[positions[0]].sender
    if len(positions) > 1 and any(sends[position].sender != sender for position in positions):
        return None
    return sender
