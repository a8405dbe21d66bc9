"""The relay under test, and what the system says of its process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from pytest_netchaos.engines.embedded import EmbeddedEngine
from pytest_netchaos.link import Link
from pytest_netchaos.network import Network

from .ownership import check_served_by

#: The kind of clock in the number that Linux gives to a process's (see clock_getcpuclockid(3)).
_CPUCLOCK_SCHED = 2


@contextlib.contextmanager
def running() -> Iterator[tuple[Network, int]]:
    """Run an engine; yield a network on it, and the relay's process id."""
    engine = EmbeddedEngine()
    try:
        network = network_on(engine)
        yield network, engine.pid
        network.close()
    finally:
        engine.stop()


def network_on(engine: EmbeddedEngine) -> Network:
    """Make a network on an engine that runs."""
    return Network(lambda: engine)


def checked_link(network: Network, pid: int, upstream: tuple[str, int]) -> Link:
    """Make a link, and be sure that it is this relay that serves it."""
    link = network.link(upstream)
    link.history()  # it has answered, so it has the socket
    check_served_by(link.port, pid)
    return link


def cpu_seconds(pid: int) -> float:
    """Return the time that all threads of a process have spent on a processor, in user mode and in the kernel.

    From the process's own clock, which counts in ns; ``/proc/PID/stat`` counts the same in steps of 10 ms.
    """
    return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"process {pid} has no memory")
