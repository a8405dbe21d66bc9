"""What a run leaves behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from ..ownership import listeners


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def children() -> set[int]:
    """Return this process's children."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


class Before:
    """How things were before; `left` says what has been added since."""

    def __init__(self) -> None:
        self._descriptors = descriptors(os.getpid())
        self._children = children()
        self._threads = threading.active_count()

    def left(self, relay: int, ports: Iterable[int]) -> list[str]:
        """Say what is still there of a relay that has been stopped, and of those who used it."""
        found = []
        if Path(f"/proc/{relay}").exists():
            found.append(f"the relay, process {relay}")
        found += [f"process {pid}" for pid in sorted(children() - self._children - {relay})]
        found += [f"a socket that listens at port {port}" for port in ports if listeners(port)]
        if (more := threading.active_count() - self._threads) > 0:
            found.append(f"threads of our own: {more} more")
        if (more := descriptors(os.getpid()) - self._descriptors) > 0:
            found.append(f"descriptors of our own: {more} more")
        return found
