"""What the tests of local servers share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from pytest_netchaos.services.kernel import is_readable

DEADLINE = 10.0


class Watched:
    """A process that is not our child, seen through its pidfd."""

    def __init__(self, pid):
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    def has_ended(self, timeout=DEADLINE):
        return is_readable(self._fd, timeout)

    def kill(self):
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._fd, signal.SIGKILL)

    def close(self):
        os.close(self._fd)


class Owner:
    """A Python process that runs a script, and the processes whose pids it prints on its first line."""

    def __init__(self, script, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        pids = self._process.stdout.readline().split()
        self.watched = [Watched(int(pid)) for pid in pids]

    def end(self, number):
        self._process.send_signal(number)
        self._process.wait(DEADLINE)

    def read_line(self):
        return self._process.stdout.readline().strip()

    def go_on(self):
        """Let the script go on, by the end of its input."""
        self._process.stdin.close()

    def close(self):
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()
        self._process.kill()
        self._process.wait()
        for process in self.watched:
            process.kill()
            process.close()


@contextmanager
def _owner(*arguments):
    owner = Owner(*arguments)
    try:
        yield owner
    finally:
        owner.close()


@pytest.fixture
def owner():
    """Run a script as the owner of the processes whose pids it prints; kills them all at the end."""
    return _owner


@pytest.fixture
def watch():
    """Follow a process that isn't our child."""
    watched = []

    def follow(pid):
        watched.append(Watched(pid))
        return watched[-1]

    yield follow
    for process in watched:
        process.close()
