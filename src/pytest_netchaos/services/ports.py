"""Ports that stay ours while nobody listens on them."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..errors import PortInUse, hide_own_errors

if TYPE_CHECKING:
    from collections.abc import Callable

__tracebackhide__ = hide_own_errors

T = TypeVar("T")

_ATTEMPTS = 5


class Reservation:
    """A loopback port, kept from everybody else until the reservation is closed.

    It is a bound socket that never listens: clients are refused, and a server of ours may bind the port next to it,
    because both say SO_REUSEADDR. Without it, a port whose server is down could go to any process that asks for a free
    one, and a client that dials it again and again would sooner or later be given that same port to dial *from* and be
    connected to itself.

    Only Linux lets two sockets share a port like this. Elsewhere the port was free a moment ago, and no more.

    Args:
        port: The port wanted; 0 for any free one.
        host: The loopback address.

    Raises:
        PortInUse: Somebody has the port.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket()
        try:
            self._bind(host, port)
        except OSError as error:
            self._socket.close()
            raise PortInUse(f"{host}:{port} is taken ({error.strerror}): choose another port, or 0 for any") from None
        self.port: int = self._socket.getsockname()[1]
        if sys.platform != "linux":
            self._socket.close()

    def _bind(self, host: str, port: int) -> None:
        # A server that ran on this very port may have left connections in TIME_WAIT, which count as "in use" without
        # SO_REUSEADDR; with it, a port that someone listens on still counts. A port that the system picks must be
        # nobody's at all.
        if port:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def close(self) -> None:
        """Give the port back. A server that listens on it keeps it."""
        self._socket.close()


class Kept(Protocol):
    """A port that is ours until it is closed."""

    @property
    def port(self) -> int:
        """The port."""

    def close(self) -> None:
        """Give it back."""


class LastingAddress:
    """Where a server is over its restarts: decided by its first start.

    Args:
        host: The host.
        port: The port wanted; 0 for any.
        reserve: Keeps a port there for us.
    """

    def __init__(self, host: str, port: int, reserve: Callable[[int, str], Kept] | None = None) -> None:
        self.host = host
        self._wanted = port
        self._reserve = reserve
        self._kept: Kept | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; ``None`` before the first start."""
        return (self.host, self._kept.port) if self._kept else None

    def start(self, launch: Callable[[tuple[str, int]], T]) -> T:
        """Call ``launch`` with the address. A port that nobody asked for or has seen yet is changed if it is taken.

        Raises:
            PortInUse: It is taken, and may not be changed.
        """
        if self._kept:
            return launch((self.host, self._kept.port))
        for _ in range(1 if self._wanted else _ATTEMPTS):
            kept = (self._reserve or Reservation)(self._wanted, self.host)
            try:
                result = launch((self.host, kept.port))
            except PortInUse as error:
                kept.close()
                taken = error
            except BaseException:
                kept.close()
                raise
            else:
                self._kept = kept
                return result
        raise taken

    def close(self) -> None:
        """Give the port back."""
        if self._kept:
            self._kept.close()
