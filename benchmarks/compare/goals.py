"""What a figure has to be, and whether it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ..stats import Summary, summarize


class Verdict(Enum):
    """What a goal comes to."""

    MET = "met"
    NOT_MET = "NOT met"
    UNCLEAR = "unclear: the spread is too large"
    NOT_JUDGED = "not judged"


class Of(Enum):
    """What a goal is about: the engine's own figure, or the share that it is of another's."""

    ITSELF = ""
    TOXIPROXY = "× Toxiproxy"
    DIRECT = "× direct"


@dataclass(frozen=True)
class Goal:
    """An interval in which a figure, or a ratio, is to be.

    Args:
        of: Of which.
        least: The lower end; ``None`` for none.
        most: The upper end; ``None`` for none.
        unit: Of the figure, where it isn't a ratio.
    """

    of: Of
    least: float | None = None
    most: float | None = None
    unit: str = ""

    def __str__(self) -> str:
        """Write it as people do: ``≥ 4 × Toxiproxy``."""
        unit = self.unit or self.of.value
        if self.least is None or self.most is None:
            sign, bound = ("≤", self.most) if self.least is None else ("≥", self.least)
            return f"{sign} {bound:g} {unit}".rstrip()
        return f"{self.least:g} … {self.most:g} {unit}".rstrip()

    def judge(self, found: Summary | None) -> Verdict:
        """Judge by the middle half of the measurements: all of it in the interval, none of it, or neither."""
        if found is None:
            return Verdict.NOT_JUDGED
        if self._has(found.first) and self._has(found.third):
            return Verdict.MET
        if (self.most is not None and found.first > self.most) or (self.least is not None and found.third < self.least):
            return Verdict.NOT_MET
        return Verdict.UNCLEAR

    def _has(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


def at_least(bound: float, of: Of, unit: str = "") -> Goal:
    """Ask for so much or more."""
    return Goal(of, least=bound, unit=unit)


def at_most(bound: float, of: Of = Of.ITSELF, unit: str = "") -> Goal:
    """Ask for so much or less."""
    return Goal(of, most=bound, unit=unit)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Summary | None:
    """Summarize the ratio of each round: what both were measured in, one after the other.

    Nothing where the other has a zero, or hasn't been measured as often.
    """
    if len(ours) != len(theirs) or not all(theirs):
        return None
    return summarize([our / their for our, their in zip(ours, theirs, strict=True)])
