"""From when until when a sender may have kept messages in a buffer, for each outage. Pure and linear.

The *window* of an outage begins with it. It ends with the flush of the buffer, which nobody can see, but which came no
later than the first arrival, after the heal, of a message that was sent since the start. Where another outage begins
before that, the buffer wasn't empty in between: what waits in it may have been sent since the earlier start.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import Outage


class Windows:
    """Those of one sender, as the arrivals at one subscriber show them."""

    def __init__(
        self, outages: Sequence[Outage], times: Sequence[float], arrivals: Sequence[tuple[float, int]]
    ) -> None:
        #: Where the buffer was not empty before an outage, the start of an earlier one.
        self.starts: list[float] = []
        #: The first arrival after the heal of what was sent since the start; infinite without one.
        self.ends: list[float] = []
        arrived_at = [at for at, _ in arrivals]
        look = 0
        for outage in outages:
            goes_on = bool(self.ends) and self.ends[-1] >= outage.started_at
            self.starts.append(self.starts[-1] if goes_on else outage.started_at)
            if outage.healed_at is None:
                self.ends.append(math.inf)
                continue
            begin = bisect_left(times, outage.started_at)
            # Each search begins where the one before has ended: windows end in the order of their outages.
            look = max(look, bisect_left(arrived_at, outage.healed_at))
            while look < len(arrivals) and arrivals[look][1] < begin:
                look += 1
            self.ends.append(arrived_at[look] if look < len(arrivals) else math.inf)
        self._open_from = self.starts[-1] if outages and outages[-1].healed_at is None else math.inf

    def is_over(self, number: int) -> bool:
        """Whether the buffer has had its chance: no outage that is still in force began before it was flushed."""
        return self.starts[number] < self._open_from
