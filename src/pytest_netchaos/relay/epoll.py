"""The event loop on Linux: edge-triggered epoll."""

from __future__ import annotations

import select
from heapq import heappop
from time import monotonic

from .loop import IN, LONGEST_WAIT, OUT, RDHUP, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .end import End

_EDGES = IN | OUT | RDHUP | select.EPOLLET


class EpollLoop(Loop):
    """Is told of each change once, and waits for timers to the microsecond."""

    def __init__(self) -> None:
        super().__init__()
        self._epoll = select.epoll()

    def watch(self, fd: int, handler: Callable[[int], None], end: End | None = None) -> None:  # noqa: ARG002 - no need
        """Call ``handler(mask)`` for each change of ``fd``, as `Loop.watch` says."""
        self._handlers[fd] = handler
        self._epoll.register(fd, _EDGES)

    def forget(self, fd: int) -> None:
        """Stop watching ``fd``. Call it before the descriptor is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._forgotten.add(fd)
            self._epoll.unregister(fd)

    def drop(self, fd: int) -> None:
        """Stop watching ``fd``, which is closed right afterwards: the kernel forgets it then, unasked."""
        if self._handlers.pop(fd, None) is not None:
            self._forgotten.add(fd)

    def close(self) -> None:
        """Give the descriptor back. No process needs that at its end."""
        self._epoll.close()

    def _poll(self) -> list[tuple[int, int]]:
        if self._ready or self._bulk:
            return self._epoll.poll(0)
        while self._timers and self._timers[0][2].call is None:
            heappop(self._timers)
        if not self._timers:
            return self._epoll.poll()
        wait = self._timers[0][0] - monotonic()
        if wait > 0:
            # epoll_wait() counts in milliseconds, select() in microseconds; an epoll descriptor can be waited for.
            select.select((self._epoll,), (), (), min(wait, LONGEST_WAIT))
        return self._epoll.poll(0)
