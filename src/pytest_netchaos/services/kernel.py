"""What the operating system knows of programs and processes, and the events it has."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from ..errors import ServiceError


def open_pidfd(pid: int) -> int | None:
    """A descriptor that stands for this process and is readable once it has ended; ``None`` where there is none."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None  # it is gone, or the kernel is older than 5.3


def is_readable(fd: int, timeout: float | None) -> bool:
    """Wait until there is something to read, the end included. Not ``select.select``: it can't do descriptors >= 1024.

    Args:
        fd: The descriptor.
        timeout: Seconds, rounded up to ms; ``None`` for as long as it takes.
    """
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def is_stopped(pid: int) -> bool:
    """Whether each thread of a process is stopped, as by SIGSTOP. ``False`` if there is no such process."""
    tasks = Path(f"/proc/{pid}/task")
    if sys.platform != "linux":
        ps = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S607
        return ps.stdout.startswith(b"T")
    try:
        # "pid (name) state …", and the name may hold anything.
        return all((task / "stat").read_bytes().rpartition(b") ")[2][:1] in b"Tt" for task in tasks.iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return False


def left(deadline: float | None) -> float | None:
    """Seconds until a moment of ``time.monotonic()``, at least 0; ``None`` if there is no deadline."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def find_program(program: str) -> str:
    """The absolute path of a program, found on the ``PATH`` if it has no directory. Or ``ServiceError``."""
    path = shutil.which(program)
    if path is None:
        raise ServiceError(f"can't run {program}: no such program, or not executable")
    return str(Path(path).absolute())


def signal_suffix(code: int) -> str:
    """For an exit code in a message: ``" (SIGKILL)"``, or nothing if no signal ended the program."""
    return f" ({signal.Signals(-code).name})" if -code in signal.valid_signals() else ""
