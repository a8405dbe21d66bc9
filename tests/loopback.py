"""What a test may take for granted of the loopback: nothing that it hasn't waited for.

A busy system delivers a packet after the call that sent it has returned: bytes that were sent, the end of a handshake,
a FIN, an RST.
"""

from __future__ import annotations

import fcntl
import socket
import termios

from pytest_netchaos import eventually

_NONE = bytes(4)


def await_arrival(sock: socket.socket) -> None:
    """Wait until the other side's system has all that was sent: no byte of it is unacknowledged."""
    eventually(lambda: fcntl.ioctl(sock, termios.TIOCOUTQ, _NONE) == _NONE, 10)
