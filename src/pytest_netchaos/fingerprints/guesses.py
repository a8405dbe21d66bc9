"""Guess at a client's policy from its waits: a rough fit for each jitter model, which `fitting` then improves. No I/O.

The nth wait of a run is meant to be ``first`` × *g*, with *g* = min(``factor``ⁿ, ``cap`` / ``first``). For a factor
and a cap, each model's other parameters follow from the shortest and the longest wait of each n: a grid of factors and
caps is enough to begin with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..faults import LONGEST
from ..jitter import Jitter, additive, backo2, decorrelated, equal, full
from ..matchers.backoff import backoff

#: Seconds within which waits count as equal: what timers and the relay differ by on an idle machine, and some more.
NEAR = 0.005
#: A cap that cuts off what was drawn shows as so many equal waits, with none longer.
_EQUALS = 3
#: Places in a run at which a cap is looked for, and steps between two of them.
_DEEPEST, _STEPS = 12, 4
_FACTORS = sorted({*(8 ** (i / 30) for i in range(31)), 1.5, 1.618, 3.0, 10.0})
#: Less than this isn't drawn: the least share of jitter, and the shortest wait.
_LEAST = 1e-4


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
        factor = self.factor if self.model in GROWING else 2.0
        jitter = MODELS[self.model](self.spread)
        return backoff(self.first, factor, self.cap, jitter, initial=self.initial, at_once=self.at_once)


MODELS: dict[str, Callable[[float], float | Jitter]] = {
    "fixed": lambda _: 0.0,
    "share": lambda spread: spread,
    "full": lambda _: full(),
    "equal": lambda _: equal(),
    "additive": additive,
    "full, capped after": lambda _: full(cap_after=True),
    "backo2": backo2,
    "decorrelated": lambda _: decorrelated(),
}
#: Those that have a factor, and those that have a spread.
GROWING = MODELS.keys() - {"decorrelated"}
SPREADING = {"share", "additive", "backo2"}


@dataclass(frozen=True, slots=True)
class _Column:
    """The waits with one number in their runs."""

    count: int
    least: float
    mean: float
    most: float


def guesses(runs: Sequence[Sequence[float]]) -> Iterator[Guess]:
    """Yield one rough guess or more for each model.

    Args:
        runs: The waits of each run, from the one that is meant to last ``first`` on.
    """
    waits = [max(wait, _LEAST) for run in runs for wait in run]
    longest = max(waits)
    cut_off = sorted(wait for wait in waits if wait >= longest - NEAR)
    has_equals = len(cut_off) >= _EQUALS
    edge = cut_off[len(cut_off) // 2]
    yield Guess("decorrelated", min(waits), cap=edge if has_equals else None)
    columns = _columns(runs)
    yield from _unjittered(columns)
    for model in ("share", "full", "equal", "additive"):
        yield from _on_grid(model, columns)
    free = [[wait for wait in run if wait < longest - NEAR] for run in runs] if has_equals else []
    if any(free):  # Without a cap, it's the same whether that comes before or after.
        # What is cut off shows no jitter, so the fit is one of the waits before it.
        known = _columns(free)
        for guess in _on_grid("full", known, caps=False):
            yield replace(guess, model="full, capped after", cap=max(edge, _LEAST))
    yield _socketio(runs, max(edge, _LEAST) if has_equals else None)


def _socketio(runs: Sequence[Sequence[float]], cap: float | None) -> Guess:
    """Return the guess for a client that always doubles, and whose law has gaps: only a grid finds a way past them."""
    seen = [[run[index] for run in runs if len(run) > index] for index in range(2)]
    mean = max(math.fsum(seen[0]) / len(seen[0]), _LEAST)

    def likely(first: float, share: float, close: float) -> float:
        laws = [backo2(share).law(first * 2**index, first).clipped(0.0, cap or LONGEST) for index in range(2)]
        pairs = ((law, wait) for law, waits in zip(laws, seen, strict=True) for wait in waits)
        found = (law.up_to(wait + close * first) - law.below(wait - close * first) for law, wait in pairs)
        return math.fsum(math.log(max(each, _LEAST)) for each in found)

    tried = [(mean * first / 40, share / 20) for first in range(24, 61) for share in range(2, 21)]
    first, share = max(tried, key=lambda each: likely(each[0], each[1], 0.03))
    tried = [(first + mean * i / 240, min(1.0, share + j / 120)) for i in range(-6, 7) for j in range(-6, 7)]
    first, share = max(tried, key=lambda each: likely(each[0], each[1], 0.005))
    return Guess("backo2", first, 2.0, cap, share)


def simplified(share: Guess) -> Iterator[Guess]:
    """Yield the models that are a share of a certain size: ``full()`` is 1 of half as much, ``equal()`` 1/3 of 3/4."""
    for model, times in (("full", 2.0), ("equal", 4 / 3)):
        cap = None if share.cap is None else share.cap * times
        yield replace(share, model=model, first=share.first * times, cap=cap, spread=0.0)


def _unjittered(columns: list[_Column]) -> Iterator[Guess]:
    """Yield what the means say where there is no jitter: the first two give the factor, the last one the cap."""
    first, second, last = columns[0].mean, columns[min(1, len(columns) - 1)].mean, columns[-1].mean
    factor = min(max(1.0, second / first), _FACTORS[-1])
    yield Guess("fixed", first, factor)
    yield Guess("fixed", first, factor, max(last, first))


def _columns(runs: Sequence[Sequence[float]]) -> list[_Column]:
    columns = []
    for index in range(max(map(len, runs))):
        waits = [max(run[index], _LEAST) for run in runs if index < len(run)]
        if waits:
            columns.append(_Column(len(waits), min(waits), math.fsum(waits) / len(waits), max(waits)))
    return columns


def _on_grid(model: str, columns: list[_Column], *, caps: bool = True) -> Iterator[Guess]:
    """Yield the best guess without a cap, and the best one with a cap."""
    free = [(factor, math.inf) for factor in _FACTORS]
    deepest = min(len(columns), _DEEPEST)
    steps = [step / _STEPS for step in range(1, (deepest - 1) * _STEPS + 1)] if caps else []
    capped = [(factor, factor**step) for factor in _FACTORS if factor > 1 for step in steps]
    for pairs in (free, capped):
        fits = (_fit(model, factor, limit, columns) for factor, limit in pairs)
        best = max(fits, key=lambda fit: fit[0], default=None)
        if best is not None:
            yield best[1]


def _fit(model: str, factor: float, limit: float, columns: list[_Column]) -> tuple[float, Guess]:
    """Return how likely the waits are, as a logarithm, and the guess that makes them so."""
    grown = [min(factor**index, limit) for index in range(len(columns))]
    likely, first, spread = _FITS[model](grown, columns)
    first = min(max(first, _LEAST), LONGEST)
    cap = None if limit == math.inf else min(first * limit, LONGEST)
    return likely, Guess(model, first, factor, cap, spread)


def _fit_full(grown: list[float], columns: list[_Column]) -> tuple[float, float, float]:
    top = max(c.most / g for g, c in zip(grown, columns, strict=True))
    return -_count(columns) * math.log(top) - _growth(grown, columns), _beyond(top, top, columns), 0.0


def _fit_equal(grown: list[float], columns: list[_Column]) -> tuple[float, float, float]:
    top = max(c.most / g for g, c in zip(grown, columns, strict=True))
    low = min(c.least / g for g, c in zip(grown, columns, strict=True))
    width = max(top / 2, top - low)
    return -_count(columns) * math.log(width) - _growth(grown, columns), _beyond(top, width, columns), 0.0


def _fit_share(grown: list[float], columns: list[_Column]) -> tuple[float, float, float]:
    top = max(c.most / g for g, c in zip(grown, columns, strict=True))
    low = min(c.least / g for g, c in zip(grown, columns, strict=True))
    width = top - low + _LEAST * top
    first = (top + low) / 2
    return -_count(columns) * math.log(width) - _growth(grown, columns), first, min(1.0, width / 2 / first)


def _fit_additive(grown: list[float], columns: list[_Column]) -> tuple[float, float, float]:
    first = _scale(grown, columns)
    off = (max(c.most - first * g, first * g - c.least) for g, c in zip(grown, columns, strict=True))
    seconds = max(off) + _LEAST
    return -_count(columns) * math.log(2 * seconds), first, seconds


_FITS = {
    "share": _fit_share,
    "full": _fit_full,
    "equal": _fit_equal,
    "additive": _fit_additive,
}


def _count(columns: list[_Column]) -> int:
    return sum(column.count for column in columns)


def _growth(grown: list[float], columns: list[_Column]) -> float:
    """Return by how much less likely each wait is because its range has grown, as a logarithm."""
    return sum(c.count * math.log(g) for g, c in zip(grown, columns, strict=True))


def _scale(grown: list[float], columns: list[_Column]) -> float:
    """Return the first wait by least squares over the means."""
    return sum(c.count * c.mean * g for g, c in zip(grown, columns, strict=True)) / sum(
        c.count * g * g for g, c in zip(grown, columns, strict=True)
    )


def _beyond(top: float, width: float, columns: list[_Column]) -> float:
    """Return where draws end of which ``top`` was the longest: beyond it, by a share of 1/n on average."""
    return top + width / _count(columns)
