"""A sender and a receiver of bulk data that know each other's bytes."""

from __future__ import annotations

import random
import selectors
import socket
import time
from dataclasses import dataclass

from .tcp import PATIENCE, dial

#: What every connection carries, over and over. A prime length: no buffer's size is a multiple of it.
_PERIOD = 1_048_573
_LONGEST_READ = 1 << 20
_pattern = random.Random(1).randbytes(_PERIOD)
_twice = memoryview(_pattern * 2 + _pattern[:_LONGEST_READ])
#: The start of each read is compared, and all of every so many.
_SAMPLE, _ALL_OF_EVERY = 64, 32


@dataclass(frozen=True)
class Sent:
    """What the sender did."""

    bytes: int
    started: float


@dataclass(frozen=True)
class Received:
    """What the receiver saw: the first read, and everything until all streams had ended."""

    bytes: int
    first_bytes: int
    first_at: float
    ended: float


class Sender:
    """Sends the pattern, in its own process."""

    def send(self, address: tuple[str, int], connections: int, seconds: float, most: int) -> Sent:
        """Send for so many seconds or until ``most`` bytes are on their way, over so many connections at a time."""
        with selectors.DefaultSelector() as selector:
            sent = [0] * connections
            for index in range(connections):
                sock = dial(address)
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_WRITE, index)
            started = time.monotonic()
            total = 0
            while total < most and (left := started + seconds - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    at = sent[key.data] % _PERIOD
                    count = _send(key.fileobj, _twice[at : at + min(_PERIOD, most - total)])
                    sent[key.data] += count
                    total += count
            for key in list(selector.get_map().values()):
                key.fileobj.shutdown(socket.SHUT_WR)
                key.fileobj.settimeout(PATIENCE)
                assert key.fileobj.recv(1) == b"", "the receiver said something"  # it hangs up when it has all
                key.fileobj.close()
        return Sent(total, started)


def _send(sock: socket.socket, data: memoryview) -> int:
    try:
        return sock.send(data)
    except BlockingIOError:
        return 0


class Receiver:
    """Receives and compares, in its own process."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._buffer = bytearray(_LONGEST_READ)
        self._view = memoryview(self._buffer)

    def receive(self, connections: int) -> Received:
        """Receive so many streams until each has ended."""
        self._listener.settimeout(PATIENCE)
        with selectors.DefaultSelector() as selector:
            for index in range(connections):
                sock, _ = self._listener.accept()
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ, index)
            return self._receive(selector, [0] * connections)

    def _receive(self, selector: selectors.BaseSelector, got: list[int]) -> Received:
        reads = first_bytes = 0
        first_at = 0.0
        while selector.get_map():
            for key, _ in selector.select(PATIENCE) or _silence():
                count = key.fileobj.recv_into(self._buffer)
                if not count:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    continue
                if not reads:
                    first_bytes, first_at = count, time.monotonic()
                reads += 1
                self._compare(got[key.data], count if reads % _ALL_OF_EVERY == 0 else min(count, _SAMPLE))
                got[key.data] += count
        return Received(sum(got), first_bytes, first_at, time.monotonic())

    def _compare(self, at: int, count: int) -> None:
        start = at % _PERIOD
        assert self._buffer[:count] == _twice[start : start + count], f"another byte than was sent, after {at}"


def _silence() -> list[tuple[selectors.SelectorKey, int]]:
    raise TimeoutError(f"nothing has come for {PATIENCE:g} s")
