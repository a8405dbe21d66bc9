"""A fault that was injected: what `Link`'s verbs return."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from .engines.base import EngineLink
from .errors import EngineError, WaitTimeout, hide_own_errors
from .faults import Fault, check_duration
from .history import FaultSpan
from .waiting import in_thread

__tracebackhide__ = hide_own_errors


class Injection:
    """One fault on one link, in force when it has been made. Also a context manager that heals it."""

    def __init__(self, fault: Fault, link: str, engine_link: EngineLink, for_: float | None, timeout: float) -> None:
        self.fault = fault
        #: The link's name.
        self.link = link
        self._engine_link = engine_link
        self._timeout = timeout
        self._healed_at: float | None = None
        self._id = engine_link.inject(fault, for_)
        self._first = engine_link.log.first_span(self._id)
        if self._first is None:
            raise EngineError(f"link {link!r}: the engine says that {fault} is in force, and not since when")

    def __repr__(self) -> str:
        """Say what, where, and whether it still is."""
        return f"<{self.fault} on link {self.link!r}: {'in force' if self.is_active else 'over'}>"

    def __enter__(self) -> Self:
        """Go on with the fault in force."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Heal it."""
        self.heal()

    @property
    def at(self) -> float:
        """The monotonic time since when it was in force, for the first time, as the engine confirmed it."""
        assert self._first is not None
        return self._first.started_at

    @property
    def started_at(self) -> float:
        """The same as `at`, under the name that it has in a history."""
        return self.at

    @property
    def healed_at(self) -> float | None:
        """The monotonic time since when it is over for good; ``None`` as long as it is in force, or will be again."""
        if self._healed_at is None and self._is_over():
            span = self._span()
            return None if span is None else span.healed_at
        return self._healed_at

    @property
    def hits(self) -> tuple[int, ...]:
        """The connections that it met then, by number."""
        assert self._first is not None
        return self._first.hits

    @property
    def is_active(self) -> bool:
        """Whether it is in force, or will be again (a flap between two cycles)."""
        return not (self.was_healed or self._is_over())

    @property
    def was_healed(self) -> bool:
        """Whether `heal` was called."""
        return self._healed_at is not None

    @property
    def is_known_to_be_over(self) -> bool:
        """Whether it is over as far as we have heard, without asking the engine."""
        return self.fault.instant or self.was_healed or self._engine_link.log.is_over(self._id)

    def heal(self) -> float:
        """Take it back; return the monotonic time when it was no longer in force. Harmless when repeated."""
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
            WaitTimeout: it is still in force then.
        """
        until = self._until(timeout)
        if not self._engine_link.wait(lambda log: log.is_over(self._id), until, lambda: False):
            raise self._still_there()

    async def wait_async(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as the sync twin
        """Wait like `wait`, without stopping the event loop."""
        until = self._until(timeout)
        link, over = self._engine_link, self._id
        if not await in_thread(
            lambda cancelled: link.wait(lambda log: log.is_over(over), until, cancelled), link.nudge
        ):
            raise self._still_there()

    def _until(self, timeout: float | None) -> float:
        if timeout is not None:
            check_duration("timeout", timeout)
        return time.monotonic() + (self._timeout if timeout is None else timeout)

    def _still_there(self) -> WaitTimeout:
        return WaitTimeout(f"{self.fault} on link {self.link!r} is not over yet; to end it, call heal()")

    def _is_over(self) -> bool:
        self._engine_link.history()
        return self._engine_link.log.is_over(self._id)

    def _span(self) -> FaultSpan | None:
        return self._engine_link.log.span(self._id)
