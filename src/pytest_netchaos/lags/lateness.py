"""Say in words that the test's own process or event loop stood still. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..history import Dials, History

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import Lag

_CAVEAT = "that can make a wait late"


def remarks(lags: Sequence[Lag], zero: float) -> list[str]:
    """Write a line about the longest lag, and one that sums up the others.

    Args:
        lags: In order of time.
        zero: The monotonic time that the lines count from: the first event's.
    """
    if not lags:
        return []
    longest = max(lags, key=lambda lag: lag.lasted)
    line = f"{_stood_still(longest)} {_when(longest.at - zero)}: {_CAVEAT}"
    others = len(lags) - 1
    rest = sum(lag.lasted for lag in lags) - longest.lasted
    return [line, f"and {others} more time{'s' if others > 1 else ''}, {rest:.2f}s in all"] if others else [line]


def explaining(judged: History | Dials, begin: float, end: float) -> list[str]:
    """Return the line for a client that took too long: the longest lag in that time, if there was one.

    It is told by the dial before it, as in the explanation that it belongs to.

    Args:
        judged: What a matcher judged.
        begin: When the client's time began.
        end: When it did what it was to do, or should have.
    """
    dials = judged.dials if isinstance(judged, History) else judged
    lags = [lag for lag in dials.lags if lag.at < end and lag.at + lag.lasted > begin]
    if not lags:
        return []
    longest = max(lags, key=lambda lag: lag.lasted)
    others = f" (and {len(lags) - 1} more)" if len(lags) > 1 else ""
    return [f"{_stood_still(longest)}{_place(longest, dials)}{others}: {_CAVEAT}"]


def stood_still(lags: Sequence[Lag], begin: float, end: float) -> float:
    """Return for how many seconds of that time this process got nothing done: its clients neither.

    An event loop that stood still doesn't count: what blocked it may have been the client.
    """
    stops = (lag for lag in lags if lag.of == "process")
    return math.fsum(max(0.0, min(end, lag.at + lag.lasted) - max(begin, lag.at)) for lag in stops)


def _stood_still(lag: Lag) -> str:
    return f"{'the event loop' if lag.of == 'event loop' else 'this process'} stood still for {lag.lasted:.2f}s"


def _when(at: float) -> str:
    return f"at {at:.3f}s" if at >= 0 else f"{-at:.3f}s before the first event"


def _place(lag: Lag, dials: Dials) -> str:
    before = [dial for dial in dials if dial.at <= lag.at]
    if before:
        return f", {lag.at - before[-1].at:.3f}s after dial {before[-1].number}"
    return f", before dial {dials[0].number}" if dials else ""
