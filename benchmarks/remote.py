"""Objects in processes of their own, so that no measurement waits for another's interpreter lock."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, Self

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # here and not in the child: nothing to import between fork and work
_fork = multiprocessing.get_context("fork")
#: Seconds that a call may take where nobody says how long.
PATIENCE = 20.0


class RemoteError(Exception):
    """A call failed in its process, or took too long."""


class Remote:
    """A process that holds one object and calls its methods when told. Killed at the end, and if its maker dies."""

    def __init__(self, make: type, *args: object) -> None:
        """Start the process and make the object in it; it inherits every descriptor that is open now."""
        self._ours, theirs = _fork.Pipe()
        self._name = make.__name__
        self._process = _fork.Process(target=_serve, args=(theirs, self._ours, os.getpid(), make, args), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._ours.close()

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    def call(self, method: str, *args: object, timeout: float = PATIENCE) -> Any:
        """Call a method there and return what it returns."""
        self.start(method, *args)
        return self.result(timeout)

    def start(self, method: str, *args: object) -> None:
        """Call a method there; `result` waits for it."""
        self._ours.send((method, args))

    def result(self, timeout: float = PATIENCE) -> Any:
        """Return what the last method that was started returns.

        Raises:
            RemoteError: it failed, its process died, or it took too long.
        """
        if not self._ours.poll(timeout):
            raise RemoteError(f"{self._name} has not answered within {timeout:g} s")
        try:
            fine, value = self._ours.recv()
        except EOFError:
            self._process.join(1)
            raise RemoteError(f"{self._name} died with exit code {self._process.exitcode}") from None
        if not fine:
            raise RemoteError(f"{self._name}: {value}")
        return value


def _serve(pipe: Connection, parents: Connection, parent: int, make: type, args: tuple[object, ...]) -> None:
    parents.close()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the maker, who kills us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if os.getppid() != parent:  # it died before it could be watched
        return
    held = make(*args)
    for method, arguments in _received(pipe):
        try:
            answer = (True, getattr(held, method)(*arguments))
        except Exception:  # noqa: BLE001 - it is raised where the call came from
            answer = (False, traceback.format_exc())
        pipe.send(answer)


def _received(pipe: Connection) -> Iterator[tuple[str, tuple[object, ...]]]:
    with contextlib.suppress(EOFError):
        while True:
            yield pipe.recv()
