"""What is a client's reconnect policy? `fingerprint` works it out from its dials. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..history import Dials
from ..matchers.backoff import backoff
from ..matchers.gaps import dials_of, unjudgeable, unseen
from .fitting import COARSE, FINE, Fit, fit, improved, rounded, shortened
from .guesses import NEAR, SPREADING, Guess, guesses, simplified

#: Fewer waits fit any policy.
_FEWEST = 3
#: Random waits that tell the models apart.
_ENOUGH = 30
#: Guesses that are worth improving, and those that are worth it once more: the rest is too far off.
_ROUGH, _KEPT = 10, 4
#: Seconds: a dial that follows the end of a connection so soon comes at once, if the next ones of the run take longer.
_AT_ONCE = 0.02
#: Logarithms of likelihood ratios: below the first none is better, above the other there's no doubt.
_EVEN, _CERTAIN = math.log(2), math.log(1e6)


@dataclass(frozen=True)
class Fingerprint:
    """The policy that explains a client's dials best; ``str()`` prints the matcher that accepts them."""

    #: The matcher; ``None`` where there is too little to go by.
    matcher: backoff | None
    waits: int
    runs: int
    #: The next best policy, and how much less likely it makes the waits, as a natural logarithm.
    rival: backoff | None = None
    lead: float = 0.0
    #: What can't be known from these dials, and what it would take.
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write the matcher in a line that can be pasted, and then how sure it is, and what is missing."""
        seen = f"{_counted(self.waits, 'wait')} in {_counted(self.runs, 'run')}"
        if self.matcher is None:
            return "\n".join([f"no policy found: {seen}", *self.missing])
        return "\n".join([repr(self.matcher), f"from {seen}{self._sure()}", *self.missing])

    def _sure(self) -> str:
        if self.rival is None:
            return "; no other policy comes near"
        if self.lead < _EVEN:
            return f"; as likely is {self.rival!r}"
        odds = f"{math.exp(self.lead):,.0f}" if self.lead < _CERTAIN else "over a million"
        return f"; next best, {odds} times less likely: {self.rival!r}"


def fingerprint(actual: object) -> Fingerprint:
    """Work out a client's policy (its first wait, factor, cap and jitter) from its dials, the more the better.

    Each model that `backoff` knows is fitted, and the one under which the waits are likeliest wins, where each
    parameter has to earn its place. Laws that are the same are written the simpler way: ``full()`` and not a share of
    1 around half the wait. The matcher accepts the dials that it was worked out from, all of them.

    Args:
        actual: A link, its history, or its dials; best of several outages, with a few dials in vain in each. Some
            hundred waits take a few seconds.

    Raises:
        TypeError: It's something else.
    """
    dials = dials_of(actual)
    if dials is None:
        raise TypeError(f"fingerprint() takes a link, its history or its dials, not {type(actual).__name__!r}")
    wrong = unjudgeable(dials, "fingerprint()") or unseen(dials, "fingerprint()")
    runs = list(_runs(dials))
    count = sum(len(run) for _, run in runs)
    missing = tuple(wrong) or _too_few(count, [run for _, run in runs])
    if missing:
        return Fingerprint(None, count, len(runs), missing=missing)
    fits = _fits(dials, runs)
    for index, best in enumerate(fits):
        if _accepts(best.guess, dials):
            final = rounded(best, dials, lambda guess: _accepts(guess, dials))
            others = [*fits[:index], *fits[index + 1 :]]
            return _made(final, others[0] if others else None, dials, (count, len(runs)))
    said = "no policy that is known here explains the waits: are they those of one client, after connections it used?"
    return Fingerprint(None, count, len(runs), missing=(said,))


def _fits(dials: Dials, runs: list[tuple[bool, list[float]]]) -> list[Fit]:
    """Return the best fits: all guesses are measured, the better ones improved, and the best of those once more."""
    rough = _best([fit(guess, dials) for guess in _structures(runs)], _ROUGH)
    coarse = [improved(each, dials, COARSE) for each in rough]
    simpler = [fit(guess, dials) for each in coarse if each.guess.model == "share" for guess in simplified(each.guess)]
    fine = [improved(each, dials, FINE) for each in _best([*coarse, *simpler], _KEPT)]
    return _best([each for each in fine if _has_jitter(each.guess, dials)], _KEPT)


def _best(fits: list[Fit], count: int) -> list[Fit]:
    """Return the best one of each kind, and so many of them, the best first."""
    kinds: dict[tuple[object, ...], Fit] = {}
    for each in sorted(fits, key=lambda each: each.score, reverse=True):
        guess = each.guess
        kinds.setdefault((guess.model, guess.initial is None, guess.at_once), each)
    return list(kinds.values())[:count]


def _structures(runs: list[tuple[bool, list[float]]]) -> Iterator[Guess]:
    """Yield guesses of all models, with and without a dial that comes at once and an initial wait."""
    plain = [run for _, run in runs]
    yield from guesses(plain)
    at_once = _comes_at_once(runs)
    if at_once:
        plain = [run[served:] for served, run in runs if len(run) > served]
        yield from (replace(guess, at_once=True) for guess in guesses(plain))
    heads, rest = [run[0] for run in plain], [run[1:] for run in plain if len(run) > 1]
    if rest:
        initial = _initial(heads)
        # Of a single run that is random, the first wait is a draw like any other: nothing shows that it's a wait apart.
        found = (guess for guess in guesses(rest) if len(heads) > 1 or guess.model == "fixed")
        yield from (replace(guess, at_once=at_once, initial=initial) for guess in found)


def _comes_at_once(runs: list[tuple[bool, list[float]]]) -> bool:
    after = [run for served, run in runs if served]
    later = [wait for run in after for wait in run[1:]]
    return bool(later) and all(run[0] < _AT_ONCE for run in after) and sorted(later)[len(later) // 2] > 2 * _AT_ONCE


def _runs(dials: Dials) -> Iterator[tuple[bool, list[float]]]:
    """Yield the waits of each run, and whether it came after a connection."""
    after, run = False, list[float]()
    for dial in dials:
        if dial.waited is not None:
            run.append(dial.waited)
        if dial.outcome == "served" and not dial.in_vain:
            if run:
                yield after, run
            after, run = True, []
    if run:
        yield after, run


def _too_few(count: int, runs: list[list[float]]) -> tuple[str, ...]:
    longest = max(map(len, runs), default=0)
    if count < _FEWEST:
        return (f"it takes at least {_FEWEST} waits: let the client dial in vain more often",)
    if longest < 2:  # noqa: PLR2004 - the second wait is what grows
        return ("each run has a single wait, so nothing can have grown: let the client dial in vain twice in a row",)
    return ()


def _accepts(guess: Guess, dials: Dials) -> bool:
    return not guess.policy().explain_snapshot(Dials(dials))


def _made(best: Fit, rival: Fit | None, dials: Dials, counts: tuple[int, int]) -> Fingerprint:
    policy, count = best.guess.policy(), counts[0]
    longest = max(dial.waited for dial in dials if dial.waited is not None)
    missing = []
    if policy.cap is None:
        missing.append(f"no cap was seen: the longest wait was {longest:.3f}s")
    if best.guess.model != "fixed" and count < _ENOUGH:
        missing.append(f"{count} random waits may be too few to tell the jitter: it takes {_ENOUGH}")
    if rival is None:
        return Fingerprint(policy, *counts, missing=tuple(missing))
    lead = max(0.0, best.score - rival.score)
    return Fingerprint(policy, *counts, shortened(rival.guess).policy(), lead, tuple(missing))


def _initial(heads: list[float]) -> float | tuple[float, float]:
    """Return one wait, or the range that so many draws lie in, a little wider than what was seen."""
    low, high = min(heads), max(heads)
    if high - low < NEAR:
        return float(f"{sum(heads) / len(heads):.2g}")
    gap = (high - low) / len(heads)
    digit = 10.0 ** math.floor(math.log10(high) - 1)
    return max(0.0, round(math.floor((low - gap) / digit) * digit, 9)), round(
        math.ceil((high + gap) / digit) * digit, 9
    )


def _has_jitter(guess: Guess, dials: Dials) -> bool:
    """Whether the jitter of a model is more than what timers make."""
    if guess.model == "decorrelated":
        return guess.cap is None or guess.cap > guess.first + NEAR
    if guess.model not in SPREADING:
        return True
    longest = max(dial.waited for dial in dials if dial.waited is not None)
    return guess.spread * (1.0 if guess.model == "additive" else longest) > NEAR


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
