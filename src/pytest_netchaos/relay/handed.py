"""Ports that the owner has bound: their descriptors come through the control channel. Linux only."""

from __future__ import annotations

import _socket
from struct import calcsize, unpack

from . import sockets
from .keeper import Keeper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable

#: Descriptors that one read of the channel may bring: two for each new link, three for a tap.
_MOST_FDS = 64
_FD_SPACE = _socket.CMSG_SPACE(_MOST_FDS * calcsize("i"))


class HandedPorts:
    """Takes descriptors in the order in which they come; each command knows how many are its own."""

    def __init__(self) -> None:
        self._fds: list[int] = []
        #: Commands for the owner; here there are none.
        self.commands: dict[str, Callable[..., None]] = {}

    def read(self, channel: Socket) -> bytes:
        """Read from the control channel, and keep what comes along.

        Raises:
            BlockingIOError: nothing has come.
        """
        data, extra, _, _ = channel.recvmsg(65536, _FD_SPACE)
        for _, _, packed in extra:
            count = len(packed) // calcsize("i")
            self._fds += unpack(f"{count}i", packed[: count * calcsize("i")])
        return data

    def listener(self, link: int, role: str) -> Socket:  # noqa: ARG002 - they come in order
        """Return a link's listening socket; ``role`` says which of them, where there are several.

        Raises:
            LookupError: none has come.
        """
        return sockets.adopt(self._fds.pop(0))

    def keeper(self, listener: Socket) -> Keeper:  # noqa: ARG002 - as above
        """Return what keeps the port of the listener that was taken last.

        Raises:
            LookupError: none has come.
        """
        return Keeper(sockets.adopt(self._fds.pop(0)))
