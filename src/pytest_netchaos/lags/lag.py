"""Notice when an event loop, or this whole process, stands still: a wait that ends late may be the doing of that.

A client can only be as punctual as what it runs on. Where a callback blocks its event loop for 0.3 s, or the machine
gives the process no time, a reconnect comes late though the client is in order. So for as long as a test has links, a
thread looks every 20 ms:

- how late it wakes up itself. That is the process (stopped, or short of processor time), or its interpreter's lock;
- how the event loops are that links were used in: see `watched_loops`.

No task, timer, handler or policy is installed into an event loop, and none is kept alive. While the process forks, the
thread is gone: Python warns of forks beside threads (since 3.12), and of those that know no threads ours would be the
only one.

What it costs, of one core, measured with Python 3.11 on a busy machine with two: a process that does nothing 0.4 %; an
asyncio loop that does nothing 0.9 % instead of under 0.01 %, one of trio 0.4 %. Round trips of 40 µs on an asyncio loop
take as long as without it. To start takes 0.15 ms, to stop 0.11 ms (medians; up to 6 ms where the machine is busy), and
each use of a link 15 µs.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING
from weakref import WeakSet

from ..history import Lag
from ..waiting import in_asyncio, in_trio
from .watched_loops import AsyncioLoop, TrioRun, WatchedLoop, lag_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from weakref import ReferenceType

#: Seconds between two looks. A lag is found to be up to this much shorter than it was.
PERIOD = 0.02

_by_time = attrgetter("at")


class LagMonitor:
    """Watches this process, and event loops in it, for as long as a test lasts.

    Its thread starts with the first `watch`, and ends with `stop`, or when nobody has the monitor any more.
    """

    def __init__(self) -> None:
        self._lags: list[Lag] = []
        self._told: tuple[Lag, ...] = ()
        self._loops: dict[object, WatchedLoop] = {}
        self._woken_at = 0.0
        self._is_over = False
        self._end = threading.Event()  # of the thread
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def watch(self) -> None:
        """Watch this process, and the event loop that runs in this thread, if one does. Cheap when repeated."""
        if self._is_over:
            return
        loop, view = _running()
        if loop is not None and loop not in self._loops:
            with self._lock:
                self._loops[loop] = view(loop)
        if self._thread is None:
            self.resume()

    def lags(self) -> tuple[Lag, ...]:
        """What stood still until now, in order of time; what still does is as long as it has been so far.

        While the whole process stands still, its loops do so too: then only the process is named.
        """
        now = time.monotonic()
        with self._lock:
            self._collect()
            lasting = [lag for watched in self._loops.values() if (lag := watched.lasting(now)) is not None]
            return _without_echoes([*self._lags, *lasting]) if lasting else self._told

    def stop(self) -> None:
        """End the watch; what was found stays readable. Harmless when repeated."""
        self._is_over = True
        self.pause()
        self._told = self.lags()
        with self._lock:
            for watched in self._loops.values():
                watched.leave()
            self._loops = {}

    def pause(self) -> bool:
        """End the thread for now; return whether there was one."""
        thread, self._thread = self._thread, None
        self._end.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        return thread is not None

    def resume(self) -> None:
        """Go on after a pause."""
        with self._lock:
            if self._thread is None and not self._is_over:
                self._woken_at = time.monotonic()
                self._end = threading.Event()
                self._thread = threading.Thread(
                    target=_look_again, args=(weakref.ref(self), self._end), name="netchaos-lag", daemon=True
                )
                self._thread.start()
                _at_work.add(self)

    def _look(self) -> None:
        now = time.monotonic()
        with self._lock:
            for watched in self._loops.values():
                watched.look(now)
            self._collect(lag_between(self._woken_at + PERIOD, now, "process"))
            self._loops = {loop: watched for loop, watched in self._loops.items() if not watched.is_over}
        self._woken_at = now

    def _collect(self, lag: Lag | None = None) -> None:
        found = [lag] if lag is not None else []
        for watched in self._loops.values():
            found += watched.ended()
        if found:
            self._lags += found
            self._told = _without_echoes(self._lags)


def _look_again(reference: ReferenceType[LagMonitor], end: threading.Event) -> None:
    while not end.wait(PERIOD):
        monitor = reference()
        if monitor is None:
            return
        monitor._look()  # noqa: SLF001 - a method would keep the monitor alive while it waits
        del monitor


_at_work: WeakSet[LagMonitor] = WeakSet()
_paused: list[LagMonitor] = []


def _before_fork() -> None:
    _paused[:] = [monitor for monitor in tuple(_at_work) if monitor.pause()]


def _after_fork() -> None:
    while _paused:
        _paused.pop().resume()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_paused.clear)


def _running() -> tuple[object | None, Callable[[object], WatchedLoop]]:
    """Return the event loop that runs in this thread, or ``None``, and how to watch it."""
    if in_trio():
        import trio  # noqa: PLC0415 - only where it already runs

        return trio.lowlevel.current_trio_token(), TrioRun
    if in_asyncio():
        import asyncio  # noqa: PLC0415 - only where it already runs

        return asyncio.get_running_loop(), AsyncioLoop
    return None, AsyncioLoop


def _without_echoes(lags: Iterable[Lag]) -> tuple[Lag, ...]:
    """Leave out the lags of loops in which the process stood still, but for the two looks around it."""
    ordered = sorted(lags, key=_by_time)
    stops = [lag for lag in ordered if lag.of == "process"]

    def is_echo(lag: Lag) -> bool:
        # The process stands still once at a time: only the last stop that began before it can last as long.
        before = bisect_right(stops, lag.at + 2 * PERIOD, key=_by_time)
        return before > 0 and lag.at + lag.lasted <= (stop := stops[before - 1]).at + stop.lasted + 2 * PERIOD

    return tuple(lag for lag in ordered if lag.of == "process" or not is_echo(lag))
