"""Overhear the dials of this process, where the relay may not see those that a closed port refuses.

Python announces every ``socket.connect`` as an audit event, with its address and before it happens: asyncio's and
trio's too, which connect through ``socket``. A hook can't be taken away again, so it is added once, when it is first
needed, and does nothing while no link asks (some 100 ns for each audit event).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_wanted: dict[int, Callable[[float], None]] = {}
_is_hooked = False


def listen_in(port: int, on_dial: Callable[[float], None]) -> None:
    """Call ``on_dial(monotonic time)`` for each dial of this process to ``port``."""
    global _is_hooked  # noqa: PLW0603 - a hook is for the life of the process
    _wanted[port] = on_dial
    if not _is_hooked:
        _is_hooked = True
        sys.addaudithook(_hook)


def stop_listening(port: int) -> None:
    """Forget ``port``; harmless where nobody asked."""
    _wanted.pop(port, None)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect" or not _wanted:
        return
    address = arguments[1]
    if isinstance(address, tuple) and len(address) >= 2 and (on_dial := _wanted.get(address[1])):  # noqa: PLR2004
        on_dial(time.monotonic())
