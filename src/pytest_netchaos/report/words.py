"""Numbers and lengths of time, in words. Pure."""

from __future__ import annotations


def count_of(count: int, what: str) -> str:
    """Write a count: ``"1 link"``, ``"1,200 links"``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def length(seconds: float) -> str:
    """Write a length of time: ``"0.4 ms"``, ``"77 ms"``, ``"1.25 s"``."""
    if seconds < 0.01:  # noqa: PLR2004 - 10 ms
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:,.2f} s"  # noqa: PLR2004 - 1 s, when rounded
