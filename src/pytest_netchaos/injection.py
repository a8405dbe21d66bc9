"""A fault that was injected: what `Link`'s verbs return."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from .engines.base import EngineLink
from .errors import EngineError, NetchaosError, WaitTimeout, hide_own_errors
from .faults import Fault, check_duration
from .history import FaultSpan
from .linklog import LinkLog
from .replaying import Replayed
from .triggers import Trigger
from .waiting import in_thread

__tracebackhide__ = hide_own_errors


class Injection:
    """One fault on one link, in force when it has been made. Also a context manager that heals it.

    With a trigger (``when=``) it is *armed* first: it comes into force when the trigger comes, and `heal` disarms it.
    """

    def __init__(
        self,
        fault: Fault,
        link: str,
        engine_link: EngineLink,
        for_: float | None,
        timeout: float,
        when: Trigger | None = None,
        by: str = "",
        order: Replayed | None = None,
    ) -> None:
        self.fault = fault
        #: The link's name.
        self.link = link
        #: What it waits for, or has waited for; ``None`` where it was in force at once.
        self.when = when
        self._engine_link = engine_link
        self._timeout = timeout
        self._healed_at: float | None = None
        self._id = engine_link.inject(fault, for_, when if order is None else order)
        if by:
            engine_link.log.attributed(self._id, by)
        if when is None and order is not None and order.marks[0] is not None:
            self.when = order
        elif when is None and self._first is None:
            raise EngineError(f"link {link!r}: the engine says that {fault} is in force, and not since when")

    def __repr__(self) -> str:
        """Say what, where, and whether it still is."""
        if self.has_fired:
            return f"<{self.fault} on link {self.link!r}: {'in force' if self.is_active else 'over'}>"
        state = "disarmed, it never fired" if self._is_over() else f"armed, waits for {self.when}"
        return f"<{self.fault} on link {self.link!r}: {state}>"

    def __enter__(self) -> Self:
        """Go on with the fault in force, or armed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Heal it."""
        self.heal()

    @property
    def has_fired(self) -> bool:
        """Whether it has been in force: at once, or since its trigger came."""
        if self._first is None and not self._engine_link.log.is_over(self._id):
            self._engine_link.history()  # the latest
        return self._first is not None

    @property
    def at(self) -> float:
        """The monotonic time since when it was in force, for the first time, as the engine confirmed it.

        Raises:
            NetchaosError: it hasn't been: its trigger has not come.
        """
        return self._fired().started_at

    @property
    def started_at(self) -> float:
        """The same as `at`, under the name that it has in a history."""
        return self.at

    @property
    def healed_at(self) -> float | None:
        """The monotonic time since when it is over for good; ``None`` as long as it is in force, or may be again."""
        if self._healed_at is None and self._is_over():
            span = self._span()
            return None if span is None else span.healed_at
        return self._healed_at

    @property
    def hits(self) -> tuple[int, ...]:
        """The connections that it met then, by number.

        Raises:
            NetchaosError: it has met none yet: its trigger has not come.
        """
        return self._fired().hits

    @property
    def is_active(self) -> bool:
        """Whether it is in force, or will be again (a flap between two cycles). One that is armed isn't."""
        return self.has_fired and not (self.was_healed or self._is_over())

    @property
    def was_healed(self) -> bool:
        """Whether `heal` was called."""
        return self._healed_at is not None

    @property
    def is_known_to_be_over(self) -> bool:
        """Whether it is over as far as we have heard, without asking the engine."""
        has_happened = self.fault.instant and self._first is not None
        return has_happened or self.was_healed or self._engine_link.log.is_over(self._id)

    @property
    def is_known_to_wait(self) -> bool:
        """Whether it waits for its trigger as far as we have heard, without asking the engine."""
        return self._first is None and not self.is_known_to_be_over

    @property
    def is_known_to_have_fired(self) -> bool:
        """Whether it has been in force as far as we have heard, without asking the engine."""
        return self._first is not None

    @property
    def known_end(self) -> float | None:
        """When it was over for good, as far as we have heard; ``None`` if it isn't, or has never been in force."""
        span = self._span()
        return span.healed_at if span is not None and self.is_known_to_be_over else None

    def heal(self) -> float:
        """Take it back, or disarm it; return the time when it was no longer in force. Harmless when repeated."""
        if self._healed_at is None:
            self._engine_link.heal(self._id)
            span = self._span()
            self._healed_at = time.monotonic() if span is None or span.healed_at is None else span.healed_at
        return self._healed_at

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is over by itself: ``for_`` has passed, or a flap has had its cycles.

        Args:
            timeout: Seconds; by default the option ``--netchaos-timeout``.

        Raises:
            WaitTimeout: it is still in force then, or armed.
        """
        until = self._until(timeout)
        if not self._engine_link.wait(self._has_ended, until, lambda: False):
            raise self._still_there()

    async def wait_async(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as the sync twin
        """Wait like `wait`, without stopping the event loop."""
        until = self._until(timeout)
        link = self._engine_link
        if not await in_thread(lambda cancelled: link.wait(self._has_ended, until, cancelled), link.nudge):
            raise self._still_there()

    def wait_fired(self, timeout: float | None = None) -> None:
        """Wait until it is in force, for the first time.

        Args:
            timeout: Seconds; by default the option ``--netchaos-timeout``.

        Raises:
            WaitTimeout: its trigger has not come by then; says what the link has seen.
            NetchaosError: it was healed before.
        """
        until = self._until(timeout)
        self._engine_link.wait(self._is_decided, until, lambda: False)
        self._check_fired()

    async def wait_fired_async(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as the sync twin
        """Wait like `wait_fired`, without stopping the event loop."""
        until = self._until(timeout)
        link = self._engine_link
        await in_thread(lambda cancelled: link.wait(self._is_decided, until, cancelled), link.nudge)
        self._check_fired()

    def watch(self, is_enough: Callable[[], bool], until: float, cancelled: Callable[[], bool]) -> None:
        """Wait for news of its link until ``is_enough()``, the monotonic time ``until``, or ``cancelled()``.

        Raises:
            EngineDied: there is no engine any more.
        """
        self._engine_link.wait(lambda _: is_enough(), until, cancelled)

    def nudge(self) -> None:
        """Make a waiting `watch` look at ``cancelled()``."""
        self._engine_link.nudge()

    def still_armed(self) -> str:
        """Say what it waits for, and how far its link has come; never raises."""
        try:
            seen = "" if self.when is None else f"; {self.when.seen(self._engine_link.history())}"
        except NetchaosError:
            seen = ""
        return f"it waited for {self.when}{seen}"

    def _until(self, timeout: float | None) -> float:
        if timeout is not None:
            check_duration("timeout", timeout)
        return time.monotonic() + (self._timeout if timeout is None else timeout)

    def _still_there(self) -> WaitTimeout:
        if not self.has_fired:
            return WaitTimeout(self._not_fired())
        return WaitTimeout(f"{self.fault} on link {self.link!r} is not over yet; to end it, call heal()")

    def _check_fired(self) -> None:
        if self._first is None:
            raise (NetchaosError if self._is_over() else WaitTimeout)(self._not_fired())

    def _not_fired(self) -> str:
        """Say why it has not been in force. Only what has a trigger may not have been."""
        assert self.when is not None
        history = self._engine_link.history()
        was = "was healed while it waited" if self._engine_link.log.is_over(self._id) else "waits"
        return f"{self.fault} on link {self.link!r} has not fired: it {was} for {self.when}; {self.when.seen(history)}"

    @property
    def _first(self) -> FaultSpan | None:
        return self._engine_link.log.first_span(self._id)

    def _fired(self) -> FaultSpan:
        if not self.has_fired:
            raise NetchaosError(self._not_fired())
        assert self._first is not None
        return self._first

    def _has_ended(self, log: LinkLog) -> bool:
        return log.is_over(self._id)

    def _is_decided(self, log: LinkLog) -> bool:
        """Whether it has fired, or never will."""
        return log.first_span(self._id) is not None or log.is_over(self._id)

    def _is_over(self) -> bool:
        self._engine_link.history()
        return self._engine_link.log.is_over(self._id)

    def _span(self) -> FaultSpan | None:
        return self._engine_link.log.span(self._id)
