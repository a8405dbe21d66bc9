"""Numbers and lengths of time, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Connections that are named one by one.
_NAMED = 3


def count_of(count: int, what: str) -> str:
    """Write a count: ``"1 link"``, ``"1,200 links"``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def length(seconds: float) -> str:
    """Write a length of time: ``"0.4 ms"``, ``"77 ms"``, ``"1.25 s"``."""
    if seconds < 0.00995:  # noqa: PLR2004 - 10 ms, when rounded
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:,.2f} s"  # noqa: PLR2004 - 1 s, when rounded


def connections_named(numbers: Sequence[int]) -> str:
    """Name connections: ``"conn#1, conn#2"``; of many the first, and how many more there are."""
    named = ", ".join(f"conn#{number}" for number in numbers[:_NAMED])
    return named if len(numbers) <= _NAMED else f"{named} and {len(numbers) - _NAMED:,} more"
