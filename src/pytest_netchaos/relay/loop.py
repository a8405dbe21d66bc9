"""The event loop: timers that are never early, and a queue of work to go on with. `epoll` and `portable` wait."""

from __future__ import annotations

from _collections import deque  # type: ignore[import-not-found]  # see stages.py
from heapq import heappop, heappush
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .end import End

#: In numbers, as epoll and `poll` have them: `select` has the names only of what the system has.
IN, OUT, ERR, HUP, RDHUP = 0x1, 0x4, 0x8, 0x10, 0x2000

#: Seconds. A system call refuses those of a latency of 300 years, which a number that was meant as another may ask for.
LONGEST_WAIT = 3600.0


class Timer:
    """A call that is due at a time; `cancel` it if it is no longer wanted."""

    __slots__ = ("call", "when")

    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when = when
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Forget the call. Harmless when it has already happened."""
        self.call = None


class Loop:
    """Waits for sockets and timers, and calls their handlers in one thread."""

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[int], None]] = {}
        #: Forgotten in this round: whatever has their numbers now, the events that were fetched are not about it.
        self._forgotten: set[int] = set()
        self._timers: list[tuple[float, int, Timer]] = []
        self._ready: deque[Callable[[], None]] = deque()
        self._bulk: deque[Callable[[], None]] = deque()
        self._count = 0
        self._running = False

    def watch(self, fd: int, handler: Callable[[int], None], end: End | None = None) -> None:
        """Call ``handler(mask)`` whenever ``fd`` becomes readable, writable or broken: once for each change.

        Args:
            fd: The descriptor.
            handler: Called with what is so: `IN`, `OUT`, `RDHUP`, `HUP` and `ERR`.
            end: What its handler knows of ``fd``: where there are no edges, what to wait for is worked out from it.
                Without one, such a loop tells only that ``fd`` is readable, until it isn't any more.
        """
        raise NotImplementedError

    def forget(self, fd: int) -> None:
        """Stop watching ``fd``. Call it before the descriptor is closed."""
        raise NotImplementedError

    def drop(self, fd: int) -> None:
        """Stop watching ``fd``, which nobody else has, and which is closed right afterwards."""
        self.forget(fd)

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        """Call ``call()`` at ``when`` or as soon as possible after it, never before."""
        timer = Timer(when, call)
        self._count += 1  # breaks ties in the order of the requests
        heappush(self._timers, (when, self._count, timer))
        return timer

    def soon(self, call: Callable[[], None]) -> None:
        """Call ``call()`` after the events that are waiting now."""
        self._ready.append(call)

    def later(self, call: Callable[[], None]) -> None:
        """Call ``call()`` when its turn comes, one each round: no small message waits for more than one bulk step."""
        self._bulk.append(call)

    def stop(self) -> None:
        """Make `run` return."""
        self._running = False

    def run(self, after_each: Callable[[], None]) -> None:
        """Run until `stop`, with ``after_each()`` after every round of events."""
        self._running = True
        handlers, forgotten, ready, bulk = self._handlers, self._forgotten, self._ready, self._bulk
        while self._running:
            events = self._poll()
            if forgotten:
                forgotten.clear()
            for fd, mask in events:
                if fd not in forgotten:  # else an earlier handler of this round has closed it
                    handlers[fd](mask)
            if self._timers:
                self._run_timers()
            if ready:
                for _ in range(len(ready)):
                    ready.popleft()()
            if bulk:
                bulk.popleft()()
            after_each()

    def _poll(self) -> list[tuple[int, int]]:
        """Wait for events until the first timer is due; not at all where there is work to go on with."""
        raise NotImplementedError

    def _run_timers(self) -> None:
        timers = self._timers
        now = monotonic()
        for _ in range(len(timers)):  # those that these set, at once again, come after the next round of events
            if not timers or not (timers[0][2].call is None or timers[0][0] <= now):
                return
            timer = heappop(timers)[2]
            if timer.call is not None:
                timer.call()
