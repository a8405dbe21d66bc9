"""Notice when an event loop, or this whole process, stands still: a wait that ends late may be the doing of that.

A client can only be as punctual as what it runs on. Where a callback blocks its event loop for 0.3 s, or the machine
gives the process no time, a reconnect comes late though the client is in order. So a thread looks every 20 ms:

- how late it wakes up itself. That is the process (stopped, or short of processor time), or its interpreter's lock;
- how long each event loop takes to call a function that it was handed.

Nothing is installed into an event loop: no task, no timer, no handler, no policy. It is handed one function at a time,
in the way that each loop offers to other threads (``call_soon_threadsafe``, ``TrioToken.run_sync_soon``). The function
writes down the time and can't raise. A loop that has stopped isn't asked, and one that is closed is forgotten.

What it costs is in `PERIOD`.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from .history import Lag, Sleeper
from .waiting import in_asyncio, in_trio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from weakref import ReferenceType

#: Seconds between two looks. A lag is found to be up to this much shorter than it was.
PERIOD = 0.02
#: Seconds; what is shorter is the daily life of a busy machine.
LEAST = 0.05


class _Loop(Protocol):
    """An event loop, seen from another thread."""

    def call(self, function: Callable[[], None]) -> None:
        """Have the loop call a function soon.

        Raises:
            RuntimeError: It is over.
        """

    @property
    def is_running(self) -> bool:
        """Whether it would."""


class _Asyncio:
    """A loop of asyncio, or one that is like it (uvloop)."""

    def __init__(self, loop: Any) -> None:  # noqa: ANN401 - asyncio isn't imported for its type
        self._loop = loop

    def call(self, function: Callable[[], None]) -> None:
        """Have the loop call a function soon."""
        self._loop.call_soon_threadsafe(function)

    @property
    def is_running(self) -> bool:
        """Whether it would: a loop rests between the fixtures and the test that pytest-asyncio runs on it."""
        return bool(self._loop.is_running())


class _Trio:
    """A run of trio, by its token: it runs until it is over."""

    is_running = True

    def __init__(self, token: Any) -> None:  # noqa: ANN401 - trio isn't imported for its type
        self._token = token

    def call(self, function: Callable[[], None]) -> None:
        """Have the run call a function soon."""
        self._token.run_sync_soon(function)


class _Ping:
    """A function that a loop was handed."""

    __slots__ = ("answered_at", "sent_at")

    def __init__(self, sent_at: float) -> None:
        self.sent_at = sent_at
        self.answered_at: float | None = None

    def answer(self) -> None:
        """Write down when the loop got to it."""
        self.answered_at = time.monotonic()


class _Watched:
    """One event loop under watch, with the function that it has yet to call."""

    def __init__(self, loop: _Loop) -> None:
        self._loop = loop
        self._ping: _Ping | None = None
        self._seen_running_at = 0.0
        self.is_over = False

    def look(self, now: float) -> Lag | None:
        """Hand it a function, or see when it called the last one; return the lag that has come to its end."""
        try:
            if self._loop.is_running:
                self._seen_running_at = now
                if self._ping is None:
                    self._ping = _Ping(now)
                    self._loop.call(self._ping.answer)
        except RuntimeError:  # it is closed; trio's RunFinishedError is one too
            self.is_over = True
        ping, lag = self._ping, self.lag(now)
        if ping is not None and (ping.answered_at is not None or self._seen_running_at < now):
            self._ping = None
            return lag
        return None

    def lag(self, now: float) -> Lag | None:
        """Return for how long it hasn't called the function, or had not; while it is stopped it needn't."""
        ping = self._ping
        if ping is None:
            return None
        asked_until = now if self._loop.is_running else self._seen_running_at
        return _lag(ping.sent_at, ping.answered_at or asked_until, "event loop")


class LagMonitor:
    """Watches this process, and event loops in it, for as long as a test lasts.

    Its thread starts with the first `watch`, and ends with `stop`, or when nobody has the monitor any more.
    """

    def __init__(self) -> None:
        self._lags: list[Lag] = []
        self._loops: dict[object, _Watched] = {}
        self._woken_at = 0.0
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def watch(self) -> None:
        """Watch this process, and the event loop that runs in this thread, if one does. Cheap when repeated."""
        if self._end.is_set():
            return
        loop, view = _running()
        if loop is not None and loop not in self._loops:
            with self._lock:
                self._loops.setdefault(loop, _Watched(view(loop)))
        if self._thread is None:
            self._start()

    def lags(self) -> tuple[Lag, ...]:
        """What stood still until now, in order of time; what still does is as long as it has been so far.

        While the whole process stands still, its loops do so too: then only the process is named.
        """
        now = time.monotonic()
        with self._lock:
            found = [*self._lags, *(watched.lag(now) for watched in self._loops.values())]
        return _without_echoes(lag for lag in found if lag is not None)

    def stop(self) -> None:
        """End the watch; what was found stays readable. Harmless when repeated."""
        self._end.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._lags, self._loops = list(self.lags()), {}

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._woken_at = time.monotonic()
                self._thread = threading.Thread(
                    target=_look_again, args=(weakref.ref(self), self._end), name="netchaos-lag", daemon=True
                )
                self._thread.start()

    def _look(self) -> None:
        now = time.monotonic()
        with self._lock:
            found = [_lag(self._woken_at + PERIOD, now, "process")]
            found += [watched.look(now) for watched in self._loops.values()]
            self._loops = {loop: watched for loop, watched in self._loops.items() if not watched.is_over}
            self._lags += [lag for lag in found if lag is not None]
        self._woken_at = time.monotonic()


def _look_again(reference: ReferenceType[LagMonitor], end: threading.Event) -> None:
    while not end.wait(PERIOD):
        monitor = reference()
        if monitor is None:
            return
        monitor._look()  # noqa: SLF001 - a method would keep the monitor alive while it waits
        del monitor


def _running() -> tuple[Any, Callable[[Any], _Loop]]:
    """Return the event loop that runs in this thread, or ``None``, and how to see it."""
    if in_trio():
        import trio  # noqa: PLC0415 - only where it already runs

        return trio.lowlevel.current_trio_token(), _Trio
    if in_asyncio():
        import asyncio  # noqa: PLC0415 - only where it already runs

        return asyncio.get_running_loop(), _Asyncio
    return None, _Asyncio


def _lag(begin: float, end: float, of: Sleeper) -> Lag | None:
    return Lag(begin, end - begin, of) if end - begin >= LEAST else None


def _without_echoes(lags: Iterable[Lag]) -> tuple[Lag, ...]:
    """Leave out the lags of loops in which the process stood still, but for the two looks around it."""
    ordered = sorted(lags, key=lambda lag: lag.at)
    stops = [lag for lag in ordered if lag.of == "process"]

    def is_echo(lag: Lag) -> bool:
        return any(
            stop.at - 2 * PERIOD <= lag.at and lag.at + lag.lasted <= stop.at + stop.lasted + 2 * PERIOD
            for stop in stops
        )

    return tuple(lag for lag in ordered if lag.of == "process" or not is_echo(lag))
