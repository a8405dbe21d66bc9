"""What the operating system knows of programs and processes, and the events it has."""

from __future__ import annotations

import hashlib
import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from ..errors import ServiceError, hide_own_errors

__tracebackhide__ = hide_own_errors


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


def started(pid: int) -> str | None:
    """When a process started, in the system's own count: with it, a pid is never mistaken for its next bearer.

    Returns:
        On Linux, clock ticks since the boot; elsewhere a time of day. ``None`` if the process has ended or may not be
        looked at.
    """
    if sys.platform != "linux":
        ps = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S607
        return ps.stdout.decode().strip() or None
    try:
        # "pid (name) state …", and the name may hold anything; field 22 is the time.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2].split()
    except (OSError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def has_ended(pid: int, since: str) -> bool:
    """Whether the process that had this pid, and `started` at ``since``, is gone. ``False`` if that can't be known."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass  # somebody else's: it is there
    now = started(pid)
    if now is None:
        return is_zombie(pid)
    return now != since


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and nobody has asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2][:1] in "ZX"
    except OSError:
        return False


def this_host() -> str:
    """This machine since its boot, and this process's own world of pids: where a pid means what it means here."""
    boot, pids = _read("/proc/sys/kernel/random/boot_id"), "/proc/self/ns/pid"
    try:
        return f"{platform.node()}/{_machine()}/{boot}/{os.stat(pids).st_ino}"  # noqa: PTH116
    except OSError:
        return f"{platform.node()}/{_machine()}//"


def has_rebooted(host: str) -> bool:
    """Whether a `this_host` is this very machine before its last boot, so that no process from there lives.

    ``False`` if that isn't certain. The name alone would say little, and machines that were cloned may have one machine
    id: both have to be the same.
    """
    name, machine, boot, _ = this_host().rsplit("/", 3)
    here, _, its_boot = host.rpartition("/")[0].rpartition("/")
    return bool(machine and boot and its_boot) and here == f"{name}/{machine}" and its_boot != boot


def _machine() -> str:
    """What only this machine is called, for good; empty if it has no such name. Not in clear: machine-id(5) asks so."""
    name = _read("/etc/machine-id")
    return hashlib.blake2b(name.encode(), digest_size=8, key=b"pytest-netchaos").hexdigest() if name else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


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
