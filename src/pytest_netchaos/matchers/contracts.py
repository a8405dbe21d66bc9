"""What all matchers of a ledger have in common that judge by an audit: the verdict, and what `strict` makes of it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..judging.crossing import crossed
from ..judging.delivery import Audit, audit
from ..judging.verdict import Verdict
from .anomalies import KINDS, explanation, totals
from .ledger_matcher import Judgement, LedgerMatcher, clocks
from .losses import name_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import Outage
    from ..ledger import DeliveryRecord


@dataclass(frozen=True, eq=False, repr=False)
class DeliveryMatcher(LedgerMatcher):
    """A statement about what arrived of what was sent.

    ==========  ====================================================================  =====================
    verdict     the record                                                            compared with ``==``
    ==========  ====================================================================  =====================
    invalid     breaks the contract                                                   fails
    unknown     has nothing to judge: nothing sent, nothing received; or nothing      fails
                acknowledged, where the contract is about what may not be lost
    unknown     has times that can't be, because its clocks disagree                  fails
    unknown     keeps the contract, and no message crossed a fault                    fails if ``strict``
    valid       keeps the contract, and a message crossed a fault                     passes
    ==========  ====================================================================  =====================

    The worst wins. A message crossed a fault if it was sent during or after one, or was in flight when it began.
    """

    #: Whether to fail where no message crossed a fault. Default: what the ledger says, by ``--netchaos-strict``.
    strict: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        if self.strict is not None:
            check_flag("strict", self.strict)

    @abstractmethod
    def broken(self, record: DeliveryRecord, found: Audit) -> list[str]:
        """Say how the record breaks the contract, the counts first. Empty: it doesn't."""

    def vacuous(self, record: DeliveryRecord, found: Audit) -> str:
        """Say why there's nothing to judge in a record that doesn't break the contract. Empty: there is."""
        # Nothing that arrives can't arrive twice: to call that a pass would be to call a dead network a good one.
        return "" if record.deliveries else f"{totals(found)}: nothing to judge: {self!r}"

    def faults(self, found: Audit) -> Sequence[Outage]:
        """Return the outages of which a message has to cross one: those of the record."""
        return found.outages

    def unacknowledged(self, record: DeliveryRecord, found: Audit) -> str:
        """Say that nothing could be lost, where nothing was acknowledged. Empty: something was."""
        if any(send.outcome == "ok" for send in record.sends):
            return ""
        return f"{totals(found)}: nothing was acknowledged, so nothing could be lost: nothing to judge: {self!r}"

    def judge_record(self, record: DeliveryRecord) -> Judgement:
        """Judge a record that isn't empty, by what an audit finds in it."""
        found = audit(record)
        if lines := self.broken(record, found):
            return Verdict.INVALID, lines
        if found.misdated:
            return Verdict.UNKNOWN, clocks(self, found.misdated, several=len(found.subscribers) > 1)
        if reason := self.vacuous(record, found):
            return Verdict.UNKNOWN, [reason]
        outages = self.faults(found)
        if crossed(record, outages):
            return Verdict.VALID, []
        strict = record.strict if self.strict is None else self.strict
        return Verdict.UNKNOWN, self._untested(record, found, outages) if strict else []

    def _untested(self, record: DeliveryRecord, found: Audit, outages: Sequence[Outage]) -> list[str]:
        if not outages:
            return [
                f"nothing broke the network, and strict asks for a message that crosses a fault: {self!r}",
                f"  {totals(found)}",
                "  break the network while messages are sent (link.cut(), link.stall(), …), or say strict=False",
            ]
        fault = f"{'' if len(outages) == 1 else 'any of '}{name_faults(outages)}"
        early = min(outage.started_at for outage in outages) - record.sends[-1].at if record.sends else 0.0
        last = (
            f", the last one sent {early:.3f}s before it began, and nothing in flight by then" if record.sends else ""
        )
        return [
            f"no message crossed {fault}, and strict asks for one that does: {self!r}",
            f"  {totals(found)}{last}",
            "  send during the fault, and after its heal, or say strict=False",
        ]


@dataclass(frozen=True, eq=False, repr=False)
class Contract(DeliveryMatcher):
    """A contract that forbids some kinds of anomalies."""

    #: Of the kinds in an `Audit`.
    forbidden: ClassVar[tuple[str, ...]]

    #: Whether each subscriber must get each sender's messages in the order in which they were sent.
    in_order: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        DeliveryMatcher.__post_init__(self)
        check_flag("in_order", self.in_order)

    def broken(self, record: DeliveryRecord, found: Audit) -> list[str]:  # noqa: ARG002 - the audit says it all
        """Count the anomalies; then say of each kind which, and of the lost ones when and why."""
        forbidden = (*self.forbidden, "out of order") if self.in_order else self.forbidden
        wrong = [kind for kind in KINDS if kind in forbidden and getattr(found, kind.replace(" ", "_"))]
        return explanation(found, wrong) if wrong else []

    def vacuous(self, record: DeliveryRecord, found: Audit) -> str:
        """Ask for something acknowledged, if the contract is about what may not be lost."""
        reason = super().vacuous(record, found)
        if reason or {"lost", "skipped"}.isdisjoint(self.forbidden):
            return reason
        return self.unacknowledged(record, found)


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither true nor false.

    Raises:
        TypeError: It's something else.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
