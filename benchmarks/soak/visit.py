"""One connection of a client that checks each byte."""

from __future__ import annotations

import errno
import random
import select
import socket
from enum import Enum

from ..tcp import close_with_rst

#: What is sent, over and over, from an offset of each visit's own. A prime length: no buffer's size is a multiple.
_PERIOD = 65_521
_CHUNK = 65_536
_pattern = random.Random(2).randbytes(_PERIOD)
#: How a reset shows; a shutdown just after it finds no connection.
_RESETS = {errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN}
_twice = memoryview(_pattern * 2 + _pattern[:_CHUNK])


class Plan(Enum):
    """How a visit is meant to end."""

    FINISH = "send all, shut down, read all"
    ABANDON = "reset half-way"
    IDLE = "send a little, and stay"


class End(Enum):
    """How it has ended."""

    COMPLETE = "complete"
    ABANDONED = "abandoned"
    CLOSED = "closed early"
    RESET = "reset"
    REFUSED = "refused"
    GAVE_UP = "given up"


class WrongBytes(Exception):
    """Another byte has arrived than was sent."""


class Visit:
    """Sends so many bytes of the pattern and reads them back.

    Args:
        address: Whom it dials.
        size: How many bytes.
        offset: Where in the pattern it begins.
        plan: How it is meant to end.
    """

    def __init__(self, address: tuple[str, int], size: int, offset: int, plan: Plan) -> None:
        self.plan = plan
        self.size = size
        self.got = 0
        self._sent = 0
        self._offset = offset
        self._sock = socket.socket()
        self._sock.setblocking(False)
        self._failed = self._sock.connect_ex(address)

    def fileno(self) -> int:
        """Return its descriptor, for epoll."""
        return self._sock.fileno()

    @property
    def wants(self) -> int:
        """The events that it waits for."""
        return select.EPOLLIN | (select.EPOLLOUT if self._sent < self.size else 0)

    def go_on(self) -> End | None:
        """Do what can be done now; say how it has ended, if it has.

        Raises:
            WrongBytes: Another byte has arrived than was sent, or one too many.
        """
        try:
            self._send()
            return self._receive()
        except ConnectionRefusedError:
            return End.REFUSED
        except OSError as error:
            if error.errno in _RESETS:
                return End.RESET
            raise

    def give_up(self) -> End:
        """Leave, in the middle of whatever it is."""
        return End.ABANDONED if self.plan is Plan.IDLE and self.got == self.size else End.GAVE_UP

    def close(self, *, hard: bool) -> None:
        """Close it, with an RST or with a FIN."""
        if hard:
            close_with_rst(self._sock)
        else:
            self._sock.close()

    def _send(self) -> None:
        if self._failed not in {0, errno.EINPROGRESS}:
            raise OSError(self._failed, "connect")
        if self._sent == self.size:
            return
        at = (self._offset + self._sent) % _PERIOD
        try:
            self._sent += self._sock.send(_twice[at : at + min(_CHUNK, self.size - self._sent)])
        except BlockingIOError:
            return
        if self._sent == self.size and self.plan is Plan.FINISH:
            self._sock.shutdown(socket.SHUT_WR)

    def _receive(self) -> End | None:
        try:
            data = self._sock.recv(_CHUNK)
        except BlockingIOError:
            return None
        if not data:
            return End.COMPLETE if self.got == self.size else End.CLOSED
        at = (self._offset + self.got) % _PERIOD
        self.got += len(data)
        if data != _twice[at : at + len(data)] or self.got > self._sent:
            raise WrongBytes(f"after {self.got - len(data)} of {self.size} bytes")
        return End.ABANDONED if self.plan is Plan.ABANDON and self.got * 2 > self.size else None
