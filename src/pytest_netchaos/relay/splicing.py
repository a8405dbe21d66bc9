"""A flow whose streams the kernel moves by itself, as long as no fault has to see the bytes."""

from __future__ import annotations

import errno
from time import monotonic

from .flow import CHUNK, OPEN, Flow
from .pipes import AVAILABLE, SIZE, Piped, pool
from .stages import FIN, RST, Throttle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .end import End
    from .loop import Loop
    from .pipes import Pipe
    from .stages import Stage

#: A step that moves less than this is cheaper as a copy: it has one system call less.
SMALL = CHUNK // 2
#: So many small steps in a row, and the flow copies again.
MOST_SMALL = 2
#: What a socket says that can't be spliced at all: not every sandbox's can.
UNFIT = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)


class SplicingFlow(Flow):
    """A `Flow` that copies small messages, and splices a stream: from the first read that fills the buffer.

    Without a fault it has a pipe only while bytes are in it, because the target is full. Behind a fast throttle, pipes
    wait in the stage as chunks do: with copies, a rate of 1 GB/s would take more than one processor.
    """

    __slots__ = ("_is_shaped", "_is_stream", "_pipe", "_pipes", "_small_steps")

    def __init__(self, loop: Loop, source: End, target: End, on_end: Callable[[Flow, bytes], None]) -> None:
        super().__init__(loop, source, target, on_end)
        self._is_stream = False
        self._is_shaped = False  # a stream behind a throttle
        self._pipe: Pipe | None = None  # a stream's
        self._pipes: tuple[Pipe, ...] = ()  # those that wait in a throttle
        self._small_steps = 0

    @property
    def received(self) -> int:
        """Count the bytes that were read, those in the pipe included."""
        return super().received + (self._pipe.held if self._pipe is not None else 0)

    def set(self, gate: int, stages: dict[int, Callable[[], Stage]]) -> None:
        """Change what happens to the bytes from now on, those in pipes included."""
        self._copy_again()
        super().set(gate, stages)

    def change(self, key: int, values: tuple[float, ...]) -> None:
        """Give new values to the stage of a fault."""
        self._copy_again()
        super().change(key, values)

    def fence(self, key: int, offset: int, reached: Callable[[], None] | None) -> None:
        """Hold what is beyond an offset, of what is in pipes as well."""
        self._copy_again()
        super().fence(key, offset, reached)

    def close(self) -> None:
        """Pass on what has arrived until now, and then a FIN."""
        self._copy_again()
        super().close()

    def sever(self, key: int | None) -> None:
        """End the stream behind the stage ``key``, without what is before it."""
        self._copy_again()
        super().sever(key)

    def stop(self) -> None:
        """Carry nothing any more."""
        super().stop()
        self._is_stream = self._is_shaped = False
        for pipe in self._pipes:
            pool.give_back(pipe)
        self._pipes = ()
        if self._pipe is not None:
            self._unsent += self._pipe.held
        self._return_pipe()

    def _pass_on(self, count: int) -> None:
        super()._pass_on(count)
        if count < CHUNK or self.gulps:
            return
        self._small_steps = 0
        if self._is_plain:
            self._is_stream = not self._out
            self._is_plain = not self._is_stream
        elif self.gate == OPEN and self._left is None:
            if (throttle := self.chain.sole(Throttle)) is not None:
                self._is_shaped = throttle.capacity >= SIZE
            else:
                self._is_stream = self.chain.leeway > SIZE

    def _take(self) -> bool:
        if not self._is_stream:
            return super()._take()
        if self.gulps:  # reads on when the target is full: a pipe has no room for that
            self._copy_again()
            return True
        if self._pipe is None and self.source.readable and not self._ended:
            if self.chain and self.chain.leeway <= SIZE:  # a fence is near, and has to see each byte
                self._forget_stream()
                return True
            self._pipe = self._fill()
            if self._pipe is not None and self.chain.fence is not None:
                self.chain.fence.skip(self._pipe.held)
        if self._pipe is not None and self._drain(self._pipe):
            self._go_on_later()  # one step each turn: a neighbour's message waits for no more
        return not self._is_stream

    def _read_on(self) -> None:
        if not self._is_shaped or self.gulps:
            super()._read_on()
        elif (pipe := self._fill()) is not None:
            self._pipes += (pipe,)
            piped: Any = Piped(pipe, pipe.held)
            self.chain.push(monotonic(), piped)
            self._is_shaped = self._small_steps < MOST_SMALL

    def _fill(self) -> Pipe | None:
        """Take a pipeful from the source, if it has something; at the end of the stream it has nothing any more."""
        assert self.source.sock is not None
        pipe = pool.borrow()
        if pipe is None:
            self._forget_stream()
            return None
        try:
            count = pipe.fill(self.source.sock)
        except BlockingIOError:
            self.source.readable = False
        except OSError as error:
            self._forget_stream()
            if error.errno not in UNFIT:
                self.source.broken = True
                self._end(RST)
        else:
            if count:
                self._small_steps = self._small_steps + 1 if count < SMALL else 0
                return pipe
            self._forget_stream()
            self._end(RST if self.source.broken else FIN)
        pool.give_back(pipe)
        return None

    def _drain(self, pipe: Pipe) -> bool:
        """Give the target what is in a stream's pipe; say whether there may be more to do at once."""
        sent = self._splice(pipe, pipe.held)
        if sent and not pipe.held:
            self._return_pipe()
            if self._small_steps >= MOST_SMALL:
                self._forget_stream()
        return sent > 0

    def _write(self, chunk: bytes) -> int:
        piped: Any = chunk
        if type(piped) is not Piped:
            return super()._write(chunk)
        total = 0
        while total < piped.count and (sent := self._splice(piped.pipe, piped.count - total)):
            total += sent
        if total and not piped.pipe.held:
            self._return(piped.pipe)
        return total

    def _splice(self, pipe: Pipe, most: int) -> int:
        """Write once from a pipe: how much the target took."""
        assert self.target.sock is not None
        if not self.target.writable:
            return 0
        try:
            sent = pipe.drain(self.target.sock, most)
        except BlockingIOError:
            self.target.writable = False
            return 0
        except OSError as error:
            if error.errno in UNFIT:
                self._loop.soon(self._copy_and_go_on)  # not now: of what is being written, some may have gone
            else:
                self._break()
            return 0
        self.carried += sent
        return sent

    def _copy_again(self) -> None:
        """Read back what is in pipes: somebody has to see it."""
        self._forget_stream()
        if self._pipe is not None:
            self._queue(self._pipe.take_back(self._pipe.held))
            self._return_pipe()
        if self._pipes:
            chunks = [self._read_back(chunk) for chunk in self._out]
            self._out = ()
            for chunk in chunks:
                self._queue(chunk)
            throttle = self.chain.sole(Throttle)
            assert throttle is not None
            throttle.convert(self._read_back)

    def _copy_and_go_on(self) -> None:
        if not self.over:
            self._copy_again()
            self.pump()

    def _forget_stream(self) -> None:
        self._is_plain = self._is_plain or (self._is_stream and not self.chain)
        self._is_stream = self._is_shaped = False

    def _read_back(self, chunk: bytes) -> bytes:
        piped: Any = chunk
        if type(piped) is not Piped:
            return chunk
        data: bytes = piped.pipe.take_back(piped.count)
        if not piped.pipe.held:
            self._return(piped.pipe)
        return data

    def _return(self, pipe: Pipe) -> None:
        self._pipes = tuple(each for each in self._pipes if each is not pipe)
        pool.give_back(pipe)

    def _return_pipe(self) -> None:
        if self._pipe is not None:
            pool.give_back(self._pipe)
            self._pipe = None


#: What carries the bytes here: flows that copy, where nothing can be spliced.
FLOW: type[Flow] = SplicingFlow if AVAILABLE else Flow
