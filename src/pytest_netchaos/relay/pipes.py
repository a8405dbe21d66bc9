"""Pipes, through which the kernel moves bytes from socket to socket without copying them (``splice``, on Linux)."""

from __future__ import annotations

import fcntl
import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812

#: Whether this system can.
AVAILABLE = hasattr(posix, "splice") and hasattr(fcntl, "F_SETPIPE_SZ")
#: What one pipe holds, and one step moves, in some 0.1 ms: that long a neighbour's small message may wait. With 256 KiB
#: a stream costs 7 % more of a processor, with 64 KiB it loses a sixth of its throughput, and 1 MiB gains nothing. An
#: unprivileged user has room for 128 of these (64 MiB in ``pipe-user-pages-soft``).
SIZE = 1 << 19
#: A pipe that could not be made larger than this is slower than copying.
LEAST = 1 << 16
#: Pipes at a time, each of two descriptors: the rest of those are for connections. More streams than that are copied.
MOST = 128
#: Of them, those that are kept without use.
MOST_IDLE = 8


class Pipe:
    """One pipe, and how many bytes are in it.

    Raises:
        OSError: there are no descriptors left, or no room for a pipe that is large enough.
    """

    __slots__ = ("_inlet", "_outlet", "held")

    def __init__(self) -> None:
        self.held = 0
        self._outlet, self._inlet = posix.pipe2(posix.O_NONBLOCK | posix.O_CLOEXEC)
        if _enlarge(self._inlet) < LEAST:
            self.close()
            raise OSError("the system has no room for a pipe that is large enough")

    def fill(self, source: Socket) -> int:
        """Take in what ``source`` has, up to `SIZE`; only when empty: then no answer means that the socket is empty.

        Returns:
            How many bytes came; 0 at the end of the stream.

        Raises:
            BlockingIOError: nothing is there.
            OSError: the connection is broken, or can't be spliced.
        """
        self.held = posix.splice(source.fileno(), self._inlet, SIZE, flags=posix.SPLICE_F_NONBLOCK)
        return self.held

    def drain(self, target: Socket, most: int) -> int:
        """Give ``target`` what it takes, ``most`` bytes of it, and say how much that was.

        Raises:
            BlockingIOError: it takes nothing now.
            OSError: the connection is broken, or can't be spliced.
        """
        count = posix.splice(self._outlet, target.fileno(), most, flags=posix.SPLICE_F_NONBLOCK)
        self.held -= count
        return count

    def take_back(self, most: int) -> bytes:
        """Read so many of the bytes that are in it: they have to go another way."""
        data = b""
        while len(data) < most:
            data += posix.read(self._outlet, most - len(data))
        self.held -= most
        return data

    def close(self) -> None:
        """Close it, and lose what is in it."""
        posix.close(self._outlet)
        posix.close(self._inlet)


class Piped:
    """A chunk whose bytes are in a pipe: it has a length, and can be cut in two. The parts have to leave in order."""

    __slots__ = ("count", "pipe")

    def __init__(self, pipe: Pipe, count: int) -> None:
        self.pipe = pipe
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, part: slice) -> Piped:
        return Piped(self.pipe, len(range(self.count)[part]))


def _enlarge(pipe: int) -> int:
    """Make a pipe hold `SIZE` bytes if the user may have that; say what it holds."""
    try:
        return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, SIZE)
    except OSError:  # EPERM: the user's pipes have all the pages that they may
        return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)


class Pool:
    """Lends pipes: to whoever has bytes to move, for as long as some of them are on the way."""

    __slots__ = ("_idle", "_lent")

    def __init__(self) -> None:
        self._idle: list[Pipe] = []
        self._lent = 0

    def borrow(self) -> Pipe | None:
        """Lend an empty pipe, or ``None`` if there are no more."""
        if self._idle:
            pipe = self._idle.pop()
        elif self._lent >= MOST:
            return None
        else:
            try:
                pipe = Pipe()
            except OSError:
                return None
        self._lent += 1
        return pipe

    def give_back(self, pipe: Pipe) -> None:
        """Take a pipe back. One with something in it is closed: whoever had it next would send that."""
        self._lent -= 1
        if pipe.held or len(self._idle) >= MOST_IDLE:
            pipe.close()
        else:
            self._idle.append(pipe)


pool = Pool()
