"""Find the name that was meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return how a sentence goes on that says that there is no such name: with the closest one, or all there are."""
    import difflib  # noqa: PLC0415 - 3 ms that only a mistake has to pay

    known = list(names)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f": did you mean {close[0]!r}?"
    return f": there are {', '.join(map(repr, known))}" if known else ": there is none"
