"""Event loops under watch: for how long one hasn't come round. `lag` says why, and looks every `PERIOD`.

Asyncio has nothing to watch a loop with. So it is handed one function at a time, in the way that it offers to other
threads (``call_soon_threadsafe``); the function writes down the time and can't raise. A loop that has stopped isn't
asked, and one that is closed is forgotten.

Trio has *instruments*, which it tells when it begins and ends to wait for I/O. Between the two it is busy, and one that
is busy for long stands still for all tasks but one. To hand a run a function would wake it up, so that it never gets
to rest: ``trio.testing.wait_all_tasks_blocked(0.05)`` and ``MockClock(autojump_threshold=0.05)`` would wait for ever.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any

from ..history import Lag, Sleeper

#: Seconds; what is shorter is the daily life of a busy machine.
LEAST = 0.05


class WatchedLoop(ABC):
    """One event loop under watch. Used under the lock of who watches it, but by the loop itself."""

    #: Whether nothing more can come of it.
    is_over = False

    def look(self, now: float) -> None:
        """See how it is. Called every `lag.PERIOD`."""
        del now

    @abstractmethod
    def ended(self) -> list[Lag]:
        """Return the lags that have come to their end since the last call."""

    @abstractmethod
    def lasting(self, now: float) -> Lag | None:
        """Return the one that still lasts."""

    def leave(self) -> None:
        """Stop watching."""
        self.is_over = True


class _Ping:
    """A function that a loop was handed."""

    __slots__ = ("answered_at", "sent_at")

    def __init__(self, sent_at: float) -> None:
        self.sent_at = sent_at
        self.answered_at: float | None = None

    def answer(self) -> None:
        """Write down when the loop got to it."""
        self.answered_at = time.monotonic()


class AsyncioLoop(WatchedLoop):
    """A loop of asyncio, or one that is like it (uvloop)."""

    def __init__(self, loop: Any) -> None:  # noqa: ANN401 - asyncio isn't imported for its type
        self._loop = loop
        self._ping: _Ping | None = None
        self._seen_running_at = 0.0
        self._ended: list[Lag] = []

    def look(self, now: float) -> None:
        """Hand it a function, or see when it called the last one."""
        is_running = self._is_running()
        if is_running:
            self._seen_running_at = now
        ping = self._ping
        if ping is not None and (ping.answered_at is not None or not is_running):
            self._ended += filter(None, [self._lag(ping, now, is_running=is_running)])
            self._ping = ping = None
        if is_running and ping is None:
            self._send(now)

    def ended(self) -> list[Lag]:
        """Return the lags that have come to their end since the last call."""
        found, self._ended = self._ended, []
        return found

    def lasting(self, now: float) -> Lag | None:
        """Return for how long it hasn't called the function, or had not; while it is stopped it needn't."""
        return None if self._ping is None else self._lag(self._ping, now, is_running=self._is_running())

    def _is_running(self) -> bool:
        """Whether it calls what it is handed: it rests between the fixtures and the test that run on it in turn."""
        return not self.is_over and bool(self._loop.is_running())

    def _send(self, now: float) -> None:
        ping = _Ping(now)
        try:
            self._loop.call_soon_threadsafe(ping.answer)
        except Exception:  # noqa: BLE001 - it is closed by now (RuntimeError), or a foreign one that can't do this
            self.leave()
        else:
            self._ping = ping

    def _lag(self, ping: _Ping, now: float, *, is_running: bool) -> Lag | None:
        asked_until = now if is_running else self._seen_running_at
        return lag_between(ping.sent_at, ping.answered_at or asked_until, "event loop")


class TrioRun(WatchedLoop):
    """A run of trio, as an instrument of it: https://trio.readthedocs.io/en/stable/reference-lowlevel.html#instruments.

    Made by a task of the run.
    """

    def __init__(self, token: Any) -> None:  # noqa: ANN401 - trio isn't imported for its type
        self._token = token
        self._busy_since: float | None = time.monotonic()
        self._ended: list[Lag] = []
        import trio  # noqa: PLC0415 - only where it already runs

        trio.lowlevel.add_instrument(self)  # type: ignore[arg-type]  # it is asked only for what it has

    def after_io_wait(self, timeout: float) -> None:
        """Begin to be busy."""
        del timeout
        self._busy_since = time.monotonic()

    def before_io_wait(self, timeout: float) -> None:
        """Have come round."""
        del timeout
        if self._busy_since is not None:
            self._ended += filter(None, [lag_between(self._busy_since, time.monotonic(), "event loop")])
        self._busy_since = None

    def after_run(self) -> None:
        """Be over."""
        self.before_io_wait(0.0)
        self.is_over = True

    def ended(self) -> list[Lag]:
        """Return the lags that have come to their end since the last call."""
        found: list[Lag] = []
        while self._ended:
            found.append(self._ended.pop(0))  # one by one: the run may add to them meanwhile
        return found

    def lasting(self, now: float) -> Lag | None:
        """Return for how long it has been busy."""
        since = self._busy_since
        return None if since is None else lag_between(since, now, "event loop")

    def leave(self) -> None:
        """Take the instrument out, which only the run itself may do."""
        if self.is_over:
            return
        self.is_over = True
        try:
            self._token.run_sync_soon(self._remove)
        except RuntimeError:  # the run is over: trio.RunFinishedError
            return

    def _remove(self) -> None:
        import trio  # noqa: PLC0415 - only where it already runs

        try:
            trio.lowlevel.remove_instrument(self)  # type: ignore[arg-type]  # as above
        except KeyError:  # trio has done so
            return


def lag_between(begin: float, end: float, of: Sleeper) -> Lag | None:
    """Return the lag from one time to another, if it is long enough to be one."""
    return Lag(begin, end - begin, of) if end - begin >= LEAST else None
