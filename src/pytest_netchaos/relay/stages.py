"""What can happen to bytes under way, as small objects without sockets or clocks: bytes and times in and out.

A stage takes chunks with the time of their arrival (`push`) and gives them back with the time when they may go on
(`pop`), in order. Times go through the chain unrounded: a loop that wakes late in one stage doesn't make the next
one later still. The end of a stream travels along as a chunk of its own, and never overtakes the bytes before it.
"""

from __future__ import annotations

from _collections import deque  # type: ignore[import-not-found]  # collections itself costs 8 ms at start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Stage(Protocol):
        """One thing that happens to bytes under way."""

        #: Bytes held; the stage asks for no more than about ``capacity``.
        size: int
        capacity: int

        def push(self, at: float, chunk: bytes) -> None:
            """Take a chunk that arrived at ``at``."""

        def pop(self, now: float) -> tuple[float, bytes] | None:
            """Give the next chunk that may go on by ``now``, with the time since when it could."""

        def due(self) -> float | None:
            """Say when `pop` will have something; ``None`` if it holds nothing."""

        def drain(self) -> list[bytes]:
            """Give up everything at once, in order: the stage is being taken away."""


#: The ends of a stream, told apart by identity: a FIN, and an RST.
FIN = b""
RST = bytes(bytearray(b"RST"))

#: What a delay may hold for one direction of a connection: 64 MiB is 100 ms at 640 MB/s, or 1 s at 64 MB/s. Past
#: that the relay stops reading, and the sender feels it as a full window.
DELAY_CAPACITY = 64 << 20
#: A shaper reads little ahead: the rest waits where it would on a slow network, in the sender's socket. But it holds
#: 10 ms' worth, or being woken late would cost rate: with 64 KiB only, 100 MB/s became 73, and 1 GB/s 300 MB/s.
THROTTLE_CAPACITY = 64 << 10
READ_AHEAD = 0.01
#: A shaper's step in seconds. Smaller is smoother and costs more wake-ups.
QUANTUM = 0.001
#: A shaper that is woken late makes up for that many seconds: a busy machine is 50 ms late at times. What waited longer
#: was held up by something else, a stall or a reader that didn't read, and goes on at the rate: of 10 kB/s, up to
#: 64 KiB had passed at once after a heal.
MOST_LATE = 0.15


class Delay:
    """Let each chunk go on ``latency`` ± ``jitter`` seconds after it arrived, in order."""

    __slots__ = ("_draw", "_jitter", "_last", "_latency", "_queue", "_step", "capacity", "size")

    def __init__(self, latency: float, jitter: float, draw: Callable[[int], float]) -> None:
        self.capacity = DELAY_CAPACITY
        self.size = 0
        self._latency = latency
        self._jitter = jitter
        self._draw = draw
        self._queue: deque[tuple[float, bytes]] = deque()
        self._last = 0.0
        self._step = 0

    def push(self, at: float, chunk: bytes) -> None:
        """Take a chunk that arrived at ``at``."""
        wait = self._latency
        if self._jitter:
            wait += self._jitter * (2 * self._draw(self._step) - 1)
            self._step += 1
        self._last = max(at + wait, self._last)  # a shorter delay never overtakes a longer one
        self._queue.append((self._last, chunk))
        self.size += len(chunk)

    def pop(self, now: float) -> tuple[float, bytes] | None:
        """Give the next chunk that may go on by ``now``."""
        if not self._queue or self._queue[0][0] > now:
            return None
        item: tuple[float, bytes] = self._queue.popleft()
        self.size -= len(item[1])
        return item

    def due(self) -> float | None:
        """Say when the next chunk may go on."""
        return self._queue[0][0] if self._queue else None

    def drain(self) -> list[bytes]:
        """Give up everything at once."""
        chunks = [chunk for _, chunk in self._queue]
        self._queue.clear()
        self.size = 0
        return chunks


class Throttle:
    """Let ``rate`` bytes per second go on. An idle time earns no credit, and being held up for long little."""

    __slots__ = ("_free", "_quantum", "_queue", "_rate", "capacity", "size")

    def __init__(self, rate: float) -> None:
        self.capacity = max(THROTTLE_CAPACITY, int(rate * READ_AHEAD))
        self.size = 0
        self._rate = rate
        self._quantum = max(1, min(THROTTLE_CAPACITY, int(rate * QUANTUM)))
        self._queue: deque[tuple[float, bytes]] = deque()
        self._free = 0.0  # when the last byte let through had left: virtual time, so that no rounding adds up

    def push(self, at: float, chunk: bytes) -> None:
        """Take a chunk that arrived at ``at``."""
        self._queue.append((at, chunk))
        self.size += len(chunk)

    def pop(self, now: float) -> tuple[float, bytes] | None:
        """Give the next chunk that may go on by ``now``."""
        due = self.due()
        if due is None or due > now:
            return None
        arrived, chunk = self._queue.popleft()
        start = max(arrived, self._free)
        if chunk is FIN or chunk is RST:
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
        """Say when the next chunk may go on."""
        if not self._queue:
            return None
        arrived, chunk = self._queue[0]
        start: float = max(arrived, self._free)
        if chunk is FIN or chunk is RST:
            return start
        return start + min(self._quantum, len(chunk)) / self._rate

    def drain(self) -> list[bytes]:
        """Give up everything at once."""
        chunks = [chunk for _, chunk in self._queue]
        self._queue.clear()
        self.size = 0
        return chunks


class Chain:
    """The stages of one direction of a connection, from its source to its destination."""

    __slots__ = ("_stages",)

    def __init__(self) -> None:
        self._stages: list[tuple[int, Stage]] = []

    def __bool__(self) -> bool:
        return bool(self._stages)

    @property
    def has_room(self) -> bool:
        """Whether more may be pushed. Stages stay below ``capacity`` plus one chunk."""
        first = self._stages[0][1]
        return first.size < first.capacity

    def push(self, now: float, chunk: bytes) -> None:
        """Take a chunk from the source."""
        self._stages[0][1].push(now, chunk)

    def pop(self, now: float) -> bytes | None:
        """Give the next chunk that has come through all stages by ``now``."""
        for (_, upper), (_, lower) in zip(self._stages, self._stages[1:], strict=False):
            while lower.size < lower.capacity and (item := upper.pop(now)):
                lower.push(*item)
        item = self._stages[-1][1].pop(now)
        return item[1] if item else None

    def due(self) -> float | None:
        """Say when to call `pop` next; ``None`` if nothing is under way."""
        times = [self._stages[-1][1].due()]
        for (_, upper), (_, lower) in zip(self._stages, self._stages[1:], strict=False):
            if lower.size < lower.capacity:  # a full stage wakes the ones before it when it empties
                times.append(upper.due())
        return min((t for t in times if t is not None), default=None)

    def drain(self) -> list[bytes]:
        """Give up everything under way, in order."""
        chunks: list[bytes] = []
        for _, stage in reversed(self._stages):  # what is furthest along was sent first
            chunks += stage.drain()
        return chunks

    def adopt(self, wanted: dict[int, Callable[[], Stage]], now: float) -> list[bytes]:
        """Become the chain of the stages ``wanted``, keeping those that are there already.

        Args:
            wanted: How to make each stage, by the id of the fault it belongs to.
            now: What a stage held that is taken away goes on to the next one at this time.

        Returns:
            What has come out at the end because stages were taken away, in order.
        """
        out: list[bytes] = []
        for index in reversed(range(len(self._stages))):
            key, stage = self._stages[index]
            if key in wanted:
                continue
            del self._stages[index]
            chunks = stage.drain()
            if index < len(self._stages):
                for chunk in chunks:
                    self._stages[index][1].push(now, chunk)
            else:
                out += chunks
        kept = {key for key, _ in self._stages}
        self._stages += [(key, make()) for key, make in wanted.items() if key not in kept]
        return out
