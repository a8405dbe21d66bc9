"""HTTP over a connection that is kept, as little of it as will do: Python's own client would be what was measured."""

from __future__ import annotations

import json
import re
import socket

from .tcp import blocking, dial

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_LONGEST = 65_536


class KeptHttp:
    """One connection to a server's API.

    Args:
        address: Where it is.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket: socket.socket = blocking(dial(address))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def send(self, request: bytes) -> None:
        """Send a request that `spell` has written."""
        self._socket.sendall(request)

    def answer(self, status: int) -> bytes:
        """Read one answer to its end; return its body.

        Raises:
            AssertionError: It is another status than the one that was expected, or has no length.
        """
        said = b""
        while b"\r\n\r\n" not in said:
            said += self._more()
        head, _, body = said.partition(b"\r\n\r\n")
        assert head.split(b" ", 2)[1] == b"%d" % status, f"not {status}: {said!r}"
        length = _LENGTH.search(head)
        assert length or status == 204, f"an answer without a length: {head!r}"
        while length and len(body) < int(length[1]):
            body += self._more()
        return body

    def call(self, request: bytes, status: int) -> bytes:
        """Send a request and read its answer."""
        self.send(request)
        return self.answer(status)

    def _more(self) -> bytes:
        data = self._socket.recv(_LONGEST)
        if not data:
            raise ConnectionError("the API has hung up")
        return data


def spell(method: str, path: str, body: object = None) -> bytes:
    """Write a request."""
    data = b"" if body is None else json.dumps(body).encode()
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
