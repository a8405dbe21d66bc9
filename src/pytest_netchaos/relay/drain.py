"""The end of a socket whose other side must not meet an error: a FIN, and then reading until it hangs up."""

from __future__ import annotations

from . import sockets
from .flow import TURN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable

    from .loop import Loop


class Drain:
    """Reads and forgets what a proxy still has for a peer that is gone.

    A Toxiproxy whose write fails stops reading what its toxics give, and the next change of a toxic hangs on that for
    5 s, and every other call with it (2.12.0). So no socket that faces it is ever reset, or closed before it hangs up.

    Args:
        loop: Where it reads.
        sock: The socket; closed at the end.
        on_gone: Called once, when the other side has hung up.
    """

    __slots__ = ("_loop", "_on_gone", "_sock")

    def __init__(self, loop: Loop, sock: Socket, on_gone: Callable[[Drain], None]) -> None:
        self._loop = loop
        self._sock = sock
        self._on_gone = on_gone
        sockets.send_fin(sock)
        loop.watch(sock.fileno(), lambda _: self._read())
        loop.soon(self._read)

    def close(self) -> None:
        """Stop reading, whatever is still to come."""
        if self._sock.fileno() >= 0:
            self._loop.forget(self._sock.fileno())
            self._sock.close()

    def _read(self) -> None:
        if self._sock.fileno() < 0:
            return
        said = sockets.discard(self._sock, TURN)
        if said == "more":
            self._loop.soon(self._read)
        elif said == "gone":
            self.close()
            self._on_gone(self)
