"""Whether something has stayed as it was. Pure."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

#: The share of the samples that is warm-up: buffers, pools and code that is imported when it is first needed.
_WARM_UP = 1 / 3
#: Fewer samples than this say nothing.
_FEWEST = 6
#: So many steps are peaks, of which an allocator keeps the memory: a leak takes as many as there are samples. One
#: connection that is held back made a step of 14 MB, once in three minutes.
_PEAKS = 2


def growth(samples: Sequence[float]) -> float:
    """Return by how much the last third of the samples after the warm-up is above the first third, in the median.

    The two largest steps between them don't count.

    Raises:
        ValueError: There are too few.
    """
    if len(samples) < _FEWEST:
        raise ValueError(f"{len(samples)} samples say nothing about growth: at least {_FEWEST}")
    warm = samples[round(len(samples) * _WARM_UP) :]
    third = max(1, len(warm) // 3)
    rise = statistics.median(warm[-third:]) - statistics.median(warm[:third])
    between = warm[third // 2 : len(warm) - third // 2]
    steps = sorted(after - before for before, after in itertools.pairwise(between))
    peaks = sum(step for step in steps[-_PEAKS:] if step > 0)
    return rise if rise <= 0 else max(0, rise - peaks)
