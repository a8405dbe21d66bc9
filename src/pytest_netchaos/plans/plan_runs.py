"""The plans of one test: those of its markers, which begin with their first link, and those that it runs itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import NetchaosError
from ..plan import Plan
from .plan_run import PlanRun
from .similar import did_you_mean

if TYPE_CHECKING:
    from ..link import Link
    from ..marking.marker import Standing

# A bad value, or plan, is the fault of the line that wrote it.
__tracebackhide__ = True

#: Seconds by which a step may be late before it is said: half of the shortest cut that `Flap` draws by default.
LATE = 0.025


class PlanRuns:
    """Runs the plans of one test.

    Args:
        links: The test's, by name; the mapping changes when one is made.
        timeout: Seconds that waiting methods wait by default.
        standings: What the test's markers put its links under.
    """

    def __init__(self, links: Mapping[str, Link], timeout: float, standings: Iterable[Standing] = ()) -> None:
        self._links = links
        self._timeout = timeout
        self._to_come = [(plan, standing) for standing in standings for plan in standing.plans]
        #: Those that have begun, in order.
        self.begun: list[PlanRun] = []

    def start(self, plan: Plan) -> PlanRun:
        """Run a plan.

        Raises:
            TypeError: it isn't one.
            ValueError: a step names a link that there isn't, or its trigger has come already.
        """
        if not isinstance(plan, Plan):
            hint = f"; did you mean Plan({plan!r})?" if type(plan).__name__ == "Step" else ""
            raise TypeError(f"plan must be a Plan(Step(…), …), not {plan!r}{hint}")
        for name in plan.links:
            if name not in self._links:
                raise ValueError(
                    f"the plan has a step for link {name!r}, which isn't there{did_you_mean(name, self._links)}"
                )
        return self._start(PlanRun(plan, self._links, self._timeout, number=len(self.begun) + 1))

    def linked(self, link: Link) -> None:
        """Put a link that was just made under the plans; begin those of markers that have waited for it."""
        for run in self.begun:
            run.linked(link)
        for pair in [*self._to_come]:
            plan, standing = pair
            if standing.hits(link.name):
                self._to_come.remove(pair)
                self._start(PlanRun(plan, self._links, self._timeout, standing.hits, len(self.begun) + 1))

    def end(self, why: str) -> None:
        """Stop all of them, because of this; none begins any more."""
        self._to_come = []
        for run in self.begun:
            run.end(why)

    def finish(self, *, strict: bool = False) -> None:
        """End them with the test.

        Raises:
            NetchaosError: a step couldn't be carried out, and nobody was told; or one hasn't fired, and the run is
                ``strict``.
        """
        self.end("the test was over")
        for run in self.begun:
            run.raise_error()
        if strict and (unfired := self.complaints()):
            raise NetchaosError(f"{'; '.join(unfired)} (--netchaos-strict)")

    def complaints(self) -> list[str]:
        """Say which steps haven't fired, and why: a sentence each."""
        several = len(self.begun) > 1
        return [
            f"plan {number}: {text}" if several else f"plan: {text}"
            for number, run in enumerate(self.begun, 1)
            for text in run.complaints()
        ]

    def remarks(self) -> list[str]:
        """Say by how much the latest step was later than planned, if that is worth a line."""
        late = max(((step.late or 0.0, step.number) for run in self.begun for step in run.steps), default=(0.0, 0))
        return [f"plan: step {late[1]} came {late[0]:.3f} s later than planned"] if late[0] > LATE else []

    def _start(self, run: PlanRun) -> PlanRun:
        run.begin()
        self.begun.append(run)
        return run
