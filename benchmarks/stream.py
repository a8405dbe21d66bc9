"""A sender and a receiver of bulk data that know each other's bytes.

They are not to be what is measured: the sender hands pages of a file to the kernel (``sendfile``) rather than copy
them, and both move 256 KiB in a call. Larger ones leave the processor's cache: with 1 MiB it was 3 GB/s instead of 5,
on 2 cores of an Intel Xeon at 2.50 GHz.
"""

from __future__ import annotations

import mmap
import os
import random
import select
import socket
import time
from dataclasses import dataclass

from .tcp import PATIENCE, dial

#: What every connection carries, over and over. A prime length: no buffer's size is a multiple of it.
_PERIOD = 262_139
_LONGEST_READ = 1 << 18
_pattern = random.Random(1).randbytes(_PERIOD)
_twice = memoryview(_pattern * 2 + _pattern[:_LONGEST_READ])
#: The start of each read is compared, and all of every so many.
_SAMPLE, _ALL_OF_EVERY = 64, 32


@dataclass(frozen=True)
class Sent:
    """What the sender did: how much, and between which moments."""

    bytes: int
    started: float
    stopped: float


@dataclass(frozen=True)
class Received:
    """What the receiver saw: the first read, and everything until all streams had ended."""

    bytes: int
    first_bytes: int
    first_at: float
    ended: float


class Sender:
    """Sends the pattern, in its own process."""

    def __init__(self) -> None:
        self._file = os.memfd_create("pattern")
        os.write(self._file, _pattern)

    def send(self, address: tuple[str, int], connections: int, seconds: float, most: int) -> Sent:
        """Send for so many seconds or until ``most`` bytes are on their way, over so many connections at a time."""
        sockets = [dial(address) for _ in range(connections)]
        started = time.monotonic()
        total = self._send(sockets, started + seconds, most)
        stopped = time.monotonic()
        for sock in sockets:
            sock.shutdown(socket.SHUT_WR)
        for sock in sockets:
            sock.settimeout(PATIENCE)
            assert sock.recv(1) == b"", "the receiver said something"  # it hangs up when it has all
            sock.close()
        return Sent(total, started, stopped)

    def _send(self, sockets: list[socket.socket], until: float, most: int) -> int:
        sent = dict.fromkeys((sock.fileno() for sock in sockets), 0)
        total = 0
        with select.epoll() as epoll:
            for sock in sockets:
                sock.setblocking(False)
                epoll.register(sock.fileno(), select.EPOLLOUT)
            while total < most and (left := until - time.monotonic()) > 0:
                for fd, _ in epoll.poll(left):
                    at = sent[fd] % _PERIOD
                    count = self._send_some(fd, at, min(_PERIOD - at, most - total))
                    sent[fd] += count
                    total += count
        return total

    def _send_some(self, fd: int, at: int, count: int) -> int:
        try:
            return os.sendfile(fd, self._file, at, count) if count else 0
        except BlockingIOError:
            return 0


class Progress:
    """A number of bytes that a process and its children see alike."""

    def __init__(self) -> None:
        self._shared = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")

    @property
    def bytes(self) -> int:
        """How many have arrived, in all."""
        return self._shared[0]

    def add(self, count: int) -> None:
        """Count some more; only one process may."""
        self._shared[0] += count

    def wait(self, count: int) -> None:
        """Wait until so many have arrived in all."""
        deadline = time.monotonic() + PATIENCE
        while self.bytes < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.bytes} of {count} bytes after {PATIENCE:g} s")
            time.sleep(0.002)


class Receiver:
    """Receives and compares, in its own process.

    Args:
        listener: Where the streams come from.
        progress: Where it counts, for others to see.
    """

    def __init__(self, listener: socket.socket, progress: Progress | None = None) -> None:
        self._listener = listener
        self._progress = progress or Progress()
        self._buffer = bytearray(_LONGEST_READ)

    def receive(self, connections: int) -> Received:
        """Receive so many streams until each has ended."""
        self._listener.settimeout(PATIENCE)
        streams: dict[int, socket.socket] = {}
        with select.epoll() as epoll:
            for _ in range(connections):
                sock, _ = self._listener.accept()
                sock.setblocking(False)
                streams[sock.fileno()] = sock
                epoll.register(sock.fileno(), select.EPOLLIN)
            try:
                return self._receive(epoll, streams)
            finally:
                for sock in streams.values():
                    sock.close()

    def _receive(self, epoll: select.epoll, streams: dict[int, socket.socket]) -> Received:
        got = dict.fromkeys(streams, 0)
        reads = first_bytes = 0
        first_at = 0.0
        while streams:
            for fd, _ in epoll.poll(PATIENCE) or _silence():
                count = streams[fd].recv_into(self._buffer)
                if not count:
                    streams.pop(fd).close()
                    continue
                if not reads:
                    first_bytes, first_at = count, time.monotonic()
                reads += 1
                self._compare(got[fd], count if reads % _ALL_OF_EVERY == 0 else min(count, _SAMPLE))
                got[fd] += count
                self._progress.add(count)
        return Received(sum(got.values()), first_bytes, first_at, time.monotonic())

    def _compare(self, at: int, count: int) -> None:
        start = at % _PERIOD
        assert self._buffer[:count] == _twice[start : start + count], f"another byte than was sent, after {at}"


def _silence() -> list[tuple[int, int]]:
    raise TimeoutError(f"nothing has come for {PATIENCE:g} s")
