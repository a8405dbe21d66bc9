"""What a socket has to be told so that the kernel finds out that nobody is there. It never does by itself."""

from __future__ import annotations

import socket


def keep_alive(sock: socket.socket, idle: int = 1, interval: int = 1, count: int = 1) -> None:
    """Ask the other kernel after ``idle`` seconds of silence; ``count`` questions without an answer are the end.

    While something that was sent is unacknowledged, nothing is asked: see `user_timeout`.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)


def user_timeout(sock: socket.socket, seconds: float = 1.0) -> None:
    """Let nothing that was sent be unacknowledged for longer; by default, Linux tries for a quarter of an hour."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
