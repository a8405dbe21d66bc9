"""The stages that few faults need; loaded when one of them is used. Pure."""

from __future__ import annotations

from .stages import CLOSE, Stage, is_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class SlowClose(Stage):
    """Let bytes go on at once, and the end of the stream ``delay`` seconds after it came."""

    __slots__ = ("_delay",)

    def __init__(self, delay: float) -> None:
        super().__init__()
        self._delay = delay

    def due(self) -> float | None:
        """Say when the next chunk may go on."""
        if not self._queue:
            return None
        at, chunk = self._queue[0]
        due: float = at + self._delay if is_end(chunk) else at
        return due

    def change(self, now: float, *values: float) -> None:  # noqa: ARG002 - the delay counts from the end's arrival
        """Take another delay, also for an end that is waiting."""
        (self._delay,) = values


class Drop(Stage):
    """Drop every byte; the end of the stream goes on. What closes the connection after a time, is a `Deadline`."""

    __slots__ = ()

    def push(self, at: float, chunk: bytes) -> None:
        """Take a chunk that arrived at ``at``."""
        if is_end(chunk):
            super().push(at, chunk)
        else:
            self.lost += len(chunk)

    def due(self) -> float | None:
        """Say when the end may go on: at once."""
        return self._queue[0][0] if self._queue else None


class Hold(Stage):
    """Let nothing go on, until it is taken away."""

    __slots__ = ()


class Limit(Stage):
    """Let ``count`` bytes go on, and then close the connection; what comes after them is dropped."""

    __slots__ = ("_count", "_is_over", "_taken")

    def __init__(self, count: float) -> None:
        super().__init__()
        self._count = int(count)
        self._taken = 0
        self._is_over = False

    @property
    def has_closed(self) -> bool:
        """Whether the limit is reached."""
        return self._is_over

    def push(self, at: float, chunk: bytes) -> None:
        """Take a chunk that arrived at ``at``."""
        if is_end(chunk):
            if not self._is_over:
                super().push(at, chunk)
            return
        taken = chunk[: max(0, self._count - self._taken)]
        self.lost += len(chunk) - len(taken)
        if self._is_over:
            return
        self._taken += len(taken)
        if taken:
            super().push(at, taken)
        if self._taken >= self._count:
            self._is_over = True
            super().push(at, CLOSE)

    def due(self) -> float | None:
        """Say when the next chunk may go on: at once."""
        return self._queue[0][0] if self._queue else None

    def change(self, now: float, *values: float) -> None:  # noqa: ARG002 - a limit has no time
        """Take another count, from the same start. One that is passed already strikes at the next byte."""
        self._count = int(values[0])


class Slicer(Stage):
    """Cut chunks into pieces, each of which goes on alone.

    Args:
        average: Bytes of a piece, on average; the last one of a chunk may be smaller.
        variation: Each piece has so many bytes more or less, at most.
        pause: Seconds after each piece in which nothing goes on.
        draw: Draws a share, 0 to 1, for a chunk's number and a piece's number in it.
    """

    __slots__ = ("_average", "_chunk", "_draw", "_free", "_pause", "_piece", "_position", "_variation")

    def __init__(self, average: float, variation: float, pause: float, draw: Callable[[int, int], float]) -> None:
        super().__init__()
        self._set(average, variation, pause)
        self._draw = draw
        self._free = 0.0  # when the latest pause is over
        self._chunk = 0
        self._piece = 0
        self._position = 0  # in the chunk that is being cut

    def pop(self, now: float) -> tuple[float, bytes] | None:
        """Give the next piece, if it may go on by ``now``. The pause after it starts then: none is ever cut short."""
        due = self.due()
        if due is None or due > now:
            return None
        piece = self._cut()
        if not is_end(piece):
            self._free = now + self._pause
        self.size -= len(piece)
        return due, piece

    def due(self) -> float | None:
        """Say when the next piece may go on."""
        return max(self._queue[0][0], self._free) if self._queue else None

    def drain(self) -> list[bytes]:
        """Give up everything at once, what is left of the chunk that is being cut included."""
        chunks = super().drain()
        if self._position:
            chunks[0] = chunks[0][self._position :]
            self._next_chunk()
        return chunks

    def change(self, now: float, *values: float) -> None:
        """Take another size, variation and pause; a pause that has begun lasts no longer than the new one."""
        self._set(*values)
        self._free = min(self._free, now + self._pause)

    def _set(self, average: float, variation: float, pause: float) -> None:
        self._average, self._variation, self._pause = int(average), int(variation), pause

    def _cut(self) -> bytes:
        chunk: bytes = self._queue[0][1]
        if is_end(chunk):
            self._queue.popleft()
            return chunk
        start, end = self._position, self._position + self._size()
        self._piece += 1
        self._position = end
        if end >= len(chunk):
            self._queue.popleft()
            self._next_chunk()
        return chunk[start:end]

    def _size(self) -> int:
        if not self._variation:
            return self._average
        share = self._draw(self._chunk, self._piece)
        return self._average - self._variation + int(share * (2 * self._variation + 1))  # each as likely as any other

    def _next_chunk(self) -> None:
        self._chunk += 1
        self._piece = self._position = 0
