"""Did each message arrive, once, in order, without gaps?

`at_most_once`, `at_least_once`, `exactly_once`, `gap_free`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .contracts import Contract

if TYPE_CHECKING:
    from ..judging.delivery import Audit
    from ..ledger import DeliveryRecord


class at_most_once(Contract):  # noqa: N801 - the class is the call that a test writes
    """Nothing arrived twice, or without having been sent, or although it was refused. Messages may be lost.

    With ``in_order``, what arrived did so in the order of its sender.
    """

    forbidden = ("duplicated", "unexpected", "phantom")


class at_least_once(Contract):  # noqa: N801 - the class is the call that a test writes
    """Everything that was acknowledged arrived, at each subscriber, and nothing that wasn't sent. It may arrive twice.

    With ``in_order``, it first arrived in the order of its sender.
    """

    forbidden = ("lost", "unexpected")


class exactly_once(Contract):  # noqa: N801 - the class is the call that a test writes
    """Everything that was acknowledged arrived once, at each subscriber's handler, and nothing else did.

    With ``in_order``, it arrived in the order of its sender. A message whose acknowledgement was lost (``"info"``) may
    arrive once or not at all.
    """

    forbidden = ("lost", "duplicated", "unexpected", "phantom")


class gap_free(Contract):  # noqa: N801 - the class is the call that a test writes
    """Between the first and the last that a subscriber got of a sender, nothing that was acknowledged is missing.

    What is missing at the beginning or at the end isn't a gap: a subscriber may come late, and leave early. What came
    late fills its gap; with ``in_order``, it has to come in its turn. Duplicates are allowed, and so is what was never
    sent. An id that was sent more often than it arrived has the benefit of the doubt: it neither begins nor ends what a
    subscriber got, and leaves a gap only if its losses can't all lie outside.
    """

    forbidden = ("skipped",)

    def vacuous(self, record: DeliveryRecord, found: Audit) -> str:
        """Ask for a subscriber that got two messages of the same sender: there is nothing between fewer."""
        reason = super().vacuous(record, found)
        if reason or _has_pair(record):
            return reason
        few = "no subscriber got two messages of the same sender, so there is no gap to be seen"
        return f"sent {found.sent}, received {found.received}: {few}: {self!r}"


def _has_pair(record: DeliveryRecord) -> bool:
    senders = {send.id: send.sender for send in record.sends}
    got: dict[tuple[str, str], object] = {}
    for id_, _, subscriber in record.deliveries:
        if id_ in senders and got.setdefault((subscriber, senders[id_]), id_) != id_:
            return True
    return False
