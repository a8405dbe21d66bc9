"""Two machines and a cable between them that can be pulled: what no proxy can do, since packets really get lost.

Each machine is a thread with a network namespace of its own. Sockets belong to the namespace of the thread that made
them, whoever uses them later. A namespace without threads and sockets ceases to exist, and the cable with it: nothing
is left behind, whatever ends the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

#: Of <linux/sched.h>. Python has ``os.unshare`` only since 3.12.
_CLONE_NEWNET = 0x40000000
#: Of the block for examples (RFC 5737). Outside of the namespaces, nobody sees them.
_CLIENT, _SERVER = "192.0.2.1", "192.0.2.2"
_PORT = 8765


class NotAllowed(Exception):
    """This system lets us have no network namespace; says why."""


class Machine:
    """A thread in a network namespace of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "machine")
        try:
            self._id = self.do(_enter)
        except BaseException:
            self._thread.shutdown()
            raise

    def do(self, function: Callable[[], T]) -> T:
        """Call it in the namespace."""
        return self._thread.submit(function).result()

    def ip(self, *arguments: str) -> None:
        """Run iproute2's ``ip`` in the namespace.

        Raises:
            NotAllowed: It says no.
        """
        done = self.do(lambda: subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False))
        if done.returncode:
            raise NotAllowed(f"ip {' '.join(arguments)}: {done.stderr.strip()}")

    def connect(self, other: Machine) -> None:
        """Lay a cable: a pair of virtual network cards."""
        self.ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(other._id))
        self.plug("near", _CLIENT)
        other.plug("far", _SERVER)

    def plug(self, card: str, address: str) -> None:
        """Give a network card its address, and start it."""
        self.ip("address", "add", f"{address}/24", "dev", card)
        self.ip("link", "set", card, "up")

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()


class Wire:
    """A client's machine, a server's, and the cable."""

    def __init__(self, near: Machine, far: Machine) -> None:
        self._near, self._far = near, far

    def listen(self) -> socket.socket:
        """Return a listening socket on the server's machine."""
        return self._far.do(lambda: socket.create_server((_SERVER, _PORT)))

    def dial(self) -> socket.socket:
        """Return a connection from the client's machine to the server's."""
        return self._near.do(lambda: socket.create_connection((_SERVER, _PORT), timeout=5.0))

    @contextlib.contextmanager
    def pulled(self) -> Iterator[None]:
        """Pull the cable at the server's end: from now on every packet is lost, and neither machine is told."""
        self._far.ip("link", "set", "far", "down")
        try:
            yield
        finally:
            self._far.ip("link", "set", "far", "up")


@contextlib.contextmanager
def wire() -> Iterator[Wire]:
    """Connect two machines.

    Raises:
        NotAllowed: There is no doing that here; says why.
    """
    if shutil.which("ip") is None:
        raise NotAllowed("there is no `ip` on the PATH (Debian's package iproute2 has it)")
    with contextlib.ExitStack() as machines:
        near, far = (machines.enter_context(contextlib.closing(Machine())) for _ in range(2))
        near.connect(far)
        yield Wire(near, far)


def _enter() -> int:
    """Move this thread into a new namespace; return its id.

    Raises:
        NotAllowed: This process hasn't got CAP_SYS_ADMIN, or the system has no namespaces.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare") or libc.unshare(_CLONE_NEWNET):
        why = os.strerror(ctypes.get_errno()) if hasattr(libc, "unshare") else "only Linux has them"
        raise NotAllowed(f"no network namespace: {why} (it takes root, or CAP_SYS_ADMIN)")
    return threading.get_native_id()
