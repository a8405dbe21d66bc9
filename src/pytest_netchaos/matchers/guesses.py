"""Guess at a client's policy from its waits: a rough fit for each jitter model, which `fitting` then improves. No I/O.

A wait with the number n in its run is *g* = min(factorⁿ, cap / first) times the first. For a factor and a cap, each model's
other parameters follow from the longest and the shortest waits of each n, so a grid of factors and caps is enough to start with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .backoff import backoff
from .jitter import additive, backo2, decorrelated, equal, full

#: Seconds within which waits count as equal, and below which a spread is one of timers.
NEAR = 0.005
#: A cap that only limits what was drawn shows as this many equal waits, none longer.
_EQUALS = 3
#: Places in a run that a cap is looked for at.
_DEEPEST = 16
_PARTS = 4
_FACTORS = sorted({*(8 ** (i / 36) for i in range(37)), 1.5, 1.618, 3.0, 10.0})


@dataclass(frozen=True, slots=True)
class Guess:
    """A policy with one of the models, by name."""

    model: str
    first: float
    factor: float = 2.0
    cap: float | None = None
    #: The share, or the seconds, of the models that have one.
    spread: float = 0.0
    initial: float | tuple[float, float] | None = None
    at_once: bool = False

    def policy(self) -> backoff:
        """Return the matcher that it stands for."""
        factor = 2.0 if self.model == "decorrelated" else self.factor
        jitter = MODELS[self.model](self.spread)
        return backoff(self.first, factor, self.cap, jitter, initial=self.initial, at_once=self.at_once)


MODELS: dict[str, Callable[[float], object]] = {
    "fixed": lambda _: 0.0,
    "share": lambda spread: spread,
    "full": lambda _: full(),
    "equal": lambda _: equal(),
    "additive": additive,
    "full, cap after": lambda _: full(cap_after=True),
    "backo2": backo2,
    "decorrelated": lambda _: decorrelated(),
}
