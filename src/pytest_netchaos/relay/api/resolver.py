"""Host names to addresses, and no loop that waits: each lookup has a thread, and wakes the loop at its end."""

from __future__ import annotations

import _socket
from _collections import deque  # type: ignore[import-not-found]  # see stages.py
from _thread import start_new_thread
from time import monotonic

from .. import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable
    from typing import TypeAlias

    from ..loop import Loop, Timer
    from ..sockets import Address

    Addresses: TypeAlias = "list[tuple[int, Address]]"
    #: Called with the addresses, and why there are none.
    Found: TypeAlias = "Callable[[Addresses, str], None]"

#: Lookups at a time. More wait: a name server that doesn't answer holds a thread for 5 to 30 s.
MOST_THREADS = 16
#: Seconds for a lookup; then it has failed, whatever its thread still waits for.
PATIENCE = 20.0
_FAMILIES = (_socket.AF_INET, _socket.AF_INET6)


def numeric(host: str, port: int) -> Addresses:
    """Return the addresses of what needs no lookup: numbers, ``localhost``, and no host at all. Else none."""
    if host in ("", "localhost"):
        return [(_socket.AF_INET, ("127.0.0.1", port)), (_socket.AF_INET6, ("::1", port))]
    try:
        return _ask(host, port, _socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        return []


def _ask(host: str, port: int, flags: int = 0) -> Addresses:
    # As bytes: a string would be encoded by the codec `idna`, which takes 10 ms to import.
    found = _socket.getaddrinfo(host.encode("utf-8", "replace"), port, 0, _socket.SOCK_STREAM, 0, flags)
    return [(family, address) for family, _, _, _, address in found if family in _FAMILIES]  # type: ignore[misc]


class Resolver:
    """Looks names up, each one anew: tests change what a name leads to."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: dict[str, list[tuple[int, Found]]] = {}
        self._patience: dict[str, Timer] = {}
        self._queue: deque[str] = deque()
        self._done: deque[tuple[str, Addresses, str]] = deque()  # filled by threads
        self._threads = 0
        self._bell: tuple[Socket, Socket] | None = None

    def look_up(self, host: str, port: int, found: Found) -> None:
        """Call ``found(addresses, why)``: at once where no lookup is needed, else later, with none where it failed."""
        if addresses := numeric(host, port):
            found(addresses, "")
            return
        waiting = self._waiting.setdefault(host, [])
        waiting.append((port, found))
        if len(waiting) == 1:
            self._patience[host] = self._loop.call_at(monotonic() + PATIENCE, lambda: self._give_up(host))
            self._queue.append(host)
            self._start()

    def close(self) -> None:
        """Stop listening for answers."""
        if self._bell is not None:
            self._loop.forget(self._bell[0].fileno())
            for sock in self._bell:
                sock.close()
            self._bell = None

    def _start(self) -> None:
        while self._queue and self._threads < MOST_THREADS:
            host = self._queue.popleft()
            try:
                ring = self._hang_bell()
                start_new_thread(self._run, (host, ring))
            except (OSError, RuntimeError) as error:  # no descriptors, or no threads, are left
                self._answer(host, [], str(error))
            else:
                self._threads += 1

    def _hang_bell(self) -> Callable[[bytes], int]:
        if self._bell is None:
            ours, theirs = sockets.pair()
            self._bell = ours, theirs
            self._loop.watch(ours.fileno(), lambda _: self._wake())
        return self._bell[1].send

    def _run(self, host: str, ring: Callable[[bytes], int]) -> None:
        """Look one name up; in a thread."""
        try:
            addresses, why = _ask(host, 0), "no such host"
        except (OSError, ValueError) as error:
            addresses, why = [], getattr(error, "strerror", None) or str(error)
        self._done.append((host, addresses, why))
        try:
            ring(b"!")
        except OSError:  # it rings already, or nobody is there any more
            return

    def _wake(self) -> None:
        assert self._bell is not None
        try:
            while self._bell[0].recv(4096):
                pass
        except BlockingIOError:
            pass
        while self._done:
            self._threads -= 1
            self._answer(*self._done.popleft())
        self._start()

    def _answer(self, host: str, addresses: Addresses, why: str) -> None:
        if (timer := self._patience.pop(host, None)) is not None:
            timer.cancel()  # which lets go of whoever has waited, too
        for port, found in self._waiting.pop(host, ()):
            found([(family, (address[0], port, *address[2:])) for family, address in addresses], why)

    def _give_up(self, host: str) -> None:
        if host in self._queue:
            self._queue.remove(host)
        self._answer(host, [], f"no answer within {PATIENCE:g} s")
