"""Who listens at a port: a stale relay on it would give figures of a program that nobody meant to measure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

_LISTEN = "0A"
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


class PortTaken(Exception):
    """Somebody else than the process that was started listens at a port."""


def check_served_by(port: int, pid: int) -> None:
    """Make sure that only one process serves a port.

    Args:
        port: Of this machine, at whichever address.
        pid: The process that was started for it.

    Raises:
        PortTaken: Nobody listens there, or a socket that this process doesn't have.
    """
    inodes = listeners(port)
    if not inodes:
        raise PortTaken(f"nobody listens at port {port}: process {pid} was to")
    if strange := inodes - _sockets_of(pid):
        raise PortTaken(
            f"port {port} isn't served by process {pid}, which was started for it, but by {_holders(strange)}: "
            "end that program and measure again"
        )


def listeners(port: int) -> set[int]:
    """Return the inodes of the sockets that listen at a port."""
    return {inode for table in _TABLES if Path(table).exists() for inode in listening(_lines(table), port)}


def listening(lines: Iterable[str], port: int) -> Iterator[int]:
    """Pick the inodes of the sockets that listen at a port from the lines of ``/proc/net/tcp``. Pure."""
    for line in lines:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
            yield int(fields[9])


def _lines(table: str) -> list[str]:
    return Path(table).read_text().splitlines()[1:]


def _sockets_of(pid: int) -> set[int]:
    found = set()
    for entry in _entries(Path(f"/proc/{pid}/fd")):
        try:
            target = str(entry.readlink())
        except OSError:  # it has just been closed
            continue
        if target.startswith("socket:["):
            found.add(int(target[len("socket:[") : -1]))
    return found


def _holders(inodes: set[int]) -> str:
    held = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    names = [f"process {pid} ({_command(pid)})" for pid in held if inodes & _sockets_of(int(pid))]
    return ", ".join(names) or "a process that can't be seen from here"


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # it has ended, or is somebody else's
        return []


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "ended"
