"""Medians and spreads, and a result that puts two of them side by side. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """What is told of a series of measurements."""

    median: float
    #: The quartiles: a quarter of the values is below, and a quarter above.
    first: float
    third: float
    least: float
    n: int

    @property
    def iqr(self) -> float:
        """The interquartile range: how far the middle half is spread."""
        return self.third - self.first


def summarize(values: Sequence[float]) -> Summary:
    """Return the median, the quartiles, the least value, and how many there were."""
    if len(values) > 1:
        first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    else:
        first = third = values[0]
    return Summary(statistics.median(values), first, third, min(values), len(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that ``percent`` of the others don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    benchmark: str
    what: str
    unit: str
    measured: Summary
    peer_name: str = ""
    peer: Summary | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median over the peer's."""
        return self.measured.median / self.peer.median if self.peer and self.peer.median else None


@dataclass(frozen=True)
class Skipped:
    """Something that isn't here, and so wasn't measured."""

    benchmark: str
    what: str
    reason: str


def result(
    benchmark: str,
    what: str,
    unit: str,
    values: Sequence[float],
    peer: tuple[str, Sequence[float]] | None = None,
    *,
    note: str = "",
) -> Result:
    """Summarize one series, and that of its peer.

    Args:
        benchmark: Its name, as it is asked for at the command line.
        what: What was measured.
        unit: Of all the values.
        values: The measurements.
        peer: What the same was measured of in the same run: its name and the measurements.
        note: What the numbers don't say.
    """
    name, others = peer or ("", ())
    return Result(benchmark, what, unit, summarize(values), name, summarize(others) if others else None, note)
