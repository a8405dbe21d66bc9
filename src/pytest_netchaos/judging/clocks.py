"""Times in a record that can't be: somebody used another clock. Pure, and linear.

All times are to be those of ``time.monotonic()``, which is one clock for all processes of a machine. Nothing is written
down before it happens, and nothing arrives before it was sent; a record in which it did proves nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from ..ledger import DeliveryRecord
    from .index import SendIndex

#: Seconds, 116 days: a time that is further away was not taken from the clock of the links.
FAR = 1e7

_by_time = attrgetter("at")


class Misdated(NamedTuple):
    """A time that can't be."""

    id: Hashable
    #: ``"sent"`` or ``"delivered"``.
    what: Literal["sent", "delivered"]
    #: Who got it, of a delivery; who sent it, of a send.
    who: str
    #: Seconds by which it lies in the future, or by which a delivery lies before the first send of its id.
    by: float
    #: Whether it lies in the future.
    future: bool


def misdated(record: DeliveryRecord, sent: SendIndex) -> list[Misdated]:
    """Find the sends and deliveries that were written down for a time that can't be, in the order of that time."""
    return [*_future_sends(record), *_future_deliveries(record), *_early(record, sent)]


def _future_sends(record: DeliveryRecord) -> Iterator[Misdated]:
    for id_, at, _, sender in record.sends[bisect_right(record.sends, record.now, key=_by_time) :]:
        yield Misdated(id_, "sent", sender, at - record.now, future=True)


def _future_deliveries(record: DeliveryRecord) -> Iterator[Misdated]:
    for id_, at, subscriber in record.deliveries[bisect_right(record.deliveries, record.now, key=_by_time) :]:
        yield Misdated(id_, "delivered", subscriber, at - record.now, future=True)


def _early(record: DeliveryRecord, sent: SendIndex) -> Iterable[Misdated]:
    sends, first = sent.sends, sent.first
    return [
        Misdated(id_, "delivered", subscriber, sends[position].at - at, future=False)
        for id_, at, subscriber in record.deliveries
        if (position := first.get(id_)) is not None and at < sends[position].at
    ]
