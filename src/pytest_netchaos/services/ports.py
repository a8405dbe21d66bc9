"""Ports that stay ours while nobody listens on them."""

from __future__ import annotations

import socket
import sys

from ..errors import PortInUse


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
            raise PortInUse(f"{host}:{port} is taken ({error.strerror}): choose another port, or 0 for any") from error
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
