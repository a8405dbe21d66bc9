"""A clock for the relay's process, where that of the system is too coarse to delay bytes by."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds. A clock that counts in larger steps lets a delay end too early, by up to one of them.
_COARSE = 0.001


def sharpen() -> None:
    """Make `time.monotonic` count finely, for this whole process; call it before anything else is imported.

    On Windows it counts in steps of 15.6 ms before Python 3.13, which took `time.perf_counter`'s clock for it
    (python/cpython issue 88494). Its times stay near those of other processes, to one step.
    """
    if time.get_clock_info("monotonic").resolution > _COARSE:
        time.monotonic = _sharpened(time.monotonic, time.perf_counter)


def _sharpened(coarse: Callable[[], float], fine: Callable[[], float]) -> Callable[[], float]:
    ahead = coarse() - fine()
    return lambda: fine() + ahead
