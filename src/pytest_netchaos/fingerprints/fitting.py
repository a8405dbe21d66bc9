"""Improve a guess at a client's policy until the waits that were seen are as likely as can be. No I/O.

How likely a wait is follows from its law (`schedule`), which makes one measure of all models: the probability of a
draw within a few milliseconds of it. One wait in twenty may be late by more than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ..faults import LONGEST
from ..history import Dials
from ..matchers import schedule
from ..matchers.gaps import LATE
from .guesses import GROWING, NEAR, SPREADING, Guess

#: Seconds that a wait may be shorter than its draw, and the share of waits that may be longer by up to `LATE`, not
#: just by `NEAR`.
_SHORTER = 0.002
_LATE_SHARE = 0.05
#: The least density, per second: a wait that is impossible costs as much as 16 that are no surprise, and isn't the end
#: of a guess.
_LEAST = 1e-7
#: The relative changes that are tried, one after the other: to tell which model it is, and then which figures.
COARSE = (0.1, 0.03)
FINE = (0.05, 0.02, 0.007, 0.002)
#: A change that gains less than this isn't worth its time.
_GAIN = 0.02
_DIGITS = (1, 2, 3, 4)
_MOST_FACTOR = 1000.0
#: What rounding a parameter may cost: a factor of e in likelihood.
_ROUNDING = 1.0


@dataclass(frozen=True, slots=True)
class Fit:
    """A guess and how good it is."""

    guess: Guess
    #: The logarithm of the likelihood, less what each parameter costs: log n, as an end of a range of draws is known
    #: to 1/n.
    score: float


def fit(guess: Guess, dials: Dials) -> Fit:
    """Return a guess with how good it is."""
    count = sum(dial.waited is not None for dial in dials)
    return Fit(guess, _likelihood(guess, dials) - _parameters(guess) * math.log(count + 1))


def improved(start: Fit, dials: Dials, changes: Sequence[float], held: Collection[str] = ()) -> Fit:
    """Change one parameter at a time, of those that aren't held, for as long as that makes the waits likelier."""
    best = start
    for change in changes:
        while True:
            tried = (fit(guess, dials) for guess in _neighbours(best.guess, change, held))
            better = max(tried, key=lambda each: each.score, default=best)
            if better.score < best.score + _GAIN:
                break
            best = better
    return best


def rounded(best: Fit, dials: Dials, accepts: Callable[[Guess], bool]) -> Fit:
    """Round one parameter after the other as far as the waits hardly tell the difference, and fit the rest to it."""
    found, held = best, list[str]()
    for name in ("factor", "cap", "spread", "first"):
        held.append(name)
        for digits in _DIGITS if name in _names(found.guess) else ():
            tried = improved(fit(_with(found.guess, name, digits), dials), dials, FINE, held)
            if tried.score >= best.score - _ROUNDING and accepts(tried.guess):
                found = tried
                break
    return found


def shortened(guess: Guess, digits: int = 3) -> Guess:
    """Return a guess with as many digits as a reader needs."""
    for name in _names(guess):
        guess = _with(guess, name, digits)
    return guess


def _with(guess: Guess, name: str, digits: int) -> Guess:
    value = float(f"{getattr(guess, name):.{digits}g}")
    return _in_range(_changed(guess, {name: value}))


def _changed(guess: Guess, values: dict[str, float]) -> Guess:
    return Guess(
        guess.model,
        values.get("first", guess.first),
        values.get("factor", guess.factor),
        values.get("cap", guess.cap or 0.0) if guess.cap is not None else None,
        values.get("spread", guess.spread),
        guess.initial,
        guess.at_once,
    )


def _likelihood(guess: Guess, dials: Dials) -> float:
    return math.fsum(math.log(_density(wait)) for wait in schedule.waits(guess.policy(), dials))


def _density(wait: schedule.Wait) -> float:
    law, waited = wait.high, wait.waited
    top = law.up_to(waited + _SHORTER)
    near = top - law.below(waited - NEAR)
    if near > 0:
        return max(_LEAST, (1 - _LATE_SHARE) * near / (NEAR + _SHORTER))
    return max(_LEAST, _LATE_SHARE * (top - law.below(waited - LATE)) / (LATE + _SHORTER))


def _parameters(guess: Guess) -> int:
    initial = 0 if guess.initial is None else 2 if isinstance(guess.initial, tuple) else 1
    return len(_names(guess)) + initial


def _neighbours(guess: Guess, change: float, held: Collection[str]) -> Iterator[Guess]:
    steps = [{name: sign} for name in _names(guess) for sign in (1, -1)]
    if guess.model in GROWING:  # A larger factor with a shorter first wait makes about the same waits.
        steps += [{"factor": 1, "first": -1}, {"factor": -1, "first": 1}]
    for step in steps:
        values = {name: getattr(guess, name) * (1 + change) ** sign for name, sign in step.items()}
        made = guess if any(name in held for name in step) else _in_range(_changed(guess, values))
        if made != guess:
            yield made


def _names(guess: Guess) -> list[str]:
    has = {
        "first": True,
        "factor": guess.model in GROWING,
        "spread": guess.model in SPREADING,
        "cap": guess.cap is not None,
    }
    return [name for name, there in has.items() if there]


def _in_range(guess: Guess) -> Guess:
    first = min(guess.first, LONGEST)
    most = LONGEST if guess.model == "additive" else 1.0
    cap = None if guess.cap is None else min(max(guess.cap, first), LONGEST)
    factor = min(max(guess.factor, 1.0), _MOST_FACTOR)
    return replace(guess, first=first, factor=factor, cap=cap, spread=min(guess.spread, most))
