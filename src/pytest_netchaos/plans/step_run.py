"""One step of a plan that runs: what it was injected as, when, and why it hasn't fired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import NetchaosError
from .course import Known

if TYPE_CHECKING:
    from ..injection import Injection
    from ..plan import Step


class StepRun:
    """One step of a plan that runs. To read it never raises, and never waits for the plan."""

    def __init__(self, step: Step, number: int) -> None:
        self.step = step
        #: 1 for the plan's first.
        self.number = number
        #: The monotonic time from which on it was to be in force, or armed; ``None`` until its time has come.
        self.due_at: float | None = None
        #: Its fault on each link that it met, in order.
        self.injections: tuple[Injection, ...] = ()
        #: Whether it strikes where it struck in a recording, and not at its time.
        self.is_replayed = False
        self._over_at: float | None = None
        self._why_not = "its time hasn't come"

    def __repr__(self) -> str:
        """Say what it is, and what became of it."""
        return f"<step {self.number}, {self.step}: {self.why_not or 'fired'}>"

    @property
    def injection(self) -> Injection | None:
        """Its fault on the link where it was in force first, or is armed; ``None`` where it has met none."""
        fired = sorted(self._fired, key=lambda injection: injection.at)
        return next(iter([*fired, *self.injections]), None)

    @property
    def has_fired(self) -> bool:
        """Whether its fault has been in force on any link."""
        return bool(self._fired)

    @property
    def at(self) -> float | None:
        """The monotonic time since when it was in force, for the first time; ``None`` if it hasn't been."""
        return min((injection.at for injection in self._fired), default=None)

    @property
    def late(self) -> float | None:
        """Seconds by which it was later than planned; ``None`` if it hasn't fired, or waited for a trigger."""
        at = self.at
        has_time = self.step.on is None and not self.is_replayed
        return at - self.due_at if at is not None and self.due_at is not None and has_time else None

    @property
    def why_not(self) -> str:
        """Why it hasn't fired, in words; empty if it has."""
        return "" if self.has_fired else self._why_not or self._waits()

    # For the run.

    @property
    def has_begun(self) -> bool:
        """Whether its time has come."""
        return self.due_at is not None

    def begin(self, due_at: float, why_not: str) -> None:
        """Note that its time has come, and why it hasn't fired if it meets no link."""
        self.due_at, self._why_not = due_at, why_not

    def met(self, injection: Injection) -> None:
        """Note what it was injected as."""
        self.injections = (*self.injections, injection)  # another one: somebody may be reading
        self._why_not = ""

    def end(self, why_not: str) -> None:
        """Note that the plan is over: if it hasn't fired, why."""
        if not self.has_fired:
            self._why_not = self._why_not if self.has_begun and self._why_not else why_not or self._waits()

    def known(self) -> Known:
        """Return what is known of it, without asking the engine.

        It is over where it has fired, and is over on all links where it has. Without a link it is over when its
        ``for_`` has passed.
        """
        if self.due_at is None:
            return Known()
        if self._over_at is None:
            self._over_at = self._ended()
        if self._over_at is None and not self.injections and self.step.on is None:
            return Known(has_begun=True, over_at=self.due_at + (self.step.for_ or 0.0))
        return Known(has_begun=True, over_at=self._over_at)

    def meets(self, now: float) -> bool:
        """Whether a link that is made now is under it."""
        if self.due_at is None:
            return False
        if self.step.on is not None or self.is_replayed:
            return True
        if self.step.fault.instant or (self.step.for_ is not None and self.due_at + self.step.for_ <= now):
            return False
        return not self.injections or not all(injection.is_known_to_be_over for injection in self.injections)

    def lasts(self, now: float) -> float | None:
        """Return for how many seconds such a link is; ``None`` where that isn't limited."""
        if self.step.for_ is None or self.step.on is not None or self.is_replayed or self.due_at is None:
            return self.step.for_
        return self.due_at + self.step.for_ - now

    @property
    def open(self) -> list[Injection]:
        """What hasn't fired yet, or isn't over yet, as far as we have heard; not what has no end."""
        endless = self.step.lasts is None
        return [
            injection
            for injection in self.injections
            if not (injection.is_known_to_be_over or (endless and injection.is_known_to_have_fired))
        ]

    @property
    def is_through(self) -> bool:
        """Whether nothing more is to be expected of it: it has fired, and is over if it has an end."""
        if self.due_at is None or (self.step.on is not None and not self._has_fired_as_known):
            return False
        return not any(injection.is_known_to_have_fired for injection in self.open)

    @property
    def _has_fired_as_known(self) -> bool:
        return any(injection.is_known_to_have_fired for injection in self.injections)

    @property
    def _fired(self) -> list[Injection]:
        return [injection for injection in self.injections if _has_fired(injection)]

    def _ended(self) -> float | None:
        fired = [injection for injection in self.injections if injection.is_known_to_have_fired]
        ends = [end for injection in fired if (end := injection.known_end) is not None]
        return max(ends) if fired and len(ends) == len(fired) else None

    def _waits(self) -> str:
        if not self.injections:
            return "it has met no link"
        first = self.injections[0]
        others = len(self.injections) - 1
        more = f" (and {others} other{'s' * (others > 1)})" if others else ""
        return f"on link {first.link!r}{more} {first.still_armed()}"


def _has_fired(injection: Injection) -> bool:
    try:
        return injection.has_fired
    except NetchaosError:  # the engine is dead: as far as we had heard
        return injection.is_known_to_have_fired
