"""Did any message have to cross a fault? If none had to, a kept contract proves nothing. Pure, and linear.

A message crosses an outage if it was sent during it or after it, or arrived after it had begun, or was in flight at its
start and never arrived: sent before, not refused (``"fail"``), and nothing sent later was at that subscriber by then. A
message that was lost long before the fault hasn't met it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .ledger import DeliveryRecord
    from .stretch import Stretch


def crossed(record: DeliveryRecord, stretches: Iterable[Stretch]) -> bool:
    """Say whether a message crossed one of these stretches of time."""
    # Where nothing was sent since the first one began, whatever is in flight at a later one was so at the first.
    begin = min((stretch.started_at for stretch in stretches), default=None)
    if begin is None or not record.sends:
        return False
    return record.sends[-1].at >= begin or _in_flight(record, begin)


def _in_flight(record: DeliveryRecord, begin: float) -> bool:
    """Say whether a message was under way at ``begin``, when all had been sent."""
    positions = {send.id: position for position, send in enumerate(record.sends)}
    if any(delivery.at > begin and delivery.id in positions for delivery in reversed(record.deliveries)):
        return True
    flushed = dict.fromkeys(record.subscribers, -1)
    for delivery in record.deliveries:
        position = positions.get(delivery.id, -1)
        if position > flushed.get(delivery.subscriber, -1):
            flushed[delivery.subscriber] = position
    last = max((position for position, send in enumerate(record.sends) if send.outcome != "fail"), default=-1)
    return any(position < last for position in flushed.values())
