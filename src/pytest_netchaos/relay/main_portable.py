"""The relay's process where Linux's ways are missing: it dials its owner, binds its ports by itself, and polls."""

from __future__ import annotations

import _socket
import os
import sys
import time

from . import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812

    from .loop import Loop

#: Seconds between two looks whether the owner is still there.
_LOOK = 0.5
#: What macOS takes as a limit of descriptors, where it doesn't take its own hard limit: OPEN_MAX.
_OPEN_MAX = 10240
#: The numbers that `select` takes on POSIX end here: a connection with a higher one couldn't be waited for.
_SELECTABLE = 1024


def main(port: int, owner: int, kind: str) -> None:
    """Relay until the channel's other end is closed, or the owner is dead.

    A token comes through stdin, and goes back through the channel: so the owner knows who has dialled.

    Args:
        port: Where the owner listens for the channel, on 127.0.0.1.
        owner: The process id of the test run.
        kind: As `loops.make` takes it.
    """
    clock.sharpen()
    _raise_limit(_SELECTABLE if kind == "select" else None)
    from . import loops  # noqa: PLC0415 - these take the clock as it is when they are loaded
    from .control import Relay  # noqa: PLC0415
    from .own import OwnPorts  # noqa: PLC0415

    loop = loops.make(kind)
    relay = Relay(loop, _dial(port), OwnPorts, sees_dials=False)
    if sys.platform != "win32":  # there a process keeps its parent's number for ever: the channel must do
        loop.soon(lambda: _mind(loop, owner))
    loop.run(relay.flush)


def _dial(port: int) -> Socket:
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    sock.connect(("127.0.0.1", port))
    sock.send(sys.stdin.buffer.read())
    sock.setblocking(False)
    sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return sock


def _mind(loop: Loop, owner: int) -> None:
    """Stop when the owner is dead: a child that it has forked may keep the channel open."""
    if os.getppid() != owner:
        loop.stop()
    loop.call_at(time.monotonic() + _LOOK, lambda: _mind(loop, owner))


def _raise_limit(most: int | None) -> None:
    """Have as many descriptors as this process may, or ``most``: macOS gives 256, which are 120 connections."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows, which has no such limit
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (most or hard, _OPEN_MAX):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (OSError, ValueError):
            continue
        return
