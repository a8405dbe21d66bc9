"""Who is measured when: in turns, so that whatever else the machine does meets all of them alike. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from .contenders import Contender, Route

T = TypeVar("T")
Turn = tuple[Contender, Route]


def in_turns(count: int, turns: Sequence[Turn], measure: Callable[[Contender, Route], T]) -> dict[str, list[T]]:
    """Measure everybody so many times, each round beginning with another one; return the values by contender.

    One more round comes first, and is thrown away: what is done for the first time is slower.
    """
    found: dict[str, list[T]] = {contender.name: [] for contender, _ in turns}
    for number in range(count + 1):
        first = number % len(turns)
        for contender, route in (*turns[first:], *turns[:first]):
            value = measure(contender, route)
            if number:
                found[contender.name].append(value)
    return found
