"""The small things that every peer does with sockets."""

from __future__ import annotations

import socket
import struct

_RST_ON_CLOSE = struct.pack("ii", 1, 0)
#: Seconds after which a peer gives up on a socket.
PATIENCE = 15.0


def listen() -> socket.socket:
    """Listen at a free port of this machine. The caller has bound it himself: no stale server can answer there."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(4096)
    return sock


def dial(address: tuple[str, int]) -> socket.socket:
    """Connect, to send small messages at once."""
    sock = socket.create_connection(address, PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def blocking(sock: socket.socket) -> socket.socket:
    """Make a socket block without the poll() before each call that Python's timeouts cost; the kernel's stay."""
    seconds = struct.pack("ll", int(PATIENCE), 0)
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
    return sock


def receive(sock: socket.socket, size: int) -> bytes:
    """Receive exactly so many bytes.

    Raises:
        ConnectionError: the stream ended before.
    """
    data = sock.recv(size)
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise ConnectionError(f"the stream ended after {len(data)} of {size} bytes")
        data += more
    return data


def close_with_rst(sock: socket.socket) -> None:
    """Send an RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
    sock.close()
