"""How long did the client wait before it dialled again, whatever its policy is? `waits`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from ..faults import check_duration
from ..history import Dials
from ..lags.lateness import stood_still
from .base import Matcher
from .gaps import EARLY, LATE, dials_of, unjudgeable, unseen

#: How many standard deviations the mean of draws may be off: 2·exp(-5.5²/2) = 5.4e-7, see `sampling`.
_SIGMAS = 5.5
#: How much of ``late`` the mean may be late: as if that hit one wait in ten. All of it would hide a mean that is twice
#: what it should be: clients that wait 0.2 s on average, and should wait 0.1, would have passed with 0.25 s.
_LATE_SHARE = 0.1


class _Wait(NamedTuple):
    """The end of a wait, and how long it was."""

    number: int
    at: float
    waited: float
    #: The same without the time for which this process stood still.
    awake: float


@dataclass(frozen=True, eq=False, repr=False)
class waits(Matcher[Dials]):  # noqa: N801 - the class is the call that a test writes
    """There were at least ``samples`` waits between dials, and none, or their mean, is out of bounds.

    For a client whose waits are random, so that one of them says nothing: if it draws from 0 to 0.1 s, but should draw
    from 0 to 0.4, only the longest of many or their mean shows it. A *wait* is what it is for `backoff`.

    - No wait is less than ``least`` (10 ms less, for what a measurement can err by) or more than ``most`` + ``late``.
    - The mean of *n* waits differs from ``mean`` by at most 5.5 · 2·``mean``/√(12·*n*), 58 % for 30: the mean of even
      draws from 0 to twice ``mean`` is farther off with a probability of at most 2·exp(−5.5²/2) = 5.4e-7, that of
      narrower even draws less often. It may be 10 ms less than that, and a tenth of ``late`` more: a machine that
      stands still makes some waits longer, and not all of them.

    Where the log knows that this process stood still (not an event loop: what blocks that may be the client), a wait is
    held to be as much shorter before it's called too long.

    Name a ``late`` that is small beside what ``most`` is to tell apart.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: It's out of range, or there is no bound at all.
    """

    judges = "a link, its dials, or its history"

    #: Seconds that the waits are meant to last on average.
    mean: float | None = field(default=None, kw_only=True)
    #: Seconds that each wait lasts at least.
    least: float | None = field(default=None, kw_only=True)
    #: Seconds that each wait lasts at most.
    most: float | None = field(default=None, kw_only=True)
    #: How many waits it takes.
    samples: int = field(default=30, kw_only=True)
    #: Seconds that a wait may be longer because the client, the proxy or the machine is busy; the mean, a tenth of it.
    late: float = field(default=LATE, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        bounds = {"mean": self.mean, "least": self.least, "most": self.most}
        for name, value in bounds.items():
            if value is not None:
                check_duration(name, value)
        if not any(value is not None for value in bounds.values()):
            raise ValueError("waits() needs a bound: mean=…, least=… or most=…")
        given = [(name, bounds[name]) for name in ("least", "mean", "most")]
        known = [(name, value) for name, value in given if value is not None]
        for (lower, low), (upper, high) in pairwise(known):
            if low > high:
                raise ValueError(f"{upper} must be at least {lower} ({low!r}), not {high!r}")
        if isinstance(self.samples, bool) or not isinstance(self.samples, int):
            raise TypeError(f"samples must be a whole number, not {self.samples!r}")
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, not {self.samples!r}")
        check_duration("late", self.late)

    def snapshot(self, actual: object) -> Dials | None:
        """Judge dials, and what has them."""
        return dials_of(actual)

    def late_of_snapshot(self, snapshot: Dials) -> tuple[float, float] | None:
        """The first wait that is out of bounds, if it was too long."""
        wrong = None if unjudgeable(snapshot, "") else self._out_of_bounds(_waits(snapshot))
        return (wrong.at - wrong.waited, wrong.at) if wrong is not None and self._is_late(wrong) else None

    def explain_snapshot(self, snapshot: Dials) -> list[str]:
        """Show the first wait that is out of bounds, or the mean, and the statistics of all."""
        lines = unjudgeable(snapshot, repr(self))
        if not lines:
            verdict = self._verdict(_waits(snapshot))
            lines = [verdict, _seen(snapshot)] if verdict else []
        if lines:
            return [*lines, snapshot.blind] if snapshot.blind else lines
        return unseen(snapshot, repr(self))

    def _verdict(self, seen: list[_Wait]) -> str:
        wrong = self._out_of_bounds(seen)
        if wrong is not None:
            too = "late" if self._is_late(wrong) else "soon"
            return f"dial {wrong.number} came too {too}, after {wrong.waited:.3f}s: {self!r}"
        if len(seen) < self.samples:
            return f"only {len(seen)} of {self.samples} samples: {self!r}"
        if self.mean is None:
            return ""
        mean, awake = _mean([wait.waited for wait in seen]), _mean([wait.awake for wait in seen])
        within = _SIGMAS * 2 * self.mean / math.sqrt(12 * len(seen))
        low, high = max(0.0, self.mean - within - EARLY), self.mean + within + _LATE_SHARE * self.late
        if low <= mean and awake <= high:
            return ""
        return f"the mean wait is {mean:.3f}s, allowed {low:.3f}..{high:.3f}s: {self!r}"

    def _out_of_bounds(self, seen: list[_Wait]) -> _Wait | None:
        return next((wait for wait in seen if self._is_soon(wait) or self._is_late(wait)), None)

    def _is_soon(self, wait: _Wait) -> bool:
        return self.least is not None and wait.waited < self.least - EARLY

    def _is_late(self, wait: _Wait) -> bool:
        return self.most is not None and wait.awake > self.most + self.late


def _waits(dials: Dials) -> list[_Wait]:
    seen = ((dial, dial.waited) for dial in dials if dial.waited is not None)
    return [
        _Wait(dial.number, dial.at, waited, waited - stood_still(dials.lags, dial.at - waited, dial.at))
        for dial, waited in seen
    ]


def _mean(numbers: list[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _seen(dials: Dials) -> str:
    seen = [wait.waited for wait in _waits(dials)]
    count = f"{len(seen)} {'wait' if len(seen) == 1 else 'waits'}"
    return f"{count}: least {min(seen):.3f}s  mean {_mean(seen):.3f}s  most {max(seen):.3f}s"
