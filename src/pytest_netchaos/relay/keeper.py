"""A link's port while it refuses: closed for clients, and nobody else's."""

from __future__ import annotations

import sys

from . import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812

    from .sockets import Address

#: Whether two sockets can share a port here.
SHARES = sys.platform == "linux"


def take(family: int, address: Address, *, dual: bool = False) -> tuple[Socket, Keeper | LoneKeeper]:
    """Take a port; return a socket that listens there, and what keeps it.

    Raises:
        OSError: it can't be had.
    """
    if not SHARES:
        listener = sockets.listen(family, address, dual=dual)
        return listener, LoneKeeper(listener, dual=dual)
    keeper = Keeper(sockets.bind(family, address, dual=dual), dual=dual)
    try:
        return keeper.listen(), keeper
    except OSError:
        keeper.close()
        raise


class Keeper:
    """Keeps a port with a socket that is bound beside the listening one, and never listens. Only Linux allows that.

    Args:
        sock: Bound to the port, with SO_REUSEADDR.
        dual: Whether it is an IPv6 socket that serves IPv4 too.
    """

    def __init__(self, sock: Socket, *, dual: bool = False) -> None:
        self._sock = sock
        self._dual = dual
        self.family: int = sock.family
        self.address: tuple[str, int] = sock.getsockname()[:2]

    def listen(self) -> Socket:
        """Open the port again.

        Raises:
            OSError: somebody else has taken it.
        """
        return sockets.listen(self.family, self._sock.getsockname(), dual=self._dual)

    def shut(self, listener: Socket) -> None:
        """Close the port."""
        listener.close()

    def close(self) -> None:
        """Give the port back."""
        self._sock.close()


class LoneKeeper:
    """Keeps a port with one socket at a time, as every system allows.

    While the port is closed, a socket is bound to it; to open the port, that socket starts to listen. So there is only
    one moment in which somebody else could take it: when it is closed, for the 10 µs between one socket and the next.

    Args:
        listener: The listening socket.
        dual: Whether it is an IPv6 socket that serves IPv4 too.
    """

    def __init__(self, listener: Socket, *, dual: bool = False) -> None:
        self._dual = dual
        self._name = listener.getsockname()
        self._sock: Socket | None = None
        self.family: int = listener.family
        self.address: tuple[str, int] = self._name[:2]

    def listen(self) -> Socket:
        """Open the port again.

        Raises:
            OSError: somebody else has taken it.
        """
        sock = self._sock or sockets.bind(self.family, self._name, dual=self._dual)
        self._sock = sock  # where it can't listen, it goes on keeping the port
        sock.listen(sockets.BACKLOG)
        self._sock = None
        return sock

    def shut(self, listener: Socket) -> None:
        """Close the port. Where it can't be kept, `listen` tries to have it back, and says if that fails."""
        listener.close()
        try:
            self._sock = sockets.bind(self.family, self._name, dual=self._dual)
        except OSError:
            self._sock = None

    def close(self) -> None:
        """Give the port back."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None
