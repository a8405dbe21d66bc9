"""Both ends of a connection through a link, with words for what they see."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from tests.loopback import await_arrival

from pytest_netchaos import History, Link, Network

#: Seconds in which something that happens at once has happened, on the busiest machine.
SOON = 10.0
#: Seconds of silence that prove that a byte isn't coming. On loopback it takes 0.0001.
SILENCE = 0.15


class Peer:
    """One end of a connection, with words for what it sees."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(SOON)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def hand_over(self, data: bytes) -> None:
        """Send, and wait until all of it has arrived at the link: for what a close is to pass on."""
        self.send(data)
        await_arrival(self.sock)

    def receives(self, data: bytes) -> bool:
        """Whether exactly these bytes come next."""
        return self.read(len(data)) == data

    def read(self, count: int) -> bytes:
        got = bytearray()
        while len(got) < count:
            chunk = self.sock.recv(min(1 << 20, count - len(got)))
            if not chunk:
                break
            got += chunk
        return bytes(got)

    def sees(self) -> str:
        """What comes within a moment: ``"silence"``, the bytes, ``"FIN"`` or ``"RST"``. For an end: `ends_with`."""
        self.sock.settimeout(SILENCE)
        try:
            data = self.sock.recv(1 << 16)
        except TimeoutError:
            return "silence"
        except OSError as error:
            return "RST" if error.errno in (errno.ECONNRESET, errno.EPIPE) else errno.errorcode[error.errno or 0]
        finally:
            with contextlib.suppress(OSError):
                self.sock.settimeout(SOON)
        return "FIN" if not data else repr(data)

    def ends_with(self) -> str:
        """Wait for the end, and say how it came."""
        try:
            return "FIN" if not self.sock.recv(1) else "bytes"
        except TimeoutError:
            return "silence"
        except OSError:
            return "RST"

    def drains_to(self) -> str:
        """Read whatever comes until the end, and say how that came."""
        while (end := self.ends_with()) == "bytes":
            pass
        return end

    def finish(self) -> None:
        """Send a FIN, and go on listening."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Send an RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


def silent(peers: Iterable[Peer], count: int) -> list[Peer]:
    """Wait until all but ``count`` of the peers have something to read; return those, after a while of silence."""
    waiting = list(peers)
    while len(waiting) > count:
        waiting = without_news(waiting, SOON)
    return without_news(waiting, SILENCE)


def without_news(peers: list[Peer], timeout: float) -> list[Peer]:
    readable, _, _ = select.select([peer.sock for peer in peers], [], [], timeout)
    return [peer for peer in peers if peer.sock not in readable]


def all_closed(history: History) -> bool:
    """Whether there were connections, and none is open."""
    return bool(history.connections) and not any(connection.is_open for connection in history.connections)


@dataclass
class World:
    """A server that answers only as the test says, a link in front of it, and both ends of each connection."""

    network: Network
    link: Link
    listener: socket.socket
    peers: list[Peer]

    def dial(self, link: Link | None = None) -> Peer:
        """Connect through the link; the server's end may come later, or never."""
        family = socket.AF_INET6 if ":" in (link or self.link).host else socket.AF_INET
        sock = socket.socket(family)
        self.peers.append(Peer(sock))
        sock.connect((link or self.link).address)
        return self.peers[-1]

    def accept(self) -> Peer:
        """Take the server's end of the next connection that reaches it."""
        sock, _ = self.listener.accept()
        self.peers.append(Peer(sock))
        return self.peers[-1]

    def pair(self) -> tuple[Peer, Peer]:
        """Connect, and return the client's and the server's end, when the link takes it for a connection as well.

        The server may have accepted before the link is told so; a fault that begins in between meets nobody.
        """
        client, server = self.dial(), self.accept()
        host, port = client.sock.getsockname()[:2]
        peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.link.wait_for(lambda history: any(d.peer == peer and d.outcome == "served" for d in history.dials))
        return client, server

    def dial_fails_with(self) -> str:
        """Say why a dial fails; empty if it doesn't."""
        try:
            self.dial()
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        return ""
