"""Where the most of something happened: the fullest window over a row of moments. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def fullest(moments: Sequence[float], window: float) -> tuple[int, int]:
    """Return where the fullest window of so many seconds begins and ends, as the bounds of a slice; the first of many.

    A window has its beginning and not its end: of two moments that lie exactly ``window`` apart, it has one.

    Args:
        moments: Monotonic seconds, in order.
        window: Seconds, above 0.
    """
    first, best = 0, (0, 0)
    for end, moment in enumerate(moments, 1):
        while moment - moments[first] >= window:
            first += 1
        if end - first > best[1] - best[0]:
            best = first, end
    return best
