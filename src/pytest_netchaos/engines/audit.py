"""Overhear the dials of this process, where the relay may not see those that a closed port refuses.

Python announces every ``socket.connect`` as an audit event, with its address and before it happens: asyncio's and
trio's too, which connect through ``socket``. A hook can't be taken away again, so it is added once, when it is first
needed, and does nothing while no link asks (some 100 ns for each audit event).
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable

_wanted: dict[tuple[str, int], Callable[[float, str], None]] = {}
#: What a name in a dial may stand for; any other is one address, or not of a link.
_LOOPBACKS = {"localhost": ("127.0.0.1", "::1")}
_is_hooked = False


def listen_in(host: str, port: int, on_dial: Callable[[float, str], None]) -> None:
    """Call ``on_dial(monotonic time, source)`` for each dial of this process to an address.

    The source is the host that the dialling socket is bound to; ``"0.0.0.0"``, ``"::"`` or empty if it isn't bound.
    """
    global _is_hooked  # noqa: PLW0603 - a hook is for the life of the process
    _wanted[host, port] = on_dial
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_hook)


def stop_listening(host: str, port: int) -> None:
    """Forget an address; harmless where nobody asked."""
    _wanted.pop((host, port), None)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect" or not _wanted:
        return
    address = arguments[1]
    if not isinstance(address, tuple) or not isinstance(address[0], str):  # a path, say
        return
    for host in _LOOPBACKS.get(address[0], (address[0],)):
        if on_dial := _wanted.get((host, address[1])):
            on_dial(time.monotonic(), _source(arguments[0]))
            return


def _source(sock: object) -> str:
    with contextlib.suppress(OSError, AttributeError):  # Windows: it isn't bound
        return str(sock.getsockname()[0])  # type: ignore[attr-defined]
    return ""
