"""A flow whose streams the kernel moves by itself, as long as no fault has to see the bytes."""

from __future__ import annotations

import errno

from .flow import CHUNK, Flow
from .pipes import pool
from .stages import FIN, RST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .flow import End
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

    It has a pipe of its own only while bytes are in it, because the target is full.
    """

    __slots__ = ("_is_stream", "_pipe", "_small_steps")

    def __init__(self, loop: Loop, source: End, target: End, on_end: Callable[[Flow, bytes], None]) -> None:
        super().__init__(loop, source, target, on_end)
        self._is_stream = False
        self._pipe: Pipe | None = None
        self._small_steps = 0

    @property
    def received(self) -> int:
        """Count the bytes that were read, those in the pipe included."""
        return super().received + (self._pipe.held if self._pipe is not None else 0)

    def set(self, gate: int, stages: dict[int, Callable[[], Stage]]) -> None:
        """Change what happens to the bytes from now on, those in the pipe included."""
        self._copy_again()
        super().set(gate, stages)

    def close(self) -> None:
        """Pass on what has arrived until now, and then a FIN."""
        self._copy_again()
        super().close()

    def stop(self) -> None:
        """Carry nothing any more."""
        super().stop()
        self._is_stream = False
        self._return_pipe()

    def _pass_on(self, count: int) -> None:
        super()._pass_on(count)
        if count == CHUNK and self._is_plain and not (self._out or self.gulps):
            self._is_stream = True
            self._is_plain = False
            self._small_steps = 0

    def _take(self) -> bool:
        if not self._is_stream:
            return super()._take()
        if self.gulps:  # reads on when the target is full: a pipe has no room for that
            self._copy_again()
            return True
        if self._pipe is None and not self._fill():
            return not self._is_stream
        if self._pipe is not None and self._drain():
            self._go_on_later()  # one step each turn: a neighbour's message waits for no more
        return not self._is_stream

    def _fill(self) -> bool:
        """Take a pipeful from the source; say whether there is one. At the end of the stream it is none any more."""
        assert self.source.sock is not None
        if not self.source.readable or self._ended:
            return False
        self._pipe = pool.borrow()
        if self._pipe is None:
            self._is_stream = False
            return False
        try:
            count = self._pipe.fill(self.source.sock)
        except BlockingIOError:
            self.source.readable = False
        except OSError as error:
            self._is_stream = False
            if error.errno not in UNFIT:
                self.source.broken = True
                self._end(RST)
        else:
            if count:
                self._small_steps = self._small_steps + 1 if count < SMALL else 0
                return True
            self._is_stream = False
            self._end(RST if self.source.broken else FIN)
        self._return_pipe()
        return False

    def _drain(self) -> bool:
        """Give the target what is in the pipe; say whether there may be more to do at once."""
        assert self.target.sock is not None
        assert self._pipe is not None
        if not self.target.writable:
            return False
        try:
            self.carried += self._pipe.drain(self.target.sock)
        except BlockingIOError:
            self.target.writable = False
            return False
        except OSError as error:
            if error.errno in UNFIT:
                self._copy_again()
            else:
                self._break()
            return False
        if not self._pipe.held:
            self._return_pipe()
            self._is_stream = self._small_steps < MOST_SMALL
        return True

    def _copy_again(self) -> None:
        """Read back what is in the pipe: somebody has to see it."""
        self._is_stream = False
        if self._pipe is not None:
            for chunk in self._pipe.take_back():
                self._queue(chunk)
            self._return_pipe()

    def _return_pipe(self) -> None:
        if self._pipe is not None:
            pool.give_back(self._pipe)
            self._pipe = None
