"""Did any message have to cross a fault? If none had to, a kept contract proves nothing. Pure, and linear.

A message crosses an outage if it was sent during it or after it, or arrived after it had begun, or was in flight at its
start and never arrived: sent before, not refused (``"fail"``), and nothing that its sender sent later was at that
subscriber by then. A message that was lost long before the fault hasn't met it. Nor is a message over when it has
arrived: it crosses what begins before its sender has heard of that (`Send.settled_at`), as its acknowledgement has to.
One whose sender still waits when the record is taken crosses it as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from ..ledger import DeliveryRecord
    from ..stretch import Stretch


def crossed(record: DeliveryRecord, stretches: Iterable[Stretch]) -> bool:
    """Say whether a message crossed one of these stretches of time."""
    # Where nothing was sent since the first one began, whatever is in flight at a later one was so at the first.
    begin = min((stretch.started_at for stretch in stretches), default=None)
    if begin is None or not record.sends:
        return False
    return record.sends[-1].at >= begin or _in_flight(record, begin)


def _in_flight(record: DeliveryRecord, begin: float) -> bool:
    """Say whether a message was under way at ``begin``, when all had been sent."""
    known = {send.id for send in record.sends}
    if any(delivery.at > begin and delivery.id in known for delivery in reversed(record.deliveries)):
        return True
    if any(send.settled_at is not None and send.settled_at > begin for send in record.sends):
        return True
    arrived: dict[str, set[Hashable]] = {subscriber: set() for subscriber in record.subscribers}
    for id_, _, subscriber in record.deliveries:
        arrived.setdefault(subscriber, set()).add(id_)
    # By sender, the last message that wasn't refused, with what came after it. If that has arrived, all is well.
    tails: dict[str, list[Hashable]] = {}
    for send in record.sends:
        if send.outcome != "fail":
            tails[send.sender] = [send.id]
        elif send.sender in tails:
            tails[send.sender].append(send.id)
    return any(ids.isdisjoint(tail) for ids in arrived.values() for tail in tails.values())
