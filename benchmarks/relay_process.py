"""The relay under test, and what the system says of its process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pytest_netchaos.engines.embedded import EmbeddedEngine
from pytest_netchaos.network import Network


@contextlib.contextmanager
def running() -> Iterator[tuple[Network, int]]:
    """Run an engine; yield a network on it, and the relay's process id."""
    engine = EmbeddedEngine()
    try:
        network = Network(lambda: engine)
        yield network, engine.pid
        network.close()
    finally:
        engine.stop()


def cpu_seconds(pid: int) -> float:
    """Return the time that a process of one thread has spent on a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"process {pid} has no memory")
