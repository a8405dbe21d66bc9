"""What matchers of a ledger have in common: what they judge, and that an empty one proves nothing."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from ..ledger import DeliveryRecord, Ledger
from .base import Matcher


class LedgerMatcher(Matcher[DeliveryRecord]):
    """A statement about what was sent and what arrived. Its verdict is final: a ledger isn't waited for."""

    judges: ClassVar[str] = "a ledger"

    def snapshot(self, actual: object) -> DeliveryRecord | None:
        """Judge ledgers, and what was recorded of one."""
        if isinstance(actual, Ledger):
            return actual.record()
        return actual if isinstance(actual, DeliveryRecord) else None

    def explain_snapshot(self, snapshot: DeliveryRecord) -> list[str]:
        """Say what is wrong; of an empty record, that it is empty."""
        if not snapshot.sends and not snapshot.deliveries:
            return [f"nothing was sent: nothing to judge: {self!r}"]
        return self.explain_record(snapshot)

    @abstractmethod
    def explain_record(self, record: DeliveryRecord) -> list[str]:
        """Say what is wrong with a record that isn't empty, the verdict first."""


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
