"""Say in words that the test's own process or event loop stood still. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .history import Dials, History

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .history import Lag

#: Lags that the remarks name, the longest ones; the rest is summed up.
_NAMED = 3
_CAVEAT = "a wait that is late may be its doing"


def remarks(lags: Sequence[Lag], zero: float) -> list[str]:
    """Write a line for each lag, the longest ones only, in order of time.

    Args:
        lags: In order of time.
        zero: The monotonic time that the lines count from: the first event's.
    """
    longest = sorted(lags, key=lambda lag: -lag.lasted)
    named = sorted(longest[:_NAMED], key=lambda lag: lag.at)
    rest = longest[_NAMED:]
    lines = [f"{_stood_still(lag)} at {lag.at - zero:.3f}s: {_CAVEAT}" for lag in named]
    if rest:
        lines.append(f"and {len(rest)} more times, {sum(lag.lasted for lag in rest):.2f}s in all")
    return lines


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


def _stood_still(lag: Lag) -> str:
    return f"{'the event loop' if lag.of == 'event loop' else 'this process'} stood still for {lag.lasted:.2f}s"


def _place(lag: Lag, dials: Dials) -> str:
    before = [dial for dial in dials if dial.at <= lag.at]
    if before:
        return f", {lag.at - before[-1].at:.3f}s after dial {before[-1].number}"
    return f", before dial {dials[0].number}" if dials else ""
