"""Where the bytes of a flow are held until a fault is in force: at an exact offset. Pure."""

from __future__ import annotations

from .stages import Stage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Fence(Stage):
    """The last stage of a flow: lets bytes pass up to the next of its marks, and holds what is beyond.

    Args:
        passed: The bytes that have passed here before there was a fence.
    """

    __slots__ = ("_holds", "_marks", "_next", "_passed", "_untold")

    def __init__(self, passed: int) -> None:
        super().__init__()
        self._passed = passed
        #: Each mark's offset, by its key.
        self._marks: dict[int, int] = {}
        #: The marks that only hold what is under way for a while.
        self._holds: set[int] = set()
        #: Whom to tell when a mark is reached.
        self._untold: dict[int, Callable[[], None]] = {}
        self._next: int | None = None

    @property
    def is_needed(self) -> bool:
        """Whether there is a mark."""
        return self._next is not None

    @property
    def is_shut(self) -> bool:
        """Whether a mark is reached, and nothing passes."""
        return self._next is not None and self._passed >= self._next

    @property
    def has_room(self) -> bool:
        """Whether more may be pushed: at a mark, what is beyond stays where it is."""
        return not self.is_shut and super().has_room

    @property
    def leeway(self) -> int:
        """Count the bytes from here to the next mark, without those that are held."""
        return 0 if self._next is None else self._next - self._passed - self.size

    @property
    def is_at_mark(self) -> bool:
        """Whether one is reached for which the stream has to stop exactly here."""
        return any(offset <= self._passed and key not in self._holds for key, offset in self._marks.items())

    def mark(self, key: int, offset: int, reached: Callable[[], None] | None) -> None:
        """Let no byte beyond ``offset`` pass until `lift`; call ``reached()`` when all before it has left.

        Args:
            key: What `lift` is called with.
            offset: In bytes of the whole stream.
            reached: Called once; ``None`` to hold bytes for a while, and not because of how many they are.
        """
        self._marks[key] = offset
        if reached is None:
            self._holds.add(key)
        else:
            self._untold[key] = reached
        self._next = min(self._marks.values())

    def lift(self, key: int) -> None:
        """Take a mark away; harmless where there is none."""
        self._marks.pop(key, None)
        self._untold.pop(key, None)
        self._holds.discard(key)
        self._next = min(self._marks.values(), default=None)

    def skip(self, count: int) -> None:
        """Take note of bytes that pass on another way."""
        self._passed += count

    def take_back(self, chunks: Iterable[bytes]) -> None:
        """Hold again what had passed, and has not left yet."""
        for chunk in reversed([*chunks]):
            self._queue.appendleft((0.0, chunk))
            self.size += len(chunk)
            self._passed -= len(chunk)

    def pop(self, now: float) -> tuple[float, bytes] | None:  # noqa: ARG002 - what may pass, may at once
        """Give the next bytes that may pass. Whoever asks has nothing left of those before: the mark is reached."""
        if self._next is None or self._passed < self._next:
            return self._give() if self._queue else None
        for key in [key for key, offset in self._marks.items() if offset <= self._passed and key in self._untold]:
            self._untold.pop(key)()
        return None

    def due(self) -> float | None:
        """Say since when something may pass; ``None`` if nothing may."""
        return None if self.is_shut or not self._queue else self._queue[0][0]

    def _give(self) -> tuple[float, bytes]:
        at, chunk = self._queue[0]
        if self._next is not None and len(chunk) > (left := self._next - self._passed):
            self._queue[0] = (at, chunk[left:])
            chunk = chunk[:left]
        else:
            self._queue.popleft()
        self.size -= len(chunk)
        self._passed += len(chunk)
        return at, chunk
