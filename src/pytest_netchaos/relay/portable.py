"""The event loop where there is no epoll: macOS, Windows, and wherever it is asked for.

The relay relies on edges: it is told once that a socket has become readable, and then reads until nothing is left. Here
there are none. So before each wait the loop looks at what the relay knows of each `End`: one that is readable already,
and waits for a reader, is not waited for; nor is one that has said its last. So nothing is told twice, and nothing
spins; the price is a look at each socket in each round.
"""

from __future__ import annotations

from heapq import heappop
from time import monotonic

from . import sockets
from .loop import ERR, HUP, IN, LONGEST_WAIT, OUT, RDHUP, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .end import End
    from .pollers import Poller

#: Seconds between two looks at the sockets that nobody reads, where the system doesn't tell that their peers hang up.
GLANCE = 0.05

_SAID = {"": 0, "gone": IN | RDHUP, "broken": IN | OUT | ERR}


class PortableLoop(Loop):
    """Waits for sockets and timers as `Loop` does, with what every system has.

    Timers are never early. They are late by up to a millisecond with `pollers.Poll`, which counts in whole ones.

    Args:
        poller: How it waits.
    """

    def __init__(self, poller: Poller) -> None:
        super().__init__()
        self._poller = poller
        self._ends: dict[int, End | None] = {}
        #: The hang-ups and errors that were told: they stay, and would be told again in each round.
        self._told: dict[int, int] = {}
        self._next_glance = 0.0

    def watch(self, fd: int, handler: Callable[[int], None], end: End | None = None) -> None:
        """Call ``handler(mask)`` when there is news of ``fd`` that ``end`` doesn't know of; without one, see `Loop`."""
        self._handlers[fd] = handler
        self._ends[fd] = end
        self._told.pop(fd, None)

    def forget(self, fd: int) -> None:
        """Stop watching ``fd``. Call it before the descriptor is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._forgotten.add(fd)
            del self._ends[fd]
            self._told.pop(fd, None)

    def _poll(self) -> list[tuple[int, int]]:
        wait = self._time_left()
        if unread := self._unread():
            until_glance = max(0.0, self._next_glance - monotonic())
            wait = until_glance if wait is None else min(wait, until_glance)
        wanted = {fd: mask for fd, end in self._ends.items() if (mask := _wanted(end)) or fd not in self._told}
        events = [(fd, self._explain(fd, mask, wanted[fd])) for fd, mask in self._poller.poll(wanted, wait)]
        if unread and monotonic() >= self._next_glance:
            self._next_glance = monotonic() + GLANCE
            events += self._glance_at(unread)
        return events

    def _time_left(self) -> float | None:
        """Return the seconds until there is something to do, whatever the sockets say; ``None`` for never."""
        if self._ready or self._bulk:
            return 0.0
        while self._timers and self._timers[0][2].call is None:
            heappop(self._timers)
        return min(max(0.0, self._timers[0][0] - monotonic()), LONGEST_WAIT) if self._timers else None

    def _explain(self, fd: int, mask: int, wanted: int) -> int:
        """Make an edge of a state: add what it doesn't say, and remember what it would say for ever."""
        end = self._ends[fd]
        if mask & (ERR | HUP):
            self._told[fd] = mask & (ERR | HUP)
            mask |= IN | wanted  # whoever waits to write is to find out as well
        elif mask & IN and end is not None and end.sock is not None and not self._poller.sees_hang_ups:
            mask |= _SAID[sockets.glance(end.sock)]
        return mask

    # The peers of sockets that nobody reads.

    def _unread(self) -> list[tuple[int, End]]:
        """List the sockets whose end nobody would tell: they have bytes that the relay doesn't read for now."""
        if self._poller.sees_hang_ups:
            return []
        return [
            (fd, end)
            for fd, end in self._ends.items()
            if end is not None and end.sock is not None and end.readable and not (end.finished or end.broken)
        ]

    def _glance_at(self, unread: list[tuple[int, End]]) -> list[tuple[int, int]]:
        said = [(fd, _SAID[sockets.glance(end.sock)]) for fd, end in unread if end.sock is not None]
        return [(fd, mask) for fd, mask in said if mask]


def _wanted(end: End | None) -> int:
    """Say what there is to wait for."""
    if end is None:
        return IN
    wanted = 0 if end.writable else OUT
    if not (end.finished or end.broken):
        wanted |= RDHUP if end.readable else IN | RDHUP
    return wanted
