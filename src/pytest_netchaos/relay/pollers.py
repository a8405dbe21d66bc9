"""Wait for sockets without epoll: what to wait for is said anew each time, and what goes on is told again and again."""

from __future__ import annotations

import select
from time import monotonic, sleep

from .loop import IN, OUT, RDHUP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    class Poller(Protocol):
        """Waits for sockets."""

        #: Whether it tells of a peer that hung up while its last bytes are still unread.
        sees_hang_ups: bool

        def poll(self, wanted: Mapping[int, int], wait: float | None) -> list[tuple[int, int]]:
            """Wait until something that is ``wanted`` is so.

            Args:
                wanted: For each descriptor `IN`, `OUT`, `RDHUP`, or some of them.
                wait: Seconds to wait at most; ``None`` for as long as it takes.

            Returns:
                What is so, for each descriptor of which something is; `ERR` and `HUP` are told unasked.
            """


#: Sockets that one `select.select` takes: 512 on Windows (CPython's FD_SETSIZE there), and 1024 elsewhere.
MOST = 500
#: Seconds between two looks at more sockets than `MOST`.
_PAUSE = 0.005


def make(name: str) -> Poller:
    """Return the poller of a name: ``"poll"``, ``"select"``, or the better one that this system has: ``"portable"``."""
    if name == "select" or not hasattr(select, "poll"):
        return Select()
    return Poll()


class Poll:
    """`select.poll`: macOS and every Unix have it. It counts in milliseconds, and rounds them up.

    Args:
        sees_hang_ups: By default, whether this system has POLLRDHUP; Linux does, macOS doesn't.
    """

    def __init__(self, *, sees_hang_ups: bool = hasattr(select, "POLLRDHUP")) -> None:
        self.sees_hang_ups = sees_hang_ups
        self._events = IN | OUT | (RDHUP if sees_hang_ups else 0)
        self._poll = select.poll()
        self._registered: dict[int, int] = {}

    def poll(self, wanted: Mapping[int, int], wait: float | None) -> list[tuple[int, int]]:
        """Wait, as `Poller.poll` says."""
        registered = self._registered
        for fd in registered.keys() - wanted.keys():
            self._poll.unregister(fd)
            del registered[fd]
        for fd, mask in wanted.items():
            if registered.get(fd) != mask:
                self._poll.register(fd, mask & self._events)
                registered[fd] = mask
        return self._poll.poll(None if wait is None else wait * 1000)


class Select:
    """`select.select`, which is all that Windows has."""

    sees_hang_ups = False

    def poll(self, wanted: Mapping[int, int], wait: float | None) -> list[tuple[int, int]]:
        """Wait, as `Poller.poll` says."""
        asked = [(fd, mask) for fd, mask in wanted.items() if mask & (IN | OUT)]
        if not asked:  # Windows refuses to select among nothing
            sleep(60.0 if wait is None else wait)
            return []
        if len(asked) <= MOST:
            return _select(asked, wait)
        return self._take_turns(asked, wait)

    @staticmethod
    def _take_turns(asked: list[tuple[int, int]], wait: float | None) -> list[tuple[int, int]]:
        """Look at one lot after the other: more than `MOST` can't be waited for at once."""
        deadline = None if wait is None else monotonic() + wait
        while True:
            found = [event for n in range(0, len(asked), MOST) for event in _select(asked[n : n + MOST], 0)]
            left = _PAUSE if deadline is None else deadline - monotonic()
            if found or left <= 0:
                return found
            sleep(min(_PAUSE, left))


def _select(asked: Iterable[tuple[int, int]], wait: float | None) -> list[tuple[int, int]]:
    reading = [fd for fd, mask in asked if mask & IN]
    writing = [fd for fd, mask in asked if mask & OUT]
    readable, writable, failed = select.select(reading, writing, writing, wait)  # Windows: a failed dial is exceptional
    found = dict.fromkeys(readable, IN)
    for fd in (*writable, *failed):
        found[fd] = found.get(fd, 0) | OUT
    return list(found.items())
