"""One direction of a connection: read, let the stages do their work, write."""

from __future__ import annotations

from _collections import deque  # type: ignore[import-not-found]  # see stages.py
from time import monotonic

from . import sockets
from .chain import Chain
from .stages import BROKEN, FIN, RST, is_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .end import End
    from .loop import Loop, Timer
    from .stages import Stage

#: Gates, at the mouth of a flow.
OPEN, HOLD, DROP = 0, 1, 2

#: One read. 64 KiB is where larger ones stop paying on the copy path.
CHUNK = 65536
#: Reads in one turn; then the other connections have theirs. 16 let a neighbour's round trip wait four times as long.
TURN = 4

#: Chunks written in one turn, where they are many and small.
MOST_WRITES = 64

_buffer = bytearray(CHUNK)  # one thread, and no flow keeps anything in it between two calls
_view = memoryview(_buffer)
_NO_CHAIN = Chain()  # of every flow without a fault: one of its own would be 100 bytes


def _nobody(flow: Flow, how: bytes) -> None:
    """Hear of the end of a flow that was stopped."""


class Flow:
    """Carries the bytes of one direction from ``source`` to ``target``."""

    __slots__ = (
        "_ended", "_is_plain", "_left", "_loop", "_on_end", "_out", "_queued", "_timer", "_unsent", "carried", "chain",
        "gate", "gulps", "lost", "lost_end", "over", "source", "target",
    )  # fmt: skip

    def __init__(self, loop: Loop, source: End, target: End, on_end: Callable[[Flow, bytes], None]) -> None:
        self.source = source
        self.target = target
        self.gate = OPEN
        self.chain = _NO_CHAIN
        #: Reads on when the target is full, whatever that takes: for a source that must not be kept waiting.
        self.gulps = False
        #: Bytes written to the target, and bytes that a black hole took.
        self.carried = 0
        self.lost = 0
        #: A black hole took a FIN or an RST.
        self.lost_end = False
        #: The end of the stream has been passed on.
        self.over = False
        self._ended = False  # the end of the stream was read
        self._left: int | None = None  # a fault closes this flow after so many more bytes
        #: What has come through, and the target hasn't taken. A deque only while it has something: one is 600 bytes.
        self._out: deque[bytes] | tuple[()] = ()
        self._is_plain = True  # no gate, no stage and no end is in the way
        self._unsent = 0  # bytes of that, when the flow was stopped
        self._loop = loop
        self._on_end = on_end
        self._timer: Timer | None = None
        self._queued = False  # for its next turn

    @property
    def has_hole(self) -> bool:
        """Whether a black hole took something: the stream can't be put together again."""
        return bool(self.lost or self.lost_end)

    @property
    def dropped(self) -> int:
        """Count the bytes that will never arrive: a black hole took them, or a stage."""
        return self.lost + self.chain.lost if self.chain is not _NO_CHAIN else self.lost

    @property
    def received(self) -> int:
        """Count the bytes that were read, wherever they are now."""
        return self.carried + self.dropped + self.chain.held + self._unsent + sum(map(len, self._out))

    @property
    def unsent(self) -> int:
        """Count the bytes that were written, and that our own system still has: the target doesn't read."""
        target = self.target
        return 0 if self.over or target.broken or target.sock is None else sockets.unsent(target.sock)

    def set(self, gate: int, stages: dict[int, Callable[[], Stage]]) -> None:
        """Change what happens to the bytes from now on. Call `pump` afterwards."""
        if gate == DROP and self.gate != DROP:
            self._drop_held()
        self.gate = gate
        if stages and self.chain is _NO_CHAIN:
            self.chain = Chain()
        if stages or self.chain:
            for chunk in self.chain.adopt(stages, monotonic()):
                self._queue(chunk)
            if self.chain.has_closed and not self._ended:  # what it has cut off, doesn't come back with its end
                self._ended = True
                self.source.readable = False
        self._is_plain = gate == OPEN and not self.chain and self._left is None and not (self._ended or self.over)

    def _queue(self, chunk: bytes) -> None:
        if self._out:
            self._out.append(chunk)
        else:
            self._out = deque((chunk,))

    def change(self, key: int, values: tuple[float, ...]) -> None:
        """Give new values to the stage of a fault. Call `pump` afterwards."""
        self.chain.change(key, monotonic(), values)

    def pump(self) -> None:
        """Move bytes until the source is empty, the target full, or nothing may pass for now."""
        if self._queued or self.source.sock is None:
            return
        if self._is_plain and self.source.readable and not self._out and self.target.sock is not None:
            self._pass_small()
        elif self.gate == DROP:
            self._swallow()
        elif self.gate == OPEN and self.target.sock is not None:
            self._work(TURN)
        elif self.gulps:
            self._hoard()

    def _pass_small(self) -> None:
        """Read and write once, past all that faults need: of a small message, that is all."""
        self._read_on()
        if self.source.readable or self._out:
            self._work(TURN - 1)

    def _work(self, steps: int) -> None:
        for _ in range(steps):
            if self.over:
                return
            if self._out and not self._write_out() and (self.over or not self.gulps):
                return
            if self.chain and (chunk := self.chain.pop(monotonic())) is not None:
                self._queue(chunk)
            elif not self._take():
                self._wake_later()
                return
        self._go_on_later()

    def _hoard(self) -> None:
        """Read and keep: nothing may pass, and the source must not be kept waiting."""
        for _ in range(TURN):
            if not self.source.readable or self._ended:
                return
            count = self._read()
            if count > 0:
                self._queue(bytes(_view[:count]))
            elif count == 0:
                self._end(RST if self.source.broken else FIN)
        self._go_on_later()

    def _go_on_later(self) -> None:
        """Have another turn after the others; one only, however many events ask for it."""
        if not self._queued:
            self._queued = True
            self._loop.later(self._next_turn)

    def _next_turn(self) -> None:
        self._queued = False
        if not self.over:
            self.pump()

    def fence(self, key: int, offset: int, reached: Callable[[], None] | None) -> None:
        """Hold what is beyond an offset until `lift`, as `Fence.mark` says. Call `pump` afterwards."""
        if self.over:
            return
        if self.chain is _NO_CHAIN:
            self.chain = Chain()
        under_way, self._out = self._out, ()
        self.chain.hold(key, offset, reached, self.carried, under_way)
        self._is_plain = False

    def lift(self, key: int) -> None:
        """Hold nothing for ``key`` any more. Call `set` afterwards."""
        if not self.over:
            for chunk in self.chain.lift(key):
                self._queue(chunk)

    def close(self) -> None:
        """Pass on what has arrived until now, and then a FIN; into a black hole, both. Call `pump` afterwards."""
        if self.chain.fence is not None and self.chain.fence.is_at_mark:  # here, whatever has arrived
            self.sever(None)
            return
        if self.source.sock is not None and not self._ended:
            self._left = sockets.unread(self.source.sock)
            self._is_plain = False
            if self.gate == DROP:
                self._lose_own_end()

    def sever(self, key: int | None) -> None:
        """End the stream behind the stage ``key``, without what is before it. Call `pump` afterwards."""
        if not self.over and key in self.chain:
            self._ended = True
            self.source.readable = False
            for chunk in self.chain.sever(key, monotonic()):
                self._queue(chunk)

    def stop(self) -> None:
        """Carry nothing any more."""
        self.over = True
        self._is_plain = False
        self._on_end = _nobody  # no circle of references is left: what is over is freed at once
        self._unsent += sum(map(len, self._out))  # a counter of bytes never goes back
        self._out = ()
        if self._timer is not None:
            self._timer.cancel()

    def _take(self) -> bool:
        """Read once and pass it on; say whether there may be more to do at once."""
        if self._left is not None and self._left <= 0 and not self._ended:
            self._end(FIN)
            return True
        if not self.source.readable or self._ended or (self.chain and not self.chain.has_room):
            return False
        self._read_on()
        return True

    def _read_on(self) -> None:
        count = self._read()
        if count > 0:
            self._pass_on(count)
        elif count == 0:
            self._end(RST if self.source.broken else FIN)

    def _read(self) -> int:
        """Read into the shared buffer: a count, 0 at the end of the stream, -1 if nothing is there."""
        assert self.source.sock is not None
        try:
            count = self.source.sock.recv_into(_buffer)
        except BlockingIOError:
            self.source.readable = False
            return -1
        except OSError:
            self.source.broken = True
            return 0
        if count < CHUNK and not self.source.finished:
            self.source.readable = False  # saves the call that would only say so
        if self._left is not None:
            self._left -= count
        return count

    def _pass_on(self, count: int) -> None:
        if self.chain:
            self.chain.push(monotonic(), bytes(_view[:count]))
            return
        sent = self._send(_view[:count])
        if sent < count and not self.over:
            self._queue(bytes(_view[sent:count]))

    def _end(self, how: bytes) -> None:
        self._ended = True
        self._is_plain = False
        self.source.readable = False
        if self.chain:
            self.chain.push(monotonic(), how)
        else:
            self._queue(how)

    def _write_out(self) -> bool:
        """Write what has come through; say whether the target took it all, and may take more."""
        out = self._out
        for _ in range(MOST_WRITES):
            if not out or self.over:
                break
            chunk = out[0]
            if is_end(chunk):
                out.clear()
                self.over = True
                self._on_end(self, chunk)
            elif (sent := self._write(chunk)) == len(chunk):
                out.popleft()
            elif self.over:
                break
            else:
                out[0] = chunk[sent:]
                return False
        else:
            if out:
                self._go_on_later()
                return False
        if not out:
            self._out = ()
        return not self.over

    def _write(self, chunk: bytes) -> int:
        return self._send(memoryview(chunk))

    def _send(self, data: memoryview) -> int:
        """Write once: how much the target took. A target that is gone ends the flow, and its own side says so."""
        assert self.target.sock is not None
        if not self.target.writable:
            return 0
        try:
            sent = self.target.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._break()
            return 0
        if sent < len(data):
            self.target.writable = False
        self.carried += sent
        return sent

    def _break(self) -> None:
        """The target is gone: what it says when it is read ends the connection, not this write."""
        self.target.broken = True
        self.target.readable = True
        on_end = self._on_end
        self.stop()
        on_end(self, BROKEN)

    def _wake_later(self) -> None:
        due = self.chain.due() if self.chain else None
        if due is None or (self._timer is not None and self._timer.call is not None and self._timer.when <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if not self.over:
            self.pump()

    def _drop_held(self) -> None:
        for chunk in [*self._out, *(self.chain.drain() if self.chain else ())]:
            self._lose(chunk)
        self._out = ()
        if self._left is not None and not self._ended:
            self._lose_own_end()

    def _lose_own_end(self) -> None:
        """A black hole takes the FIN that a fault was to send, too; the source doesn't know, and may go on writing."""
        self._left = None
        self.lost_end = True

    def _lose(self, chunk: bytes) -> None:
        if is_end(chunk):
            self.lost_end = True
        else:
            self.lost += len(chunk)

    def _swallow(self) -> None:
        """Read and drop; the peer sees a network that takes its bytes."""
        for _ in range(TURN):
            if not self.source.readable or self._ended:
                return
            count = self._read()
            if count > 0:
                self.lost += count
            elif count == 0:
                self._ended = self.lost_end = True
                self.source.readable = False
        self._go_on_later()
