"""The stages of one direction of a connection, one after the other. Pure."""

from __future__ import annotations

from .stages import CLOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .fences import Fence
    from .stages import Stage

#: Chunks that move from one stage to the next in one go; then it's the others' turn. A slicer makes 65,536 of 64 KiB,
#: and that had held up the whole relay for a second.
MOST_MOVES = 64


class Chain:
    """The stages of one direction of a connection, from its source to its destination."""

    __slots__ = ("_lost", "_stages", "fence", "has_closed")

    def __init__(self) -> None:
        #: By the id of the fault that each belongs to; a fence has ``None``, and is the last one.
        self._stages: list[tuple[int | None, Stage]] = []
        self.fence: Fence | None = None
        self._lost = 0  # in stages that are gone
        #: One of those had ended the stream.
        self.has_closed = False

    def __bool__(self) -> bool:
        return bool(self._stages)

    def __contains__(self, key: int | None) -> bool:
        return any(mine == key for mine, _ in self._stages)

    def sole(self, kind: type) -> Stage | None:
        """Give the only stage, if it is of this kind."""
        return self._stages[0][1] if len(self._stages) == 1 and type(self._stages[0][1]) is kind else None

    @property
    def has_room(self) -> bool:
        """Whether more may be pushed."""
        return self._stages[0][1].has_room

    @property
    def leeway(self) -> int:
        """Count the bytes that may pass before the fence has to see one: none where other stages are to see them."""
        return self.fence.leeway if self.fence is not None and len(self._stages) == 1 else 0

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
        if self.fence is None:
            return self._adopt(wanted, now)
        del self._stages[-1]
        known = {key for key, _ in self._stages}
        # What the fence holds is not past it: a new stage has its way with that.
        beyond = [*self.fence.drain(), *self._adopt(wanted, now)]
        self._stages.append((None, self.fence))
        first = next(index for index, (key, _) in enumerate(self._stages) if key not in known)
        return self._pass_on(first, beyond, now)

    def _adopt(self, wanted: dict[int, Callable[[], Stage]], now: float) -> list[bytes]:
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

    def hold(
        self, key: int, offset: int, reached: Callable[[], None] | None, carried: int, under_way: Iterable[bytes]
    ) -> None:
        """Let no byte beyond ``offset`` out until `lift`, as `Fence.mark` says.

        Args:
            key: What `lift` is called with.
            offset: In bytes of the whole stream.
            reached: Called by `pop`, which is called when nothing that came out is still to be written.
            carried: The bytes that are written.
            under_way: What came out, and isn't. It is held again.
        """
        from .fences import Fence  # noqa: PLC0415 - few flows have one

        chunks = [*under_way]
        if self.fence is None:
            self.fence = Fence(carried + sum(map(len, chunks)))
            self._stages.append((None, self.fence))
        self.fence.take_back(chunks)
        self.fence.mark(key, offset, reached)

    def lift(self, key: int) -> list[bytes]:
        """Undo a `hold`.

        Returns:
            What may come out because of it, where that was the last one.
        """
        if self.fence is None:
            return []
        self.fence.lift(key)
        if self.fence.is_needed:
            return []
        chunks = self.fence.drain()
        self.fence = None
        del self._stages[-1]
        return chunks

    def sever(self, key: int | None, now: float) -> list[bytes]:
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
