"""A server that says back what it hears, and that no slow client can hold up."""

from __future__ import annotations

import select
import socket

_CHUNK = 65_536


class Mirror:
    """Serves any number of connections, in its own process."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._epoll = select.epoll()
        self._clients: dict[int, socket.socket] = {}
        self._waiting: dict[int, bytes] = {}

    def serve(self) -> None:
        """Serve until the process is killed."""
        self._listener.setblocking(False)
        self._epoll.register(self._listener.fileno(), select.EPOLLIN)
        while True:
            for fd, _ in self._epoll.poll():
                if fd == self._listener.fileno():
                    self._accept()
                elif not self._reflect(fd):
                    self._clients.pop(fd).close()
                    self._waiting.pop(fd, None)

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._listener.accept()
                client.setblocking(False)
                self._clients[client.fileno()] = client
                self._epoll.register(client.fileno(), select.EPOLLIN)
        except (BlockingIOError, ConnectionAbortedError):
            return

    def _reflect(self, fd: int) -> bool:
        """Send back what was read, and read no more until it has gone; return whether to go on."""
        try:
            data = self._waiting.pop(fd, b"") or self._clients[fd].recv(_CHUNK)
            rest = data[self._send(fd, data) :]
        except OSError:
            return False
        if rest:
            self._waiting[fd] = rest
        self._epoll.modify(fd, select.EPOLLOUT if rest else select.EPOLLIN)
        return bool(data)

    def _send(self, fd: int, data: bytes) -> int:
        try:
            return self._clients[fd].send(data)
        except BlockingIOError:
            return 0
