"""Were enough random waits drawn as their law says? The statistics of `backoff`. No I/O.

Each wait is turned into its quantile: the probability, under its own law, of a shorter one. If the client draws as it
should, quantiles are independent and uniform from 0 to 1, whatever the laws were. Three things are judged of *n* of
them (where a law has one value that is often drawn, they are moved to the harmless side):

- Their mean is 1/2 ± 5.5 σ, with σ = 1/√(12·n). For uniform draws P(|mean − 1/2| > k·σ) ≤ 2·exp(−k²/2), as the moment
  generating function of U(−1/2, 1/2), sinh(s/2)/(s/2), is at most exp(s²/24): 5.4e-7 for k = 5.5.
- The least lies below 1 − *q*, and the most above *q*, with *q* = (1e-7)^(1/n): P(all *n* above 1 − *q*) = *q*ⁿ = 1e-7
  for each. So jitter that only ever goes one way is found: *q* is 0.58 for 30 waits.
- They aren't all the same: the waits, as places in their ranges, are spread over more than a tenth. Of a law that puts
  at most 1/4 on one value, and is nowhere more than twice as dense as a uniform one (all of ours), *n* draws are that
  close to each other with a probability of at most n·(1/4 + 2/10)ⁿ⁻¹: 2.7e-9 for 30.

Together less than 1e-6. Lateness, which is independent of what was drawn, can't hide a spread, so the third is judged
of the waits as they were seen. It moves the others up: what is held against waits that are too long is the quantile of
the wait less all the lateness that is allowed. Where that is more than the whole range, only too short waits and
missing jitter are found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..law import Law

#: Fewer draws aren't judged: see above.
FEWEST = 30
_SIGMAS = 5.5
_ONE_SIDED = 1e-7
#: Waits within this share of their ranges count as all the same.
_SAME = 0.1
#: Laws that put more on one value say little about whether there is jitter.
_HEAVY = 0.25


class Draw(NamedTuple):
    """One random wait, as quantiles, and its place in its range."""

    #: Of the wait as it was seen.
    quantile: float
    #: The least and the most that it can have been, with what is allowed for lateness and rounding.
    lowest: float
    highest: float
    #: 0 for the shortest, 1 for the longest wait that is possible; late ones are beyond.
    place: float
    #: Whether it can show that there is no jitter: few draws of its law are equal.
    telling: bool


def draw(waited: float, low: Law, high: Law, *, early: float, late: float) -> Draw:
    """Return a wait as quantiles of its law; the two differ where the law depends on the wait before."""
    width = high.most - high.least
    return Draw(
        high.quantile(waited),
        high.below(waited - late),
        low.up_to(waited + early),
        (waited - high.least) / width if width else 0.0,
        bool(width) and high.heaviest <= _HEAVY,
    )


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the random waits were, as quantiles of their laws, and what they should have been."""

    count: int
    least: float
    mean: float
    most: float
    #: How far the mean may be from 1/2.
    mean_within: float
    #: What the least has to be below, and the most above.
    least_below: float
    most_above: float
    #: What is wrong, in words; empty for nothing, and for too few waits.
    verdict: str = ""

    def __str__(self) -> str:
        """Write two lines: what was seen, what was expected."""
        return (
            f"seen      least {self.least:.2f}  mean {self.mean:.2f}  most {self.most:.2f}\n"
            f"expected  least under {self.least_below:.2f}  mean {0.5 - self.mean_within:.2f}"
            f"..{0.5 + self.mean_within:.2f}  most over {self.most_above:.2f}"
        )


def statistics(draws: Sequence[Draw], fewest: int = FEWEST) -> Statistics | None:
    """Judge draws, if there are at least ``fewest``; ``None`` if there are none."""
    if not draws:
        return None
    count = len(draws)
    within = _SIGMAS / math.sqrt(12 * count)
    reach = _ONE_SIDED ** (1 / count)
    seen = [each.quantile for each in draws]
    return Statistics(
        count,
        min(seen),
        math.fsum(seen) / count,
        max(seen),
        min(0.5, within),
        1 - reach,
        reach,
        _verdict(draws, within, reach, fewest) if count >= fewest else "",
    )


def _verdict(draws: Sequence[Draw], within: float, reach: float, fewest: int) -> str:
    telling = [each.place for each in draws if each.telling]
    if len(telling) >= fewest and max(telling) - min(telling) <= _SAME:
        return "no jitter seen"
    lowest, highest = [each.lowest for each in draws], [each.highest for each in draws]
    if math.fsum(highest) / len(draws) < 0.5 - within:
        return "the random waits are too short on the whole"
    if math.fsum(lowest) / len(draws) > 0.5 + within:
        return "the random waits are too long on the whole"
    if max(highest) < reach:
        return "the random waits are never as long as they should be now and then"
    if min(lowest) > 1 - reach:
        return "the random waits are never as short as they should be now and then"
    return ""
