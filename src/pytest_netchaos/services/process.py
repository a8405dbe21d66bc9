"""A local program that can't outlive the process that started it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..errors import ServiceError, hide_own_errors
from .kernel import find_program, is_readable, is_stopped, left, open_pidfd, signal_suffix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

__tracebackhide__ = hide_own_errors

_GUARD = Path(__file__).with_name("guard.py")
#: Seconds for the guard to report that the program runs: Python's own start (10 ms), on a machine with much else to do.
_START_TIMEOUT = 20.0
#: Seconds for a signal that can't be ignored to take effect.
_SIGNAL_TIMEOUT = 5.0
_EAGER_LOOKS = 100


class GuardedProcess:
    """A running program, and the guard that ends it when this process ends, however it ends (see `guard`).

    A child that this process forks may hold a copy: its `close` lets go of the program, but doesn't end it.

    Args:
        argv: The program, found on the ``PATH`` if it has no directory, and its arguments.
        log: Where its output goes, appended; its standard input is empty.
        cwd: Its working directory; ``None`` for ours.
        env: Its environment; ``None`` for ours.
        grace: Seconds that it is given to obey SIGTERM when this process has ended without ending it; 0 for none.
        litter: A directory to delete in that case.

    Raises:
        ServiceError: There is no such program, or it can't be executed.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        grace: float = 0.0,
        litter: Path | None = None,
    ) -> None:
        self.argv = [find_program(argv[0]), *argv[1:]]
        self.log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._said = b""
        self._returncode: int | None = None
        self._pidfd: int | None = None
        self._guard = self._start_guard(cwd, env, grace, litter)
        try:
            #: Of the program itself, not of its guard.
            self.pid: int = self._await_start()
            self._pidfd = open_pidfd(self.pid)
        except BaseException:
            self._let_go()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "running" if self.is_running else f"ended with {self._returncode}"
        return f"<GuardedProcess {Path(self.argv[0]).name} pid={self.pid} {state}>"

    @property
    def guard_pid(self) -> int:
        """Pid of the guard."""
        return self._guard.pid

    @property
    def is_running(self) -> bool:
        """Whether the program runs, or is paused."""
        return self.wait(0) is None

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for the signal that killed it; ``None`` while it runs."""
        return self.wait(0)

    @property
    def is_paused(self) -> bool:
        """Whether all of it is stopped, by `pause` or by somebody else's SIGSTOP."""
        return self.is_running and is_stopped(self.pid)

    def signal(self, number: int) -> None:
        """Send a signal to the program.

        Raises:
            ServiceError: It has ended.
        """
        try:
            self._send(number)
        except ProcessLookupError:
            raise self.failure(f"can't be sent {signal.Signals(number).name}") from None

    def pause(self) -> None:
        """Stop it with SIGSTOP. Returns when each of its threads has stopped.

        Raises:
            ServiceError: It has ended, or did not stop within 5 s.
        """
        self.signal(signal.SIGSTOP)
        self._await_state(stopped=True)

    def resume(self) -> None:
        """Let it go on, with SIGCONT.

        Raises:
            ServiceError: It has ended, or did not go on within 5 s.
        """
        self.signal(signal.SIGCONT)
        self._await_state(stopped=False)

    def kill(self) -> None:
        """Kill it with SIGKILL, paused or not, and what it started. Returns when it has ended, at once if it had.

        Raises:
            ServiceError: It still runs after 5 s.
        """
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                self._send(signal.SIGKILL)
            if self.wait(_SIGNAL_TIMEOUT) is None:
                raise self.failure("survives SIGKILL")

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end.

        Args:
            timeout: Seconds; ``None`` for as long as it takes.

        Returns:
            Its exit code, negative for the signal that killed it; ``None`` if it still runs.
        """
        if timeout is not None and self._pidfd is not None and is_readable(self._pidfd, 0):
            timeout += _SIGNAL_TIMEOUT  # it has ended: what is missing is the guard's word on how
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._returncode is None and self._hears(deadline):
            pass
        return self._returncode

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it wrote since it started."""
        try:
            with self.log.open("rb") as log:
                log.seek(self._log_start)
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def failure(self, what: str) -> ServiceError:
        """An error that says what was run, how it ended, and what it wrote last."""
        code = self._returncode
        state = "it runs" if code is None else f"it ended with exit code {code}{signal_suffix(code)}"
        log = self.log_tail() or "(nothing)"
        return ServiceError(
            f"{Path(self.argv[0]).name} {what}: {state}.\n  run as: {' '.join(self.argv)}\n  last lines of its log:\n"
            + "\n".join(f"    {line}" for line in log.splitlines())
        )

    def close(self) -> None:
        """Kill it if it runs, and release everything but the log. Twice is once."""
        try:
            if os.getpid() == self._owner:
                self.kill()
        finally:
            self._let_go()

    def _start_guard(
        self, cwd: Path | None, env: Mapping[str, str] | None, grace: float, litter: Path | None
    ) -> subprocess.Popen[bytes]:
        guard = [sys.executable, "-I", "-S", str(_GUARD), str(self._owner), str(grace), str(litter or "")]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*guard, *self.argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=cwd,
                env=env,
                bufsize=0,
                # Ctrl-C in the terminal is for us alone: fixtures decide when the program ends.
                start_new_session=True,
            )

    def _await_start(self) -> int:
        deadline = time.monotonic() + _START_TIMEOUT
        while b"\n" not in self._said:
            if not self._read(left(deadline)):
                raise ServiceError(f"the guard of {self.argv[0]} did not start it.\n{self.log_tail()}")
        line, _, self._said = self._said.partition(b"\n")
        word, number = line.split()
        if word == b"failed":
            raise ServiceError(f"can't run {self.argv[0]}: {os.strerror(int(number))}")
        return int(number)

    @property
    def _status(self) -> int:
        """The descriptor on which the guard speaks."""
        assert self._guard.stdout is not None
        return self._guard.stdout.fileno()

    def _read(self, timeout: float | None) -> bool:
        """Take in what the guard says. ``False`` if it says nothing in time, or never will again."""
        if not is_readable(self._status, timeout):
            return False
        chunk = os.read(self._status, 100)
        self._said += chunk
        return bool(chunk)

    def _hears(self, deadline: float | None) -> bool:
        """Wait for the guard to speak, and listen. ``False`` if it says nothing in time."""
        # Without the lock: others may ask meanwhile. It may have been heard already, together with the start.
        if b"\n" not in self._said and not is_readable(self._status, left(deadline)):
            return False
        with self._lock:
            if (
                self._returncode is None
                and b"\n" not in self._said
                and is_readable(self._status, 0)
                and not self._read(0)
            ):
                self._bury()
            elif self._returncode is None and b"\n" in self._said:
                self._returncode = int(self._said.split()[1])
        return True

    def _bury(self) -> None:
        """The guard was killed. The kernel kills the program then (see `guard`); where it doesn't, we do."""
        with contextlib.suppress(ProcessLookupError):
            self._send(signal.SIGKILL)
        if self._pidfd is not None:
            is_readable(self._pidfd, _SIGNAL_TIMEOUT)
        self._returncode = -signal.SIGKILL

    def _send(self, number: int) -> None:
        if sys.platform == "linux" and self._pidfd is not None:
            signal.pidfd_send_signal(self._pidfd, number)
        elif self._returncode is None:
            os.kill(self.pid, number)
        else:
            raise ProcessLookupError

    def _await_state(self, *, stopped: bool) -> None:
        """Wait for a signal's effect. Only the parent, the guard, would be told: so look, again and again.

        It takes some 20 µs on an idle machine: look without a break first, then once in a ms.
        """
        deadline = time.monotonic() + _SIGNAL_TIMEOUT
        looks = 0
        while is_stopped(self.pid) is not stopped:
            looks += 1
            ended = self.wait(0 if looks < _EAGER_LOOKS else 0.001) is not None
            if ended or time.monotonic() > deadline:
                raise self.failure("did not stop" if stopped else "did not go on")

    def _let_go(self) -> None:
        """Release the guard, which ends the program if it still runs and this is not a forked copy."""
        stdin, stdout = self._guard.stdin, self._guard.stdout
        if stdin is None or stdout is None or stdin.closed:
            return
        stdin.close()
        if os.getpid() == self._owner:
            self._await_guard(stdout.fileno())
        self._guard.wait()  # in a forked copy it isn't our child, and this returns at once
        stdout.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def _await_guard(self, status: int) -> None:
        """Wait for the end of the guard's output, which is its own end. If it hangs, it is killed."""
        deadline = time.monotonic() + _SIGNAL_TIMEOUT
        while is_readable(status, left(deadline)):
            if not os.read(status, 100):
                return
        self._guard.kill()
