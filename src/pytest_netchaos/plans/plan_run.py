"""A plan at work: ``netchaos.run(plan)`` returns one. `course` decides what is to be done; here it is done."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..errors import NetchaosError, WaitTimeout, hide_own_errors
from ..faults import LONGEST, check_duration
from ..waiting import in_thread
from . import course
from .pausable import PausableThread
from .similar import did_you_mean
from .step_run import StepRun
from .watching import LOOK_AGAIN, watch

if TYPE_CHECKING:
    from ..injection import Injection
    from ..link import Link
    from ..plan import Plan, Step
    from .course import Outlook

__tracebackhide__ = hide_own_errors

#: Steps that a message tells one by one.
_MOST_TOLD = 3


class PlanRun:
    """A plan that runs, or has run. Also a context manager that ends it and heals what it has put in force.

    What is due at once is in force, or armed, when `Network.run` returns; the rest is the work of a thread that ends
    with the plan, and with its test at the latest. A step is never early. A step for every link hits those that exist
    when its time has come; as long as it is in force, or armed, it hits also those that are made later. Whoever takes
    back a fault of a plan (``link.heal()``) ends that step, and the plan goes on; ``netchaos.heal()`` ends the plan.
    """

    def __init__(
        self,
        plan: Plan,
        links: Mapping[str, Link],
        timeout: float,
        covers: Callable[[str], bool] = lambda _: True,
        number: int = 1,
    ) -> None:
        self.plan = plan
        self._number = number
        #: The monotonic time from which its steps count.
        self.began_at = time.monotonic()
        #: What became of each step, in order.
        self.steps = tuple(StepRun(step, number) for number, step in enumerate(plan.steps, 1))
        self._links = links
        self._covers = covers
        self._timeout = timeout
        self._is_stopped = False
        self._error: Exception | None = None
        self._thread = PausableThread("netchaos-plan", self._work, self._nudge)
        self._wake = threading.Event()  # of the thread
        #: Guards the steps; whoever holds it may talk to the engine.
        self._news = threading.Condition(threading.RLock())

    def __repr__(self) -> str:
        """Say how far it has come."""
        fired = sum(step.has_fired for step in self.steps)
        state = "over" if self.is_over else "running"
        return f"<plan: {fired} of {len(self.steps)} steps fired, {state}>"

    def __enter__(self) -> Self:
        """Go on with the plan running."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and take back what it has put in force."""
        self.heal()
        if error is None:
            self.raise_error()

    @property
    def is_over(self) -> bool:
        """Whether it was stopped, or has nothing more to do."""
        return self._is_stopped or self._error is not None or all(step.is_through for step in self.steps)

    @property
    def unfired(self) -> tuple[StepRun, ...]:
        """The steps that haven't fired, in order; each says ``why_not``."""
        return tuple(step for step in self.steps if not step.has_fired)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is through: every step has fired, and is over if its fault has an end.

        Args:
            timeout: Seconds; by default the option ``--netchaos-timeout``, and what is left of the plan's own time.

        Raises:
            WaitTimeout: it wasn't in time; says which steps are missing, and why.
            NetchaosError: a step couldn't be carried out.
        """
        timeout = self._patience(timeout)
        self._wait(time.monotonic() + timeout, lambda: False)
        self._check_through(timeout)

    async def wait_async(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as the sync twin
        """Wait like `wait`, without stopping the event loop."""
        timeout = self._patience(timeout)
        until = time.monotonic() + timeout
        await in_thread(lambda cancelled: self._wait(until, cancelled), self._nudge)
        self._check_through(timeout)

    def stop(self) -> None:
        """Begin no further step, and disarm those that wait for a trigger. Harmless when repeated.

        What is in force stays for as long as it was planned, and to the end of the test at most; see `heal`.
        """
        self.end("it was stopped")

    def heal(self) -> float:
        """Stop it, and take back what it has put in force; return the time when none of that was any more."""
        self.end("it was healed")
        return max((injection.heal() for injection in self._injections()), default=time.monotonic())

    # For the network.

    def begin(self) -> Self:
        """Begin what is due at once, and have a thread do the rest.

        Raises:
            ValueError: a trigger has come already, on every link that the step is for.
            NetchaosError: a step couldn't be carried out.
        """
        try:
            for link in [*self._links.values()][:1]:
                link.history()  # a link can be had while its engine still starts, and no step is to be late for that
            with self._news:
                self.began_at = time.monotonic()
                self._begin_replayed()
                outlook = self._begin_due()
        except BaseException:
            with contextlib.suppress(NetchaosError):  # of the two, the first is the one to be heard
                self.heal()
            raise
        if not outlook.is_last:
            self._thread.start()
        return self

    def linked(self, link: Link) -> None:
        """Put a link that was just made under the steps that are in force, or armed."""
        with self._news:
            now = time.monotonic()
            for run in self.steps if self._goes_on else ():
                if not self._is_for(run.step, link.name) or not run.meets(now):
                    continue
                if not run.is_replayed or self._was_recorded(run, link):
                    run.met(self._inject(run, link, run.lasts(now)))
        if self._thread.is_started:
            self._nudge()

    def end(self, why: str) -> None:
        """Stop it, because of this."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self._thread.stop()
        with self._news:
            since = time.monotonic() - self.began_at
            for run in self.steps:
                run.end("" if run.has_begun else f"{self._due(run)}, and {why} after {since:.3g} s")
            try:
                for injection in self._injections():
                    if injection.is_known_to_wait:
                        injection.heal()
            except NetchaosError as error:
                self._error = self._error or error
            self._news.notify_all()

    def raise_error(self) -> None:
        """Raise what has ended it before its time, if something has; only once.

        Raises:
            NetchaosError: a step couldn't be carried out.
        """
        error, self._error = self._error, None
        if error is not None:
            self._is_stopped = True
            raise error

    def complaints(self) -> list[str]:
        """Say which steps haven't fired, and why: a sentence each."""
        count = len(self.steps)
        return [f"step {run.number} of {count}, {run.step}, never fired: {run.why_not}" for run in self.unfired]

    # The thread.

    @property
    def _goes_on(self) -> bool:
        return not self._is_stopped and self._error is None

    def _work(self) -> None:
        try:
            while self._goes_on and self._thread.is_wanted:
                with self._news:
                    outlook = self._begin_due()
                if outlook.is_last:
                    break
                self._rest(outlook)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to hear of it
            self._fail(error)

    def _begin_due(self) -> Outlook:
        while True:
            known = [step.known() for step in self.steps]
            outlook = course.outlook(self.plan.steps, self.began_at, time.monotonic(), known)
            if not outlook.due or not self._goes_on:
                return outlook
            for index in outlook.due:
                at = course.due_at(self.plan.steps, index, self.began_at, known)
                assert at is not None
                self._begin(self.steps[index], at)
            self._news.notify_all()

    def _begin(self, run: StepRun, due_at: float) -> None:
        step = run.step
        links = [link for name, link in self._links.items() if self._is_for(step, name)]
        if run.is_replayed:
            links = [link for link in links if self._was_recorded(run, link)]
        passed = None
        for link in links:
            try:
                run.met(self._inject(run, link, step.for_))
            except ValueError as error:  # its trigger has come already; on another link it may come still
                passed = error
        if passed is not None and not run.injections:
            raise passed
        run.begin(due_at, "" if links else self._no_link(step))  # last: from now on, who waits may find it through

    def _inject(self, run: StepRun, link: Link, for_: float | None) -> Injection:
        return link.inject_by(self._name(run), run.step.fault, for_=for_, when=run.step.on)

    def _begin_replayed(self) -> None:
        """Arm the steps that were recorded: they strike where they struck then, and not at their times."""
        for run in self.steps:
            if run.step.on is None and any(self._was_recorded(run, link) for link in self._links.values()):
                run.is_replayed = True
                self._begin(run, self.began_at)

    def _was_recorded(self, run: StepRun, link: Link) -> bool:
        return link.replay is not None and link.replay.has(self._name(run))

    def _name(self, run: StepRun) -> str:
        return f"plan {self._number} step {run.number}"

    def _rest(self, outlook: Outlook) -> None:
        """Wait until something is to be done, or somebody wakes it."""
        awaited = [injection for index in outlook.awaited for injection in self.steps[index].open]
        now = time.monotonic()
        if awaited:
            watch(awaited, now + LONGEST if outlook.look_at is None else outlook.look_at, self._wake.is_set)
        else:
            self._wake.wait(None if outlook.look_at is None else max(0.0, outlook.look_at - now))
        self._wake.clear()

    def _fail(self, error: Exception) -> None:
        with self._news:
            self._error = error
            for run in self.steps:
                run.end("" if run.injections else f"the plan broke off: {error}")
            self._news.notify_all()

    # What both ends need.

    def _is_for(self, step: Step, link: str) -> bool:
        return self._covers(link) if step.link is None else step.link == link

    def _no_link(self, step: Step) -> str:
        if step.link is None:
            return "there was no link when its time came"
        return f"there was no link {step.link!r} when its time came{did_you_mean(step.link, self._links)}"

    def _due(self, run: StepRun) -> str:
        before = self.steps[run.number - 2]
        if run.step.after is None or run.number == 1:
            return f"it was due at {run.step.at or run.step.after or 0:g} s"
        return f"it waited for {'the end of ' * before.has_fired}step {before.number}"

    def _injections(self) -> list[Injection]:
        return [injection for run in self.steps for injection in run.injections]

    def _nudge(self) -> None:
        self._wake.set()
        with self._news:
            self._news.notify_all()
        for injection in {injection.link: injection for injection in self._injections()}.values():
            injection.nudge()

    def _patience(self, timeout: float | None) -> float:
        if timeout is not None:
            check_duration("timeout", timeout)
            return timeout
        return self._timeout + max(0.0, self.began_at + self.plan.length - time.monotonic())

    def _wait(self, until: float, cancelled: Callable[[], bool]) -> None:
        while not self.is_over and not cancelled() and (now := time.monotonic()) < until:
            awaited = [injection for run in self.steps for injection in run.open]
            if awaited:
                watch(awaited, min(until, now + LOOK_AGAIN), lambda: cancelled() or self.is_over)
            else:
                with self._news:
                    self._news.wait(min(until - now, LOOK_AGAIN))

    def _check_through(self, timeout: float) -> None:
        self.raise_error()
        if self.is_over:
            return
        told = self.complaints() or [f"{run.step} isn't over" for run in self.steps if not run.is_through]
        more = [f"{len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
        raise WaitTimeout(f"waited {timeout:.3g} s for the plan: {'; '.join([*told[:_MOST_TOLD], *more])}")
