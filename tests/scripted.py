"""A server in a thread that answers each request as a test says, whether that is HTTP or not."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator

#: What a handler returns: bytes to send; ``None`` to hang up without a word.
Answer = Callable[[str, str, str], "bytes | None"]


def http(status: int, body: str = "", headers: str = "") -> bytes:
    """A whole answer."""
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body.encode())}\r\n{headers}\r\n{body}".encode()


def as_json(status: int, value: object) -> bytes:
    return http(status, json.dumps(value))


class Scripted:
    """Answers requests one after the other, on as many connections as there are."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        #: (method, path, body) of each request.
        self.requests: list[tuple[str, str, str]] = []
        self.connections = 0
        #: Set to let a handler go on that waits for it.
        self.go_on = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def hang_up(self) -> None:
        """End all connections, as a server does with idle ones."""
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.go_on.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        for peer in self._peers:
            peer.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self.connections += 1
                self._peers.append(peer)
                thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while request := _read(peer):
                self.requests.append(request)
                said = self.answer(*request)
                if said is None:
                    break
                peer.sendall(said)
            peer.shutdown(socket.SHUT_RDWR)


def _read(peer: socket.socket) -> tuple[str, str, str] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = peer.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += peer.recv(65536)
    method, path, _ = head.decode().split(" ", 2)
    return method, path, body.decode()


@contextlib.contextmanager
def scripted(answer: Answer) -> Iterator[Scripted]:
    server = Scripted(answer)
    try:
        yield server
    finally:
        server.close()
