"""A thread that is away while the process forks: Python warns of forks beside threads (since 3.12)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from weakref import WeakSet


class PausableThread:
    """Calls ``work`` in a thread, until that returns; anew after each pause.

    Args:
        name: The thread's.
        work: What it does. It returns soon after ``is_wanted`` has become false and ``wake`` was called.
        wake: Ends a wait of ``work``.
    """

    def __init__(self, name: str, work: Callable[[], None], wake: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self._wake = wake
        self._thread: threading.Thread | None = None
        #: Whether ``work`` is to go on.
        self.is_wanted = False

    @property
    def is_started(self) -> bool:
        """Whether there is one; it may have ended."""
        return self._thread is not None

    def start(self) -> None:
        """Begin, or go on after a pause."""
        if self._thread is None:
            self.is_wanted = True
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
            _at_work.add(self)

    def stop(self) -> bool:
        """End it, and return when it has ended: whether there was one. Harmless when repeated."""
        self.is_wanted = False
        thread, self._thread = self._thread, None
        if thread is None:
            return False
        self._wake()
        if thread is not threading.current_thread():
            thread.join()
        _at_work.discard(self)
        return True


_at_work: WeakSet[PausableThread] = WeakSet()
_paused: list[PausableThread] = []


def _before_fork() -> None:
    _paused[:] = [thread for thread in tuple(_at_work) if thread.stop()]


def _after_fork() -> None:
    while _paused:
        _paused.pop().start()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_paused.clear)
