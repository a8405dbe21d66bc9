"""The gaps between dials: which snapshots have any to judge. No I/O."""

from __future__ import annotations

from itertools import pairwise

from ..history import Dials, History
from .base import Live

#: Seconds by which a wait may seem shorter than it was. Timers don't end early, but the relay may notice a refused
#: dial late, and then the next wait looks shorter by as much; clients also round to whole milliseconds. Measured with
#: a plain client on two cores beside 0 to 16 busy processes: at most 3.6 ms in 1,800 waits.
EARLY = 0.01
#: Seconds by which a wait may be longer than was meant, by default. The same measurement found at most 9 ms, but a
#: shared CI machine stops programs for more than 190 ms now and then. This project's own choice.
LATE = 0.25


def dials_of(actual: object) -> Dials | None:
    """Return the dials of a link, a history, or dials; ``None`` for anything else."""
    if isinstance(actual, Live):
        return actual.history().dials
    if isinstance(actual, History):
        return actual.dials
    return actual if isinstance(actual, Dials) else None


def unjudgeable(dials: Dials, said: str) -> list[str]:
    """Say why there are no waits to judge, or why they can't be told; empty where they can.

    Args:
        dials: What a test compares.
        said: The matcher, as the test has written it.
    """
    if len(dials) - (bool(dials) and dials[0].waited is None) < 1:
        return [f"no reconnect to judge: {len(dials)} {'dial' if len(dials) == 1 else 'dials'}: {said}"]
    for last, dial in pairwise(dials):
        if dial.number != last.number + 1:
            return [
                f"dials between {last.number} and {dial.number} are left out: {said}",
                "compare it with link.dials, or with a slice of them: a wait is the time between neighbours",
            ]
        if dial.waited is None:
            return [
                f"dial {dial.number} began before dial {last.number} had ended: {said}",
                "several clients dial at once, and their waits can't be told apart: give each a link of its own",
            ]
    return []


def unseen(dials: Dials, said: str) -> list[str]:
    """Say that dials may have been missed, where that would make one long wait of many; empty where it can't."""
    if dials.blind and not dials.refused:
        return [f"no refused dial was seen, and not all could be: the waits can't be judged: {said}", dials.blind]
    return []
