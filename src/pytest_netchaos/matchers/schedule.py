"""What each wait of a client is to be, by its policy: the arithmetic behind `backoff`. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ..faults import LONGEST
from ..history import Dial, Dials
from .gaps import EARLY
from .jitter import Jitter
from .law import Law, fixed, uniform
from .sampling import Draw, draw


class Policy(Protocol):
    """What a client was told about its waits; `backoff` says what each part means."""

    @property
    def first(self) -> float: ...  # noqa: D102 - see `backoff`
    @property
    def factor(self) -> float: ...  # noqa: D102 - see `backoff`
    @property
    def cap(self) -> float | None: ...  # noqa: D102 - see `backoff`
    @property
    def initial(self) -> float | tuple[float, float] | None: ...  # noqa: D102 - see `backoff`
    @property
    def at_once(self) -> bool: ...  # noqa: D102 - see `backoff`
    @property
    def late(self) -> float: ...  # noqa: D102 - see `backoff`
    @property
    def model(self) -> Jitter:
        """The jitter, a number too."""


class Wait(NamedTuple):
    """One wait between two dials, and what was allowed for it, in seconds."""

    dial: Dial
    waited: float
    #: Its law. There are two where it depends on the wait before, which isn't known exactly.
    low: Law
    high: Law
    late: float

    @property
    def least(self) -> float:
        """The shortest that is allowed."""
        return max(0.0, self.low.least - EARLY)

    @property
    def most(self) -> float:
        """The longest that is allowed."""
        return self.high.most + self.late

    @property
    def verdict(self) -> str:
        """What is wrong with it; empty for nothing."""
        if self.waited < self.least:
            return "too soon"
        return "too late" if self.waited > self.most else ""

    @property
    def is_random(self) -> bool:
        """Whether it's drawn, so that it says something about the jitter."""
        return self.low.least < self.low.most

    def draw(self) -> Draw:
        """Return it as quantiles of its law."""
        return draw(self.waited, self.low, self.high, early=EARLY, late=self.late)


def waits(policy: Policy, dials: Dials) -> Iterator[Wait]:
    """Yield each wait with what it should have been. A run ends with a dial that was served, and not in vain."""
    run = _Run(policy)
    for dial in dials:
        if dial.waited is not None:
            yield run.judged(dial, dial.waited)
        if dial.outcome == "served" and not dial.in_vain:
            run = _Run(policy, at_once=policy.at_once)


class _Run:
    """The waits from one success to the next."""

    def __init__(self, policy: Policy, *, at_once: bool = False) -> None:
        self._policy = policy
        self._cap = LONGEST if policy.cap is None else policy.cap
        self._meant = policy.first
        self._special = [law for law, there in ((fixed(0.0), at_once), (_initial(policy), True)) if there and law]
        #: How long the wait before can have been.
        self._before = policy.first, policy.first

    def judged(self, dial: Dial, waited: float) -> Wait:
        low, high = self._laws()
        self._before = waited - self._policy.late, waited + EARLY
        return Wait(dial, waited, low, high, self._policy.late)

    def _laws(self) -> tuple[Law, Law]:
        if self._special:
            law = self._special.pop(0)
            return law, law
        meant = self._meant
        # No cap is a cap of a day: no test waits longer, and a product that never stops growing would overflow.
        if self._policy.model.grows:
            self._meant = min(meant * self._policy.factor, LONGEST)
        low, high = (self._law(meant, before) for before in self._before)
        return low, high

    def _law(self, meant: float, before: float) -> Law:
        model = self._policy.model
        law = model.law(meant if model.cap_after else min(meant, self._cap), before)
        return law.clipped(0.0, self._cap if model.cap_after else 2 * LONGEST)


def _initial(policy: Policy) -> Law | None:
    if policy.initial is None:
        return None
    return uniform(*policy.initial) if isinstance(policy.initial, tuple) else fixed(policy.initial)
