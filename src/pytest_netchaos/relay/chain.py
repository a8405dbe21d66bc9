"""The stages of one direction of a connection, one after the other. Pure."""

from __future__ import annotations

from .stages import CLOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .stages import Stage

#: Chunks that move from one stage to the next in one go; then it's the others' turn. A slicer makes 65,536 of 64 KiB,
#: and that had held up the whole relay for a second.
MOST_MOVES = 64


class Chain:
    """The stages of one direction of a connection, from its source to its destination."""

    __slots__ = ("_lost", "_stages", "has_closed")

    def __init__(self) -> None:
        self._stages: list[tuple[int, Stage]] = []
        self._lost = 0  # in stages that are gone
        #: One of those had ended the stream.
        self.has_closed = False

    def __bool__(self) -> bool:
        return bool(self._stages)

    def __contains__(self, key: int) -> bool:
        return any(mine == key for mine, _ in self._stages)

    def sole(self, kind: type) -> Stage | None:
        """Give the only stage, if it is of this kind."""
        return self._stages[0][1] if len(self._stages) == 1 and type(self._stages[0][1]) is kind else None

    @property
    def has_room(self) -> bool:
        """Whether more may be pushed."""
        return self._stages[0][1].has_room

    @property
    def held(self) -> int:
        """Count the bytes under way."""
        return sum(stage.size for _, stage in self._stages)

    @property
    def lost(self) -> int:
        """Count the bytes that stages have dropped."""
        return self._lost + sum(stage.lost for _, stage in self._stages)

    def push(self, now: float, chunk: bytes) -> None:
        """Take a chunk from the source."""
        self._stages[0][1].push(now, chunk)

    def pop(self, now: float) -> bytes | None:
        """Give the next chunk that has come through all stages by ``now``."""
        for (_, upper), (_, lower) in zip(self._stages, self._stages[1:], strict=False):
            for _ in range(MOST_MOVES):
                if not lower.has_room or (item := upper.pop(now)) is None:
                    break
                lower.push(*item)
        item = self._stages[-1][1].pop(now)
        return item[1] if item else None

    def due(self) -> float | None:
        """Say when to call `pop` next; ``None`` if nothing is under way."""
        times = [self._stages[-1][1].due()]
        for (_, upper), (_, lower) in zip(self._stages, self._stages[1:], strict=False):
            if lower.has_room:  # a full stage wakes the ones before it when it empties
                times.append(upper.due())
        return min((t for t in times if t is not None), default=None)

    def drain(self) -> list[bytes]:
        """Give up everything under way, in order."""
        chunks: list[bytes] = []
        for _, stage in reversed(self._stages):  # what is furthest along was sent first
            chunks += stage.drain()
        return chunks

    def change(self, key: int, now: float, values: tuple[float, ...]) -> None:
        """Give new values to the stage ``key``, if there is one."""
        for mine, stage in self._stages:
            if mine == key:
                stage.change(now, *values)

    def adopt(self, wanted: dict[int, Callable[[], Stage]], now: float) -> list[bytes]:
        """Become the chain of the stages ``wanted``, in their order, keeping those that are there already.

        Args:
            wanted: How to make each stage, by the id of the fault it belongs to. Those that stay don't change places.
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
            self._lost += stage.lost
            self.has_closed |= stage.has_closed
            out += self._pass_on(index, stage.drain(), now)
        kept = dict(self._stages)
        self._stages = [(key, kept[key] if key in kept else make()) for key, make in wanted.items()]
        return out

    def sever(self, key: int, now: float) -> list[bytes]:
        """End the stream behind the stage ``key``: what it and those before it hold is lost.

        Returns:
            What has come out at the end because of it.
        """
        index = [mine for mine, _ in self._stages].index(key)
        for _, stage in self._stages[: index + 1]:
            self._lost += sum(len(chunk) for chunk in stage.drain())
        return self._pass_on(index + 1, [CLOSE], now)

    def _pass_on(self, index: int, chunks: list[bytes], now: float) -> list[bytes]:
        """Give chunks to the stage at ``index``, or return them where there is none."""
        if index == len(self._stages):
            return chunks
        for chunk in chunks:
            self._stages[index][1].push(now, chunk)
        return []
