"""The software under test in docs/matchers.md: a server of one line for each message, and clients of it.

The server answers each line with the same line. ``Client`` sends, dials again, buffers; ``Subscriber`` reads what the
server publishes.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque

#: Seconds that anything may take on a busy machine.
SOON = 20.0


class Server:
    """Keeps what is published: a connection that begins with ``from 3`` gets the fourth message and all that follow."""

    def __init__(self):
        self.on_request = self.on_message = lambda _: None
        self.is_idempotent = True
        self._seen = set()
        self._is_open = True
        self._published = []
        self._news = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._peers = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def address(self):
        return self._listener.getsockname()

    def publish(self, number):
        with self._news:
            self._published.append(number)
            self._news.notify_all()

    def close(self):
        self._is_open = False
        hang_up(self._listener)
        for peer in self._peers:
            hang_up(peer)
        with self._news:
            self._news.notify_all()
        for thread in self._threads:
            thread.join(SOON)
            assert not thread.is_alive()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self._peers.append(peer)
                self._threads.append(threading.Thread(target=self._serve, args=(peer,), daemon=True))
                self._threads[-1].start()

    def _serve(self, peer):
        with contextlib.suppress(OSError), peer:
            for line in peer.makefile():
                if line.startswith("from "):
                    self._feed(peer, int(line[5:]))
                else:
                    self._answer(peer, line)

    def _answer(self, peer, line):
        number = int(line)
        with self._news:
            self.on_request(number)
            if not (self.is_idempotent and number in self._seen):
                self._seen.add(number)
                self.on_message(number)
        peer.sendall(line.encode())

    def _feed(self, peer, position):
        if position < 0:
            position = len(self._published)
            peer.sendall(f"{position}\n".encode())
        while self._is_open:
            with self._news:
                new = self._published[position:]
                if not new:
                    self._news.wait(0.05)
            for number in new:
                peer.sendall(f"{position} {number}\n".encode())
                position += 1


def hang_up(sock):
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


class Turnstile:
    """Lets one client through at a time, and the next one so many seconds after it was served."""

    def __init__(self, pause):
        self._pause = pause
        self._lock = threading.Lock()

    def dial(self, address):
        with self._lock, contextlib.ExitStack() as unless_served:
            try:
                sock = socket.create_connection(address, SOON)
                unless_served.callback(sock.close)
                sock.sendall(b"0\n")
                if not sock.recv(16):
                    raise ConnectionResetError("nobody answers")
                unless_served.pop_all()
            finally:
                threading.Event().wait(self._pause)
        return sock


class Connected:
    """Stays connected: dials again after ``first`` seconds, then after ``factor`` times as many, up to ``cap``."""

    def __init__(self, address, *, first=0.02, factor=2, cap=0.08, retries=None, turnstile=None):
        self._address = address
        self._waits = first, factor, cap
        self._retries = retries
        self._dial = turnstile.dial if turnstile else lambda address: socket.create_connection(address, SOON)
        self._stopped = threading.Event()
        self._sock = None
        self._state = threading.Condition()
        self.has_given_up = threading.Event()
        self._thread = threading.Thread(target=self._stay_connected, daemon=True)
        self._thread.start()

    def disconnect(self):
        self._stopped.set()
        with self._state:
            if self._sock is not None:
                hang_up(self._sock)
        self._thread.join(SOON)
        assert not self._thread.is_alive()

    def wait_until_connected(self):
        with self._state:
            assert self._state.wait_for(lambda: self._sock is not None, SOON)

    def connected(self, sock):
        """Do what comes first on a connection. Called with the lock held."""

    def received(self, line):
        """Take a line."""

    def _stay_connected(self):
        first, factor, cap = self._waits
        failures = 0
        while not self._stopped.is_set():
            try:
                sock = self._dial(self._address)
            except OSError:
                failures += 1
            else:
                failures = 0
                self._use(sock)
            if self._retries is not None and failures >= self._retries:
                self.has_given_up.set()
                return
            self._stopped.wait(min(cap, first * factor**failures))

    def _use(self, sock):
        with contextlib.suppress(OSError), sock:
            sock.settimeout(None)
            with self._state:
                if self._stopped.is_set():
                    return
                self.connected(sock)
                self._sock = sock
                self._state.notify_all()
            try:
                for line in sock.makefile():
                    self.received(line)
            finally:
                with self._state:
                    if self._sock is sock:
                        self._sock = None
                    self._state.notify_all()


class Client(Connected):
    """``post`` sends, or keeps so many messages in a buffer as it can't; ``send`` waits for an answer."""

    def __init__(self, address, *, buffer=0, answer_within=SOON, **how):
        self._buffer = deque(maxlen=buffer)
        self._answer_within = answer_within
        self._answers = []
        super().__init__(address, **how)

    def connected(self, sock):
        while self._buffer:
            sock.sendall(f"{self._buffer[0]}\n".encode())
            self._buffer.popleft()

    def received(self, line):
        with self._state:
            self._answers.append(int(line))
            self._state.notify_all()

    def post(self, number):
        with self._state:
            if self._sock is None:
                self._buffer.append(number)
                return
            with contextlib.suppress(OSError):
                self._sock.sendall(f"{number}\n".encode())

    def send(self, number, attempts=None):
        """Send until it is answered, or so often; without an answer on a connection, hang up."""
        tried = 0
        while attempts is None or tried < attempts:
            with self._state:
                assert self._state.wait_for(lambda: self._sock is not None, SOON)
                sock, before = self._sock, self._answers.count(number)
                with contextlib.suppress(OSError):
                    sock.sendall(f"{number}\n".encode())
                tried += 1
                self._state.wait_for(
                    lambda: self._answers.count(number) > before or self._sock is not sock,  # noqa: B023 - called now
                    self._answer_within,
                )
                if self._answers.count(number) > before:
                    return
                if self._sock is sock:
                    hang_up(sock)
                    self._sock = None
        raise TimeoutError(f"{number} was not answered")


class Subscriber(Connected):
    """Reads from where it had stopped; a new one begins with what is published next."""

    def __init__(self, address, *, on_message, on_connect=lambda: None):
        self._on_message, self._on_connect = on_message, on_connect
        self._position = -1
        super().__init__(address)
        with self._state:
            assert self._state.wait_for(lambda: self._position >= 0, SOON)

    def connected(self, sock):
        self._on_connect()
        sock.sendall(f"from {self._position}\n".encode())

    def received(self, line):
        position, *numbers = map(int, line.split())
        with self._state:
            self._position = position + len(numbers)
            self._state.notify_all()
        for number in numbers:
            self._on_message(number)
