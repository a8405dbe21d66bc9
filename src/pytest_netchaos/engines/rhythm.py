"""Put a fault in force and take it back at the times of its rhythm, where no relay does it.

The embedded engine's relay keeps the time itself, to some 50 µs. A Toxiproxy has to be told each time: by a thread,
which is there only while something is to come.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from ..errors import NetchaosError, hide_own_errors
from ..faults import Fault, Flap
from ..relay import rhythm
from ..relay.chance import mix

__tracebackhide__ = hide_own_errors


def windows(fault: Fault, for_: float | None, seed: int, fault_id: int) -> Iterator[tuple[float, float]]:
    """Yield when the fault is in force, in seconds from its start: the same times that the embedded engine draws."""
    if not isinstance(fault, Flap):
        return rhythm.once(rhythm.FOREVER if for_ is None else for_)
    down, up = (span if isinstance(span, tuple) else (span, span) for span in (fault.down, fault.up))
    return rhythm.flap(mix(seed, fault_id), down, up, fault.cycles)


class Rhythm:
    """One fault on its way through its windows.

    Args:
        windows: When it is in force; the first one begins at 0.
        enter: Puts it in force.
        leave: Takes it back.
        over: Called once, when it will not come back.
        trouble: Told what went wrong when nobody was there to be told.
    """

    def __init__(
        self,
        windows: Iterator[tuple[float, float]],
        enter: Callable[[], None],
        leave: Callable[[], None],
        over: Callable[[], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._windows = windows
        self._enter = enter
        self._leave = leave
        self._over: Callable[[], None] | None = over
        self._trouble = trouble
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_on = False
        self._lock = threading.Lock()  # two may cancel it at once

    def begin(self) -> None:
        """Enter the first window; it is in force when this returns. What is to come, comes by itself."""
        _, end = next(self._windows)
        self._go_in()
        if end != rhythm.FOREVER:
            # A daemon: a run that is torn down without its fixtures (SIGTERM, pytest-timeout) must not wait for it.
            self._thread = threading.Thread(
                target=self._run, args=(time.monotonic(), end), name="netchaos-rhythm", daemon=True
            )
            self._thread.start()

    def cancel(self) -> None:
        """Take it back for good. Harmless when it is over.

        Raises:
            NetchaosError: it can't be taken back.
        """
        self.stop()
        self._go_out()
        self._finish()

    def stop(self) -> None:
        """Let nothing more come, and leave the fault as it is."""
        self._cancelled.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, began: float, end: float) -> None:
        try:
            while not self._sleeps_until(began + end):
                self._go_out()
                start, end = next(self._windows, (rhythm.FOREVER, rhythm.FOREVER))
                if start == rhythm.FOREVER:
                    self._finish()
                    return
                if self._sleeps_until(began + start):
                    return
                self._go_in()
        except NetchaosError as error:
            self._trouble(str(error))
            with contextlib.suppress(NetchaosError):
                self._go_out()
            self._finish()

    def _sleeps_until(self, when: float) -> bool:
        """Sleep; say whether that was cut short for good."""
        while (left := when - time.monotonic()) > 0:
            if self._cancelled.wait(left):
                return True
        return self._cancelled.is_set()

    def _go_in(self) -> None:
        self._enter()
        self._is_on = True

    def _go_out(self) -> None:
        with self._lock:
            if self._is_on:
                self._leave()
                self._is_on = False  # only now: where it failed, it may be tried again

    def _finish(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            over()
