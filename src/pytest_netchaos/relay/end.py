"""One end of what the relay carries: a peer's socket, or the door of a port, and what the system last said of it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable


class End:
    """One side of a connection: its socket, and what epoll last said of it."""

    __slots__ = ("broken", "farewell", "finished", "readable", "side", "sock", "writable")

    def __init__(self, side: str, sock: Socket | None = None) -> None:
        self.side = side
        self.sock = sock
        self.readable = True  # until a call says otherwise: edges that came before we watched are not repeated
        self.writable = True
        #: The peer is hanging up: a short read no longer means that nothing is left.
        self.finished = False
        #: A write met an RST. The next read must report it, although the kernel reports it only once.
        self.broken = False
        #: What takes the socket over at the end, where it may be neither reset nor simply closed.
        self.farewell: Callable[[Socket], None] | None = None
