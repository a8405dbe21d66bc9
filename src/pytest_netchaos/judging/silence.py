"""Who never went on after a reconnect: messages were due, and none came. Pure, and linear in the record.

What a subscriber lost at the end, after it had gone on, is no silence: that isn't a matter of resuming.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from .resumption import Order, Reconnect, reconnects

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ..ledger import DeliveryRecord


class Silence(NamedTuple):
    """A sender of whom one subscriber had got something, and from some reconnect on got nothing, though it was due."""

    subscriber: str
    #: The first reconnect after which nothing came; 1 for the subscriber's first.
    number: int
    reconnect: Reconnect
    sender: str
    #: The id of the latest message that had arrived.
    last: Hashable
    #: What was acknowledged and sent after that one. In order of sending.
    due: tuple[Hashable, ...]


class _Heard(NamedTuple):
    """When something of a sender last arrived, and the place and the id of the latest message that did."""

    at: float
    place: int
    id: Hashable


def silences(record: DeliveryRecord) -> list[Silence]:
    """Find them; none while the network is broken, when nothing has to arrive.

    An id that was sent more than once is passed over, as in `pytest_netchaos.judging.resumption`.
    """
    if any(outage.healed_at is None for outage in record.outages):
        return []
    order = Order(record.sends)
    heard = _heard(record, order)
    found = []
    for subscriber, moments in reconnects(record).items():
        times = [moment.at for moment in moments]
        for sender, last in heard.get(subscriber, {}).items():
            since = bisect_right(times, last.at)
            due = order.between(sender, last.place, len(record.sends)) if since < len(moments) else ()
            if due:
                found.append(Silence(subscriber, since + 1, moments[since], sender, last.id, due))
    return found


def _heard(record: DeliveryRecord, order: Order) -> dict[str, dict[str, _Heard]]:
    """Return what each subscriber heard of each sender."""
    heard: dict[str, dict[str, _Heard]] = {}
    for id_, at, subscriber in record.deliveries:
        if (found := order.places.get(id_)) is not None:
            sender, place = found
            senders = heard.setdefault(subscriber, {})
            before = senders.get(sender)
            if before is None or place > before.place:
                senders[sender] = _Heard(at, place, id_)
            else:
                senders[sender] = before._replace(at=at)
    return heard
