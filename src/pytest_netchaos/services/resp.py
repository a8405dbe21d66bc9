"""Enough of Redis's protocol to start, check and clear a server without a client library.

`encode` and `decode` are pure; `Connection` puts a blocking socket with a deadline around them. It speaks RESP2:
https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

Argument: TypeAlias = str | bytes | int | float
#: A status is a ``str`` (``"OK"``), a value is ``bytes``, a missing value is ``None``.
Reply: TypeAlias = "str | bytes | int | ErrorReply | list[Reply] | None"

_CHUNK = 65536
_KINDS = b"+-:$*"
_STATUS, _ERROR, _INTEGER, _BULK, _ARRAY = _KINDS


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """What the server answers to a command that it refuses."""

    #: As sent, its code first: ``"WRONGTYPE Operation against a key …"``.
    message: str


class Incomplete(Exception):
    """The reply isn't all there yet."""


class ProtocolError(Exception):
    """The peer speaks something else than Redis's protocol."""


def encode(*arguments: Argument) -> bytes:
    """A command as the server wants it: an array of strings."""
    parts = [argument if isinstance(argument, bytes) else str(argument).encode() for argument in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def decode(data: bytes | bytearray, start: int = 0) -> tuple[Reply, int]:
    """Read one reply.

    Args:
        data: What has arrived.
        start: Where in ``data`` the reply begins.

    Returns:
        The reply, and where the next one begins.

    Raises:
        Incomplete: More has to arrive first.
        ProtocolError: This is no reply.
    """
    end = data.find(b"\r\n", start)
    if start < len(data) and data[start] not in _KINDS:
        raise ProtocolError(f"no Redis reply starts like {bytes(data[start : start + 20])!r}")
    if end < 0:
        raise Incomplete
    kind, text = data[start], data[start + 1 : end]
    if kind == _STATUS:
        return text.decode(errors="replace"), end + 2
    if kind == _ERROR:
        return ErrorReply(text.decode(errors="replace")), end + 2
    number = _number(text)
    if kind == _INTEGER:
        return number, end + 2
    if number < 0:
        return None, end + 2
    return _bulk(data, end + 2, number) if kind == _BULK else _array(data, end + 2, number)


def _number(text: bytes | bytearray) -> int:
    try:
        return int(text)
    except ValueError:
        raise ProtocolError(f"{bytes(text[:20])!r} is no number") from None


def _bulk(data: bytes | bytearray, start: int, size: int) -> tuple[Reply, int]:
    end = start + size
    if len(data) < end + 2:
        raise Incomplete
    return bytes(data[start:end]), end + 2


def _array(data: bytes | bytearray, start: int, size: int) -> tuple[Reply, int]:
    items: list[Reply] = []
    for _ in range(size):
        item, start = decode(data, start)
        items.append(item)
    return items, start


class Connection:
    """A connection to a Redis server.

    Args:
        address: Host and port.
        timeout: Seconds for connecting, and then for each call or pipeline as a whole.

    Raises:
        OSError: Nobody answers; ``TimeoutError`` if not in time.
    """

    def __init__(self, address: tuple[str, int], timeout: float = 5.0) -> None:
        self._timeout = timeout
        self._arrived = bytearray()
        self._socket = socket.create_connection(address, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def call(self, *arguments: Argument) -> Reply:
        """Send one command and return its reply. Errors as for `pipeline`."""
        return self.pipeline([arguments])[0]

    def pipeline(self, commands: Sequence[Sequence[Argument]]) -> list[Reply]:
        """Send commands at once and return their replies, refusals among them as `ErrorReply`.

        Raises:
            TimeoutError: The replies did not all arrive in time; the connection is of no use any more.
            OSError: The connection broke; ``ConnectionResetError`` if the server hung up.
            ProtocolError: That's no Redis.
        """
        deadline = time.monotonic() + self._timeout
        self._socket.settimeout(self._timeout)
        self._socket.sendall(b"".join(encode(*command) for command in commands))
        return [self._reply(deadline) for _ in commands]

    def _reply(self, deadline: float) -> Reply:
        while True:
            try:
                reply, end = decode(self._arrived)
            except Incomplete:
                self._read(deadline)
            else:
                del self._arrived[:end]
                return reply

    def _read(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no reply in time")
        self._socket.settimeout(left)
        chunk = self._socket.recv(_CHUNK)
        if not chunk:
            raise ConnectionResetError("the server hung up")
        self._arrived += chunk
