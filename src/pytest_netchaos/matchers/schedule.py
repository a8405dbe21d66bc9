"""What each wait of a client is to be, by its policy: the arithmetic behind `backoff`. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ..faults import LONGEST
from ..history import Dial, Dials
from ..jitter import Jitter
from ..law import Law, fixed, uniform
from .gaps import EARLY
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
        return "too late" if self.is_late else ""

    @property
    def is_late(self) -> bool:
        """Whether it lasted longer than is allowed."""
        return self.waited > self.most

    @property
    def is_random(self) -> bool:
        """Whether it's drawn, so that it says something about the jitter."""
        return self.low.least < self.low.most

    def draw(self) -> Draw:
        """Return it as quantiles of its law."""
        return draw(self.waited, self.low, self.high, early=EARLY, late=self.late)


def waits(policy: Policy, dials: Dials) -> Iterator[Wait]:
    """Yield each wait with what it should have been. A run ends with a dial that was served, and not in vain."""
    laws = _Laws(policy) if policy.model.grows else _LawsOfTheLast(policy)
    step = 0
    for dial in dials:
        if dial.waited is not None:
            yield Wait(dial, dial.waited, *laws.of(step, dial.waited), policy.late)
            step += 1
        if dial.outcome == "served" and not dial.in_vain:
            step = -1 if policy.at_once else 0


class _Laws:
    """The laws of the waits of a run, by their number; -1 is the dial that comes at once. Each is worked out once."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        # No cap is a cap of a day: no test waits longer, and a product that never stops growing would overflow.
        self._cap = LONGEST if policy.cap is None else policy.cap
        self._meant = policy.first
        self._at_once = fixed(0.0)
        self._initial = _initial(policy)
        self._known = [] if self._initial is None else [self._initial]

    def of(self, step: int, waited: float) -> tuple[Law, Law]:  # noqa: ARG002 - those of the subclass depend on it
        if step < 0:
            return self._at_once, self._at_once
        while len(self._known) <= step:
            self._known.append(self._law(self._meant, self._meant))
            self._meant = min(self._meant * self._policy.factor, LONGEST)
        return self._known[step], self._known[step]

    def _law(self, meant: float, before: float) -> Law:
        model = self._policy.model
        law = model.law(meant if model.cap_after else min(meant, self._cap), before)
        return law.clipped(0.0, self._cap if model.cap_after else 2 * LONGEST)


class _LawsOfTheLast(_Laws):
    """The same where each wait is drawn by the one before, which is known but for lateness."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self._before = policy.first, policy.first

    def of(self, step: int, waited: float) -> tuple[Law, Law]:
        if step <= 0:
            self._before = self._policy.first, self._policy.first
        if step < len(self._known):
            laws = super().of(step, waited)
        else:
            low, high = (self._law(self._policy.first, before) for before in self._before)
            laws = low, high
        if step >= 0:
            self._before = waited - self._policy.late, waited + EARLY
        return laws


def _initial(policy: Policy) -> Law | None:
    if policy.initial is None:
        return None
    return uniform(*policy.initial) if isinstance(policy.initial, tuple) else fixed(policy.initial)
