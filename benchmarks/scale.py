"""How long to measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A share of the full effort."""

    share: float

    @property
    def is_full(self) -> bool:
        """Whether nothing is cut short."""
        return self.share >= 1

    def rounds(self, full: int) -> int:
        """Return how often to repeat what a full run repeats so often; three times at least."""
        return max(3, round(full * self.share))

    def count(self, full: int) -> int:
        """Return how many to take in one round."""
        return max(1, round(full * self.share))
