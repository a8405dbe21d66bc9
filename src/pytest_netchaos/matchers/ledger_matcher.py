"""What all matchers of a ledger have in common: what they judge, and what proves nothing."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ..judging.clocks import misdated
from ..judging.index import index
from ..judging.verdict import Verdict
from ..ledger import DeliveryRecord, Ledger
from .anomalies import ADVICE, clocks_disagree
from .base import Matcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..judging.clocks import Misdated

#: A verdict, and what is to be said where it is a failure: nothing where it passes.
Judgement: TypeAlias = tuple[Verdict, list[str]]


class LedgerMatcher(Matcher[DeliveryRecord]):
    """A statement about what was sent and what arrived. Its verdict is final: a ledger isn't waited for."""

    judges: ClassVar[str] = "a ledger"

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
    def judge_record(self, record: DeliveryRecord) -> Judgement:
        """Judge a record that isn't empty, and say what is wrong, the verdict first."""

    def _judge(self, record: DeliveryRecord) -> Judgement:
        if not record.sends and not record.deliveries:
            return Verdict.UNKNOWN, [f"nothing was sent: nothing to judge: {self!r}"]
        return self.judge_record(record)


class TimedMatcher(LedgerMatcher):
    """A statement that goes by the times of a record: where these can't be, it says that, and nothing else."""

    def judge_record(self, record: DeliveryRecord) -> Judgement:
        """Judge a record that isn't empty, unless its clocks disagree."""
        if wrong := misdated(record, index(record.sends)):
            return Verdict.UNKNOWN, clocks(self, wrong, several=len(record.subscribers) > 1)
        return self.judge_times(record)

    @abstractmethod
    def judge_times(self, record: DeliveryRecord) -> Judgement:
        """Judge a record that isn't empty, and has times that can be."""


def clocks(matcher: LedgerMatcher, wrong: Sequence[Misdated], *, several: bool) -> list[str]:
    """Say that a record can't be judged because of its times, and what to do."""
    return [f"the clocks disagree: {clocks_disagree(wrong, several=several)}: {matcher!r}", f"  {ADVICE}"]


def check_whole(name: str, value: object, *, low: int) -> None:
    """Refuse what isn't a whole number from ``low`` on.

    Raises:
        TypeError: ``value`` isn't a whole number (``True`` isn't one).
        ValueError: It's too small.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, not {value!r}")
