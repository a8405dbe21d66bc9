"""What can happen to bytes under way, as small objects without sockets or clocks: bytes and times in and out.

A stage takes chunks with the time of their arrival (`push`) and gives them back with the time when they may go on
(`pop`), in order. Times go through the chain unrounded: a loop that wakes late in one stage doesn't make the next
one later still. The end of a stream travels along as a chunk of its own, and never overtakes the bytes before it.

Here are the two that most faults need. Those that few need are in ``toxics.py``, which is loaded when one is used.
"""

from __future__ import annotations

from _collections import deque  # type: ignore[import-not-found]  # collections itself costs 8 ms at start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class End(bytes):
    """An end of a stream: a chunk without bytes, told apart from the others by identity."""

    __slots__ = ()


#: A FIN and an RST of the source; and a FIN that a fault sends, after which the connection is to be closed.
FIN, RST, CLOSE = End(), End(), End()
#: No end of a stream, but of its way: the target is gone.
BROKEN = End()

#: What a delay may hold for one direction of a connection: 64 MiB is 100 ms at 640 MB/s, or 1 s at 64 MB/s. Past
#: that the relay stops reading, and the sender feels it as a full window.
DELAY_CAPACITY = 64 << 20
#: What any other stage holds at most, beside one chunk: the rest waits where it would on a slow network, in the
#: sender's socket.
CAPACITY = 64 << 10
#: But a shaper holds 10 ms' worth, or being woken late would cost rate: with 64 KiB only, 100 MB/s became 73, and
#: 1 GB/s 300 MB/s.
READ_AHEAD = 0.01
#: And no more than that, whatever the rate: 10 ms at 1.6 GB/s.
MOST_AHEAD = 16 << 20
#: Chunks that a stage holds at most: each costs some 250 bytes beside its own, and a slicer makes one of each byte.
MOST_CHUNKS = 1 << 16
#: A shaper's step in seconds. Smaller is smoother and costs more wake-ups.
QUANTUM = 0.001
FOREVER = float("inf")
#: A shaper that is woken late makes up for that many seconds: a busy machine is 50 ms late at times. What waited longer
#: was held up by something else, a stall or a reader that didn't read, and goes on at the rate: of 10 kB/s, up to
#: 64 KiB had passed at once after a heal.
MOST_LATE = 0.15


def is_end(chunk: bytes) -> bool:
    """Whether a chunk is the end of the stream."""
    return type(chunk) is End


class Stage:
    """One thing that happens to bytes under way; this one keeps them, in order."""

    __slots__ = ("_queue", "capacity", "lost", "size")

    def __init__(self) -> None:
        #: Bytes held; the stage asks for no more than about ``capacity``.
        self.size = 0
        self.capacity = CAPACITY
        #: Bytes that were dropped here.
        self.lost = 0
        self._queue: deque[tuple[float, bytes]] = deque()

    @property
    def has_room(self) -> bool:
        """Whether more may be pushed. It stays below ``capacity`` plus one chunk."""
        return self.size < self.capacity and len(self._queue) < MOST_CHUNKS

    @property
    def has_closed(self) -> bool:
        """Whether it has ended the stream, and nothing that comes from the source will arrive any more."""
        return False

    def push(self, at: float, chunk: bytes) -> None:
        """Take a chunk that arrived at ``at``."""
        self._queue.append((at, chunk))
        self.size += len(chunk)

    def convert(self, make: Callable[[bytes], bytes]) -> None:
        """Have what ``make`` makes of each chunk that is held, in order, and of the same length."""
        self._queue = deque([(at, make(chunk)) for at, chunk in self._queue])

    def pop(self, now: float) -> tuple[float, bytes] | None:
        """Give the next chunk that may go on by ``now``, with the time since when it could."""
        due = self.due()
        if due is None or due > now:
            return None
        chunk: bytes = self._queue.popleft()[1]
        self.size -= len(chunk)
        return due, chunk

    def due(self) -> float | None:
        """Say when `pop` will have something; ``None`` if that is never, as things are."""
        return None

    def drain(self) -> list[bytes]:
        """Give up everything at once, in order: the stage is being taken away."""
        chunks = [chunk for _, chunk in self._queue]
        self._queue.clear()
        self.size = 0
        return chunks

    def change(self, now: float, *values: float) -> None:
        """Take new values, for what is held as well as for what is still to come."""


class Delay(Stage):
    """Let each chunk go on ``latency`` ± ``jitter`` seconds after it arrived, in order.

    Args:
        latency: Seconds.
        jitter: Seconds; a delay that it makes negative is none.
        draw: Draws a share, 0 to 1, for the chunk of this number.
        delays_ends: Whether a FIN or an RST is late as well, even one with no bytes before it.
    """

    __slots__ = ("_delays_ends", "_draw", "_jitter", "_last", "_latency", "_shares", "_step")

    def __init__(
        self, latency: float, jitter: float, draw: Callable[[int], float], *, delays_ends: bool = True
    ) -> None:
        super().__init__()
        self.capacity = DELAY_CAPACITY
        self._latency = latency
        self._jitter = jitter
        self._draw = draw
        self._delays_ends = delays_ends
        self._last = 0.0
        self._step = 0
        #: When the chunks of the queue arrived, and which share of the jitter each has.
        self._shares: deque[tuple[float, float]] = deque()

    def push(self, at: float, chunk: bytes) -> None:
        """Take a chunk that arrived at ``at``."""
        share = 0.0
        if self._jitter:
            share = 2 * self._draw(self._step) - 1
            self._step += 1
        self._shares.append((at, share))
        super().push(self._release(at, share, chunk), chunk)

    def pop(self, now: float) -> tuple[float, bytes] | None:
        """Give the next chunk that may go on by ``now``."""
        if not self._queue or self._queue[0][0] > now:
            return None
        item: tuple[float, bytes] = self._queue.popleft()
        self._shares.popleft()
        self.size -= len(item[1])
        return item

    def due(self) -> float | None:
        """Say when the next chunk may go on."""
        return self._queue[0][0] if self._queue else None

    def drain(self) -> list[bytes]:
        """Give up everything at once."""
        self._shares.clear()
        return super().drain()

    def change(self, now: float, *values: float) -> None:  # noqa: ARG002 - what is late already goes at once
        """Take another latency and jitter: each chunk that is held is as late as if they had been these all along."""
        self._latency, self._jitter = values
        self._last = 0.0
        chunks = [chunk for _, chunk in self._queue]
        self._queue = deque(
            (self._release(at, share, chunk), chunk) for (at, share), chunk in zip(self._shares, chunks, strict=True)
        )

    def _release(self, at: float, share: float, chunk: bytes) -> float:
        wait = max(0.0, self._latency + self._jitter * share)
        if not self._delays_ends and is_end(chunk):
            wait = 0.0
        self._last = max(at + wait, self._last)  # a shorter delay never overtakes a longer one
        return self._last


class Throttle(Stage):
    """Let ``rate`` bytes per second go on. An idle time earns no credit, and being held up for long little.

    Args:
        rate: Bytes per second; with 0, nothing goes on until that changes.
    """

    __slots__ = ("_free", "_quantum", "_rate", "_step")

    def __init__(self, rate: float) -> None:
        super().__init__()
        self._set(rate)
        self._free = 0.0  # when the last byte let through had left: virtual time, so that no rounding adds up

    def pop(self, now: float) -> tuple[float, bytes] | None:
        """Give the next chunk that may go on by ``now``."""
        if not self._queue:
            return None
        arrived, chunk = self._queue[0]
        start = max(arrived, self._free)
        due = start + self._seconds(chunk)
        if due > now:
            return None
        self._queue.popleft()
        if is_end(chunk):
            self.size -= len(chunk)
            return start, chunk
        # Woken late, it makes up for it: everything that could have left by now, leaves.
        start += max(0.0, now - due - MOST_LATE)
        passed = max(min(self._quantum, len(chunk)), int((now - start) * self._rate))
        if passed < len(chunk):
            self._queue.appendleft((arrived, chunk[passed:]))
            chunk = chunk[:passed]
        self._free = start + len(chunk) / self._rate
        self.size -= len(chunk)
        return self._free, chunk

    def due(self) -> float | None:
        """Say when to call `pop` next: when a step's worth may go on, or all that there is.

        That may be several chunks: at 1 GB/s, to be woken for each of 64 KiB would take a third of the relay's time.
        """
        if not self._queue:
            return None
        arrived, chunk = self._queue[0]
        start: float = max(arrived, self._free)
        wait = self._seconds(chunk)
        if 0 < wait < QUANTUM:
            wait = max(wait, min(self._step, self.size) / self._rate)
        return start + wait if wait < FOREVER else None

    def _seconds(self, chunk: bytes) -> float:
        """Say how long the next piece of a chunk takes; the end of a stream takes no time."""
        if is_end(chunk):
            return 0.0
        return min(self._quantum, len(chunk)) / self._rate if self._rate else FOREVER

    def change(self, now: float, *values: float) -> None:
        """Take another rate. What was held up by the old one earns no credit."""
        self._set(*values)
        self._free = max(now, self._free)

    def _set(self, rate: float) -> None:
        self._rate = rate
        self.capacity = min(max(CAPACITY, int(rate * READ_AHEAD)), MOST_AHEAD)
        self._step = max(1, int(rate * QUANTUM))
        self._quantum = min(CAPACITY, self._step)
