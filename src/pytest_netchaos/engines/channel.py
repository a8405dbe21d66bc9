"""The parent's end of the control channel. No thread of its own: whoever waits, reads for everybody."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence

from ..errors import EngineDied, EngineError, hide_own_errors
from ..relay.wire import Lines, encode

__tracebackhide__ = hide_own_errors


class CommandRefused(EngineError):
    """The relay could not, or would not, carry a command out.

    Attributes:
        reason: Why, in its words.
    """

    def __init__(self, command: object, reason: str) -> None:
        super().__init__(f"the relay refused {command!r}: {reason}")
        self.reason = reason


#: Seconds that a command may take. The relay answers in microseconds; only a stopped or starved one takes longer.
PATIENCE = 10.0


#: Windows has no such flag; there a read after `_is_readable` finds something, since nobody else reads.
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)


class Channel:
    """Sends commands and takes replies and events. Every call is thread-safe."""

    def __init__(self, sock: socket.socket, on_event: Callable[[list[str]], None], obituary: Callable[[], str]) -> None:
        """Start with a connected socket.

        Args:
            sock: A stream socket to the relay; closed by `close`.
            on_event: Called for every event, under this channel's lock.
            obituary: Says how the relay ended, and what its log says.
        """
        self._sock = sock
        self._sock.settimeout(PATIENCE)
        self._on_event = on_event
        self._obituary = obituary
        self._lines = Lines()
        self._sending = threading.Lock()
        self._requests = 0
        #: Guards everything below, and whatever ``on_event`` and ``done`` touch.
        self._news = threading.Condition(threading.RLock())
        self._someone_reads = False
        self._replies: dict[int, list[str]] = {}
        self._unclaimed: set[int] = set()
        self._failures: list[str] = []
        self._death: str | None = None
        _close_in_children(self)

    @property
    def is_open(self) -> bool:
        """Whether the relay was there when we last heard from it."""
        return self._death is None

    def request(self, *command: object) -> float:
        """Carry a command out; return the relay's time after it.

        Raises:
            EngineError: the relay refused it, or hasn't answered in ``PATIENCE`` seconds.
            EngineDied: the relay is dead.
        """
        number = self._send(command, (), claimed=True)
        if not self.wait(lambda: number in self._replies, time.monotonic() + PATIENCE):
            self._unclaimed.add(number)  # should the answer still come, nobody is there to take it
            raise EngineError(f"the relay has not answered {command[0]!r} within {PATIENCE:g} s")
        return self._read_reply(command, self._replies.pop(number))

    def post(self, *command: object, fds: Sequence[int] = ()) -> None:
        """Send a command whose success isn't waited for. Its failure is raised by `raise_failures`."""
        self._send(command, fds, claimed=False)

    def raise_failures(self) -> None:
        """Raise what became of posted commands since the last call.

        Raises:
            EngineError: the relay refused one.
            EngineDied: the relay is dead.
        """
        with self._news:
            failures, self._failures = self._failures, []
            if self._death is not None:
                raise EngineDied(self._death)
        if failures:
            raise EngineError("; ".join(failures))

    def wait(self, done: Callable[[], bool], until: float, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Wait until ``done()``, the monotonic time ``until`` or ``cancelled()``; return ``done()``.

        Raises:
            EngineDied: the relay is dead.
        """
        with self._news:
            has_looked = False  # at what has arrived already: even a wait without time left takes note of that
            while not done():
                left = until - time.monotonic()
                if cancelled() or (left <= 0 and has_looked):
                    return False
                if self._death is not None:
                    raise EngineDied(self._death)
                if self._someone_reads:
                    self._news.wait(max(0.0, left))
                else:
                    self._read_for_all(max(0.0, left))
                has_looked = True
            return True

    def nudge(self) -> None:
        """Make every waiting `wait` look at ``cancelled()``: the answer to a command wakes them all."""
        try:
            self.post("sync")
        except EngineDied:
            return

    def locked(self) -> threading.Condition:
        """Return the lock under which events are delivered."""
        return self._news

    def close(self) -> None:
        """Hang up: the relay ends."""
        with self._news:
            self._death = self._death or "the engine was stopped"
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)  # wakes whoever polls it; close() alone doesn't
            self._sock.close()
            self._news.notify_all()

    def _send(self, command: Iterable[object], fds: Sequence[int], *, claimed: bool) -> int:
        name, *arguments = command
        with self._news:
            if self._death is not None:
                raise EngineDied(self._death)
            self._requests += 1
            number = self._requests
            if not claimed:
                self._unclaimed.add(number)
        try:
            # Of the two locks, this one is the inner one: a condition that is waited for may send commands itself.
            with self._sending:
                self._write(encode(name, number, *arguments), fds)
        except OSError as error:
            raise self._die(f"can't be told {name!r}: {error}") from None
        return number

    def _write(self, message: bytes, fds: Sequence[int]) -> None:
        if fds:  # the descriptors travel with the first byte; the rest may follow in pieces
            sent = socket.send_fds(self._sock, [message], list(fds))
            message = message[sent:]
        self._sock.sendall(message)

    def _read_for_all(self, timeout: float) -> None:
        self._someone_reads = True
        self._news.release()
        data: bytes | None = None
        try:
            data = self._receive(timeout)
        finally:
            self._news.acquire()
            self._someone_reads = False
            if data:
                self._take(data)
            elif data is not None and self._death is None:
                self._die("ended")
            self._news.notify_all()

    def _receive(self, timeout: float) -> bytes | None:
        """Return what has arrived, nothing (``None``) in time, or the end (no bytes)."""
        try:
            if not _is_readable(self._sock, timeout):
                return None
            return self._sock.recv(1 << 16, _DONT_WAIT)
        except BlockingIOError:
            return None
        except (OSError, ValueError):  # closed meanwhile, or reset
            return b""

    def _take(self, data: bytes) -> None:
        for message in self._lines.feed(data):
            if message[0] not in ("ok", "no"):
                self._on_event(message)
                continue
            number = int(message[1] or 0)  # 0: what it could not even read
            if number and number not in self._unclaimed:
                self._replies[number] = message
                continue
            self._unclaimed.discard(number)
            if message[0] == "no":
                self._failures.append(message[2])

    @staticmethod
    def _read_reply(command: Sequence[object], reply: list[str]) -> float:
        if reply[0] == "no":
            raise CommandRefused(command[0], reply[2])
        return float(reply[2])

    def _die(self, how: str) -> EngineDied:
        with self._news:
            self._death = self._death or f"the relay {how}\n{self._obituary()}".rstrip()
            self._news.notify_all()
            return EngineDied(self._death)


def _is_readable(sock: socket.socket, timeout: float) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([sock], [], [], timeout)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


def _close_in_children(channel: Channel) -> None:
    """A forked child must neither keep the relay alive nor steal its answers."""
    if not hasattr(os, "register_at_fork"):  # Windows, where nobody forks
        return
    known = weakref.ref(channel)

    def close() -> None:
        if (found := known()) is not None:
            found._death = "the process was forked: links belong to the parent"  # noqa: SLF001 - of this module
            found._sock.close()  # noqa: SLF001

    os.register_at_fork(after_in_child=close)
