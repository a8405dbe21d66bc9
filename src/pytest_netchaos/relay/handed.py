"""Ports that the owner has bound: their descriptors come through the control channel. Linux only."""

from __future__ import annotations

import _socket
from posix import close
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
    """Takes descriptors in the order in which they come. Those that one message brings belong to one command."""

    def __init__(self) -> None:
        self._batches: list[list[int]] = []
        #: Of the command that is being carried out.
        self._taken: list[int] = []
        self._had_no_room = False
        #: Commands for the owner; here there are none.
        self.commands: dict[str, Callable[..., None]] = {}

    def read(self, channel: Socket) -> bytes:
        """Read from the control channel, and keep what comes along.

        Raises:
            BlockingIOError: nothing has come.
        """
        data, extra, flags, _ = channel.recvmsg(65536, _FD_SPACE)
        for _, _, packed in extra:
            count = len(packed) // calcsize("i")
            self._batches.append(list(unpack(f"{count}i", packed[: count * calcsize("i")])))
        self._had_no_room = bool(flags & _socket.MSG_CTRUNC)
        return data

    def expect(self, what: str, count: int) -> None:
        """Turn to the descriptors of the next command that has some.

        Raises:
            LookupError: they are more or fewer than it needs.
        """
        _close(self._taken)
        self._taken = self._batches.pop(0) if self._batches else []
        if len(self._taken) != count:
            why = ": no more are left here" if self._had_no_room else ""
            raise LookupError(f"{what} needs {count} descriptors, and {len(self._taken)} came along{why}")

    def close_rest(self) -> None:
        """Close what no command has taken: every message that came is carried out, or refused."""
        for batch in (self._taken, *self._batches):
            _close(batch)
        self._batches.clear()

    def listener(self, link: int, role: str) -> Socket:  # noqa: ARG002 - they come in order
        """Return a link's listening socket; ``role`` says which of them, where there are several.

        Raises:
            ValueError: it isn't one.
        """
        sock = _adopt(self._taken.pop(0))
        if not _listens(sock):
            sock.close()
            raise ValueError("the descriptor of a listening socket is of one that doesn't listen")
        return sock

    def keeper(self, listener: Socket) -> Keeper:
        """Return what keeps the port of the listener that was taken last.

        Raises:
            ValueError: it doesn't; ``listener`` is closed then.
        """
        try:
            sock = _adopt(self._taken.pop(0))
        except ValueError:
            listener.close()
            raise
        if _listens(sock) or sock.getsockname() != listener.getsockname() or sock.type != _socket.SOCK_STREAM:
            listener.close()
            sock.close()
            raise ValueError("the descriptor that is to keep a port is of a socket that isn't bound to it, or listens")
        return Keeper(sock)


def _adopt(fd: int) -> Socket:
    try:
        return sockets.adopt(fd)
    except OSError as error:
        _close([fd])
        raise ValueError(f"a descriptor that came along is no socket: {error.strerror}") from None


def _listens(sock: Socket) -> bool:
    return sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN) == 1


def _close(fds: list[int]) -> None:
    while fds:
        close(fds.pop())
