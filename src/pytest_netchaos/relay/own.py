"""Ports that the relay binds by itself, where no descriptors can be sent: the owner says where, and hears the port."""

from __future__ import annotations

from time import monotonic

from . import sockets
from .arguments import numeric, port_of, quote, whole
from .keeper import LoneKeeper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable

_FAMILIES = ("4", "6")


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

    def expect(self, what: str, count: int) -> None:
        """Do nothing: what a link needs was bound by name."""

    def close_rest(self) -> None:
        """Do nothing: no descriptors come along here."""

    def listener(self, link: int, role: str) -> Socket:
        """Return a link's listening socket; ``role`` says which of them, where there are several.

        Raises:
            LookupError: it was not bound.
        """
        if (link, role) not in self._listeners:
            raise LookupError(f"no port was bound for link {link}, {quote(role)}")
        return self._listeners.pop((link, role))

    def keeper(self, listener: Socket) -> LoneKeeper:
        """Return what keeps the port of ``listener``."""
        return LoneKeeper(listener)

    def _bind(self, link: str, role: str, family: str, host: str, port: str) -> None:
        """Listen at an address, and tell the port; or why not."""
        if family not in _FAMILIES:
            raise ValueError(f"the family of a port must be one of 4 and 6, not {quote(family)}")
        key = (whole("link", link), role)
        if key in self._listeners:
            raise ValueError(f"link {link} has a port for {quote(role)} already")
        address = (numeric(family, host), port_of(port))
        try:
            sock = sockets.listen(sockets.FAMILIES[family], address)
        except OSError as error:
            self._emit("unbound", monotonic(), link, role, error.strerror or str(error))
            return
        self._listeners[key] = sock
        self._emit("bound", monotonic(), link, role, *sock.getsockname()[:2])

    def _drop(self, link: str) -> None:
        id_ = whole("link", link)
        for key in [key for key in self._listeners if key[0] == id_]:
            self._listeners.pop(key).close()
