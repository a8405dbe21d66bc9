"""Ports that the relay binds by itself, where no descriptors can be sent: the owner says where, and hears the port."""

from __future__ import annotations

from time import monotonic

from . import sockets
from .keeper import LoneKeeper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable


class OwnPorts:
    """Listens where the owner says, until a link takes the socket over.

    Args:
        emit: Tells the owner.
    """

    def __init__(self, emit: Callable[..., None]) -> None:
        self._emit = emit
        self._listeners: dict[tuple[int, str], Socket] = {}
        #: Commands for the owner: `bind` before a link is made, and `drop` where none was made after all.
        self.commands: dict[str, Callable[..., None]] = {"bind": self._bind, "drop": self._drop}

    def read(self, channel: Socket) -> bytes:
        """Read from the control channel.

        Raises:
            BlockingIOError: nothing has come.
        """
        return channel.recv(65536)

    def listener(self, link: int, role: str) -> Socket:
        """Return a link's listening socket; ``role`` says which of them, where there are several.

        Raises:
            LookupError: it was not bound.
        """
        return self._listeners.pop((link, role))

    def keeper(self, listener: Socket) -> LoneKeeper:
        """Return what keeps the port of ``listener``."""
        return LoneKeeper(listener)

    def _bind(self, link: str, role: str, family: str, host: str, port: str) -> None:
        """Listen at an address, and tell the port; or why not."""
        try:
            sock = sockets.listen(sockets.FAMILIES[family], (host, int(port)))
        except OSError as error:
            self._emit("unbound", monotonic(), link, role, error.strerror or str(error))
            return
        self._listeners[int(link), role] = sock
        self._emit("bound", monotonic(), link, role, *sock.getsockname()[:2])

    def _drop(self, link: str) -> None:
        for key in [key for key in self._listeners if key[0] == int(link)]:
            self._listeners.pop(key).close()
