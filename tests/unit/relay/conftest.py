"""Sockets and event loops for the relay's parts, in this process."""

from __future__ import annotations

import contextlib
import socket
import struct
from time import monotonic
from types import SimpleNamespace

import pytest
from tests.unit.relay.tapped import World

from pytest_netchaos.relay.connection import Connection
from pytest_netchaos.relay.epoll import EpollLoop
from pytest_netchaos.relay.keeper import Keeper, LoneKeeper
from pytest_netchaos.relay.pollers import Poll, Select
from pytest_netchaos.relay.portable import PortableLoop
from pytest_netchaos.relay.sockets import bind, listen


class FakeLoop:
    """Keeps what it is asked to do until the test does it."""

    def __init__(self):
        self.ready = []
        self.timers = []

    def soon(self, call):
        self.ready.append(call)

    later = soon

    def call_at(self, when, call):
        timer = type(
            "Timer", (), {"when": when, "call": staticmethod(call), "cancel": lambda t: setattr(t, "call", None)}
        )()
        self.timers.append(timer)
        return timer

    def run_ready(self):
        ready, self.ready = self.ready, []
        for call in ready:
            call()


@pytest.fixture
def fake_loop():
    return FakeLoop()


LOOPS = {
    "epoll": EpollLoop,
    "poll": lambda: PortableLoop(Poll()),
    "select": lambda: PortableLoop(Select()),
}


@pytest.fixture(params=LOOPS)
def loop(request):
    made = LOOPS[request.param]()
    yield made
    if isinstance(made, EpollLoop):
        made.close()


@pytest.fixture
def reserve(loop, sockets):
    """Listen at a free port; return the listening socket, and what keeps the port: as the loop's system does it."""

    def make():
        if not isinstance(loop, EpollLoop):
            listener = sockets.keep(listen(socket.AF_INET, ("127.0.0.1", 0)))
            return listener, LoneKeeper(listener)
        keeper = sockets.keep(bind(socket.AF_INET, ("127.0.0.1", 0)))
        return sockets.keep(listen(socket.AF_INET, keeper.getsockname())), Keeper(keeper)

    return make


@pytest.fixture
def spin(loop):
    """Run the loop until something is true."""

    def run(is_done, timeout=10.0):
        deadline = monotonic() + timeout

        def tick():
            loop.call_at(monotonic() + 0.002, tick)

        def look():
            if is_done() or monotonic() > deadline:
                loop.stop()

        tick()
        loop.run(look)
        assert is_done(), f"it has not happened within {timeout} s"

    return run


@pytest.fixture
def sockets():
    """A bag of sockets that are closed at the end of the test."""
    with contextlib.ExitStack() as stack:

        class Bag:
            @staticmethod
            def keep(sock):
                return stack.enter_context(contextlib.closing(sock))

            def pair(self):
                """Two ends of a local stream; the first one is non-blocking, the second one waits for 10 s."""
                ours, theirs = (self.keep(sock) for sock in socket.socketpair())
                ours.setblocking(False)
                theirs.settimeout(10.0)
                return ours, theirs

            def listener(self):
                return self.keep(socket.create_server(("127.0.0.1", 0)))

            def tcp_pair(self):
                """The same over TCP: (accepted, dialled)."""
                listener = self.listener()
                theirs = self.keep(socket.create_connection(listener.getsockname(), 10.0))
                ours = self.keep(listener.accept()[0])
                ours.setblocking(False)
                return ours, theirs

        yield Bag()


@pytest.fixture
def send_rst():
    def send(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    return send


@pytest.fixture
def read_all():
    """Read until the end; ``"FIN"`` or ``"RST"`` says which it was."""

    def read(sock):
        sock.settimeout(10.0)
        data = b""
        try:
            while chunk := sock.recv(65536):
                data += chunk
        except ConnectionResetError:
            return data, "RST"
        return data, "FIN"

    return read


@pytest.fixture
def world(loop, sockets, spin, reserve):
    """A tap between two sides of another proxy, as the test plays it."""
    made = World(loop, sockets, spin, reserve)
    yield made
    made.close()


class Watcher:
    """Notes what a connection says."""

    def __init__(self):
        self.events = []

    def opened(self, connection):
        connection.number = 1
        self.events.append(("opened",))

    def hung_up(self, _, by):
        self.events.append(("hung up", by))

    def unreachable(self, _, reason):
        self.events.append(("unreachable", reason))

    def ended(self, _, by, how, reason):
        self.events.append(("ended", by, how, reason))


@pytest.fixture
def dial(loop, sockets):
    """Make a connection to a server of our own; nothing happens before ``go_on`` or ``set``."""
    made = []

    def make(addresses=None):
        listener = sockets.listener()
        ours, client = sockets.tcp_pair()
        watcher = Watcher()
        addresses = [(socket.AF_INET, listener.getsockname())] if addresses is None else addresses
        connection = Connection(loop, watcher, 1, ours, addresses)
        made.append(connection)
        return SimpleNamespace(connection=connection, watcher=watcher, client=client, listener=listener)

    yield make
    for connection in made:
        connection._release(with_rst=False)


@pytest.fixture
def talk(dial, spin, sockets):
    """A connection that is open, with both peers' sockets."""
    made = dial()
    made.connection.go_on()
    spin(lambda: made.connection.is_open)
    made.server = sockets.keep(made.listener.accept()[0])
    for sock in (made.client, made.server):
        sock.settimeout(10.0)
    return made
