"""Messages that say when they were sent, and a receiver that says how long they took."""

from __future__ import annotations

import socket
import struct
import time

from .tcp import PATIENCE, blocking, dial, receive

_STAMP = struct.Struct("q")


class Stamper:
    """Sends the time, in its own process."""

    def send(self, address: tuple[str, int], count: int, pause: float) -> None:
        """Send so many stamps over one connection, with a pause before each."""
        with blocking(dial(address)) as sock:
            for _ in range(count):
                time.sleep(pause)
                sock.send(_STAMP.pack(time.monotonic_ns()))
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)


class Clock:
    """Receives stamps, in its own process."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def receive(self, count: int) -> list[int]:
        """Say how many ns each stamp took."""
        self._listener.settimeout(PATIENCE)
        sock, _ = self._listener.accept()
        with blocking(sock):
            return [time.monotonic_ns() - sent for sent in (_read(sock) for _ in range(count))]


def _read(sock: socket.socket) -> int:
    (stamp,) = _STAMP.unpack(receive(sock, _STAMP.size))
    return int(stamp)
