"""Whether something has stayed as it was. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

#: The share of the samples that is warm-up: buffers, pools and code that is imported when it is first needed.
_WARM_UP = 1 / 3
#: Fewer samples than this say nothing.
_FEWEST = 6


def growth(samples: Sequence[float]) -> float:
    """Return by how much the last third of the samples after the warm-up is above the first third, in the median.

    Raises:
        ValueError: There are too few.
    """
    if len(samples) < _FEWEST:
        raise ValueError(f"{len(samples)} samples say nothing about growth: at least {_FEWEST}")
    warm = samples[round(len(samples) * _WARM_UP) :]
    third = max(1, len(warm) // 3)
    return statistics.median(warm[-third:]) - statistics.median(warm[:third])
