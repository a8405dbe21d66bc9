"""A server that says back what it hears, and a client that times it."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time

from .tcp import blocking, close_with_rst, dial, receive

MESSAGE = bytes(range(64))


class Echo:
    """Serves any number of connections, in its own process."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def serve(self) -> None:
        """Serve until the process is killed."""
        epoll = select.epoll()
        self._listener.setblocking(False)
        epoll.register(self._listener.fileno(), select.EPOLLIN)
        clients: dict[int, socket.socket] = {}
        while True:
            for fd, _ in epoll.poll():
                if fd != self._listener.fileno():
                    if not _answer(clients[fd]):
                        clients.pop(fd).close()
                    continue
                with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
                    while True:
                        client, _ = self._listener.accept()
                        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        clients[client.fileno()] = client
                        epoll.register(client.fileno(), select.EPOLLIN)


def _answer(client: socket.socket) -> bool:
    try:
        data = client.recv(65536)
        client.sendall(data)
    except OSError:
        return False
    return bool(data)


class Client:
    """Dials, asks, waits for the end, and says when what happened. Times are those of ``time.monotonic_ns()``."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def hold(self, address: tuple[str, int], count: int) -> None:
        """Open connections and keep them open, each after one round trip."""
        for _ in range(count):
            sock = blocking(dial(address))
            self._held.append(sock)
            _ask(sock)

    def drop(self) -> None:
        """Close what is held."""
        while self._held:
            close_with_rst(self._held.pop())

    def await_reset(self) -> int:
        """Wait until the connection that is held ends by an RST; say when."""
        sock = self._held.pop()
        try:
            sock.recv(1)
        except ConnectionResetError:
            return time.monotonic_ns()
        finally:
            sock.close()
        raise AssertionError("the connection has not ended by an RST")

    def await_end(self) -> int:
        """Wait until the connection that is held ends, by a FIN or an RST; say when."""
        sock = self._held.pop()
        try:
            assert not sock.recv(1), "a byte has come instead of the end"
        except ConnectionResetError:
            pass
        finally:
            now = time.monotonic_ns()
            sock.close()
        return now

    def await_service(self, address: tuple[str, int], pause: float) -> int:
        """Dial again and again until somebody accepts; say when."""
        end = time.monotonic_ns() + 5_000_000_000
        while time.monotonic_ns() < end:
            sock = socket.socket()
            failed = sock.connect_ex(address)
            now = time.monotonic_ns()
            sock.close()
            if not failed:
                return now
            assert failed == errno.ECONNREFUSED, errno.errorcode[failed]
            while time.monotonic_ns() < now + pause * 1e9:
                pass
        raise TimeoutError("nobody accepts")

    def round_trips(self, address: tuple[str, int], count: int) -> list[int]:
        """Time so many round trips over one new connection, in ns."""
        with blocking(dial(address)) as sock:
            for _ in range(20):
                _ask(sock)
            return [_ask(sock) for _ in range(count)]

    def round_trips_held(self, count: int, seconds: float) -> list[int]:
        """Time round trips over the connection that is held, in ns; fewer of them if the time runs out."""
        times: list[int] = []
        end = time.monotonic() + seconds
        while len(times) < count and time.monotonic() < end:
            times.append(_ask(self._held[0]))
        return times

    def visits(self, address: tuple[str, int], count: int) -> float:
        """Connect, ask once and hang up, so many times; return how many of it there were in a second."""
        start = time.monotonic()
        for _ in range(count):
            with blocking(dial(address)) as sock:
                _ask(sock)
        return count / (time.monotonic() - start)


def _ask(sock: socket.socket) -> int:
    start = time.monotonic_ns()
    sock.send(MESSAGE)
    answer = receive(sock, len(MESSAGE))
    took = time.monotonic_ns() - start
    assert answer == MESSAGE, "the answer is another than what was sent"
    return took
