"""What all matchers of a ledger have in common that judge by an audit: the verdict, and what `strict` makes of it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..crossing import crossed
from ..delivery import Audit, audit
from ..ledger import DeliveryRecord, Ledger
from ..verdict import Verdict
from .anomalies import ADVICE, KINDS, clocks_disagree, explanation, totals
from .base import Matcher
from .losses import name_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import Outage


@dataclass(frozen=True, eq=False, repr=False)
class DeliveryMatcher(Matcher[DeliveryRecord]):
    """A statement about what arrived of what was sent.

    ==========  ====================================================================  =====================
    verdict     the record                                                            compared with ``==``
    ==========  ====================================================================  =====================
    invalid     breaks the contract                                                   fails
    unknown     has nothing to judge: nothing sent, nothing received                  fails
    unknown     has times that can't be, because its clocks disagree                  fails
    unknown     keeps the contract, and no message crossed a fault                    fails if ``strict``
    valid       keeps the contract, and a message crossed a fault                     passes
    ==========  ====================================================================  =====================

    The worst wins. A message crossed a fault if it was sent during or after one, or was in flight when it began.
    """

    judges: ClassVar[str] = "a ledger"

    #: Whether to fail where no message crossed a fault. Default: what the ledger says, by ``--netchaos-strict``.
    strict: bool | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        if self.strict is not None:
            check_flag("strict", self.strict)

    def judge(self, actual: object) -> Verdict:
        """Return the verdict on a ledger: whether it could be judged at all, apart from whether ``==`` lets it pass.

        Args:
            actual: A ledger, or what was recorded of one.

        Raises:
            TypeError: It's something else.
        """
        record = self.snapshot(actual)
        if record is None:
            raise TypeError(f"{self!r} judges {self.judges}, not {type(actual).__name__!r}")
        return self._judge(record)[0]

    def snapshot(self, actual: object) -> DeliveryRecord | None:
        """Judge ledgers, and what was recorded of one."""
        if isinstance(actual, Ledger):
            return actual.record()
        return actual if isinstance(actual, DeliveryRecord) else None

    def explain_snapshot(self, snapshot: DeliveryRecord) -> list[str]:
        """Say what is wrong; or why nothing can be said, where that is a failure."""
        return self._judge(snapshot)[1]

    @abstractmethod
    def broken(self, record: DeliveryRecord, found: Audit) -> list[str]:
        """Say how the record breaks the contract, the counts first. Empty: it doesn't."""

    def vacuous(self, record: DeliveryRecord, found: Audit) -> str:
        """Say why there's nothing to judge in a record that doesn't break the contract. Empty: there is."""
        # Nothing that arrives can't arrive twice: to call that a pass would be to call a dead network a good one.
        return "" if record.deliveries else f"sent {found.sent}, received 0: nothing to judge: {self!r}"

    def faults(self, found: Audit) -> Sequence[Outage]:
        """Return the outages of which a message has to cross one: those of the record."""
        return found.outages

    def _judge(self, record: DeliveryRecord) -> tuple[Verdict, list[str]]:
        """Return the verdict, and what is to be said where it is a failure."""
        if not record.sends and not record.deliveries:
            return Verdict.UNKNOWN, [f"nothing was sent: nothing to judge: {self!r}"]
        found = audit(record)
        if lines := self.broken(record, found):
            return Verdict.INVALID, lines
        if found.misdated:
            return Verdict.UNKNOWN, [f"the clocks disagree: {clocks_disagree(found)}: {self!r}", f"  {ADVICE}"]
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
                f"no fault was in force, and strict asks for a message that crosses one: {self!r}",
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


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither true nor false.

    Raises:
        TypeError: It's something else.
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
