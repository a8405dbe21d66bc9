from __future__ import annotations

import contextlib
import errno
import socket
import sys
import time

import pytest

from pytest_netchaos.relay import stamps
from pytest_netchaos.relay import watch as module
from pytest_netchaos.relay.watch import SynWatch, may_watch

pytestmark = pytest.mark.skipif(not may_watch(), reason="no right to open a raw socket")

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.fixture
def watch(loop):
    made = SynWatch(loop, allowed=True)
    yield made
    for family, wanted in made._wanted.items():
        for address in list(wanted):
            made.remove(family, address)
    assert made._sockets == {}


@pytest.fixture
def closed(sockets):
    """Make a closed port, one and the same at every address."""

    def make(family, host, port=0):
        sock = sockets.keep(socket.socket(family))
        sock.bind((host, port))
        return sock.getsockname()[:2]

    return make


def dial(family, address):
    with socket.socket(family) as sock, contextlib.suppress(ConnectionRefusedError):
        sock.connect(address)


@pytest.mark.parametrize(("family", "host"), [(V4, "127.0.0.1"), (V6, "::1")])
def test_a_dial_to_a_closed_port_is_told_with_its_peer(watch, closed, family, host):
    address = closed(family, host)
    seen = []
    began = time.monotonic()
    watch.add(family, address, lambda peer, at: seen.append((peer, at)))
    with socket.socket(family) as client:
        client.bind((host, 0))
        peer = client.getsockname()
        with pytest.raises(ConnectionRefusedError):
            client.connect(address)
    watch.catch_up(family)
    [(name, at)] = seen
    assert name == (f"[{host}]:{peer[1]}" if family == V6 else f"{host}:{peer[1]}")
    assert began <= at <= time.monotonic()


def test_a_dial_is_seen_although_bulk_traffic_came_before_the_filter(watch, closed, sockets, monkeypatch):
    class Socket(module._socket.socket):
        def setsockopt(self, level, option, value):
            if option == module._SO_ATTACH_FILTER:
                flood(sockets)
            super().setsockopt(level, option, value)

    monkeypatch.setattr(module._socket, "socket", Socket)
    address = closed(V4, "127.0.0.1")
    seen = []
    watch.add(V4, address, lambda peer, _: seen.append(peer))
    dial(V4, address)
    watch.catch_up(V4)
    assert len(seen) == 1


def test_a_dial_that_is_read_late_has_the_time_of_its_arrival(watch, closed):
    address = closed(V4, "127.0.0.1")
    seen = []
    watch.add(V4, address, lambda _, at: seen.append(at))
    for _ in range(20):  # a worker of the kernel switches stamps on, and may be late
        began = time.monotonic()
        dial(V4, address)
        ended = time.monotonic()
        hold_up(0.02)
        watch.catch_up(V4)
        assert began - 0.001 <= seen[-1]
        if seen[-1] <= ended:
            return
    pytest.fail("each dial has the time of its reading")


def test_a_dial_has_the_time_of_its_reading_where_there_is_no_stamp(watch, closed, monkeypatch):
    class Socket(module._socket.socket):
        def setsockopt(self, level, option, value):
            if option == stamps._SO_TIMESTAMPNS:
                fail(errno.ENOPROTOOPT)
            super().setsockopt(level, option, value)

    monkeypatch.setattr(module._socket, "socket", Socket)
    address = closed(V4, "127.0.0.1")
    seen = []
    watch.add(V4, address, lambda _, at: seen.append(at))
    dial(V4, address)
    hold_up(0.02)
    read = time.monotonic()
    watch.catch_up(V4)
    assert len(seen) == 1
    assert read <= seen[0] <= time.monotonic()


def hold_up(seconds):
    """Do nothing for a time, as a process that doesn't get the processor."""
    time.sleep(seconds)


def flood(sockets):
    """More packets than the buffer of a raw socket takes."""
    left, right = sockets.tcp_pair()
    left.setblocking(True)
    for _ in range(200):
        left.sendall(bytes(60_000))
        for _ in range(60_000 // 20_000):
            right.recv(20_000, socket.MSG_WAITALL)


def test_one_port_at_several_addresses_is_several_ports(watch, closed):
    _, port = closed(V4, "127.0.0.1")
    addresses = [(V4, ("127.0.0.1", port)), (V4, closed(V4, "127.0.0.5", port)), (V6, closed(V6, "::1", port))]
    seen = []
    for family, address in addresses:
        watch.add(family, address, lambda *_, host=address[0]: seen.append(host))
    for family, address in addresses:
        dial(family, address)
        watch.catch_up(family)
    assert seen == ["127.0.0.1", "127.0.0.5", "::1"]
    watch.remove(V4, ("127.0.0.1", port))
    for family, address in addresses:
        dial(family, address)
        watch.catch_up(family)
    assert seen[3:] == ["127.0.0.5", "::1"]


def test_where_a_socket_can_not_be_had_nothing_is_left_and_the_next_one_is_tried(watch, closed, monkeypatch):
    address = closed(V4, "127.0.0.1")
    with monkeypatch.context() as patch:
        patch.setattr(module, "_open", lambda _: fail(errno.EMFILE))
        with pytest.raises(OSError, match="Too many open files"):
            watch.add(V4, address, pytest.fail)
    assert (watch._sockets, watch._wanted) == ({}, {})
    seen = []
    watch.add(V4, address, lambda peer, _: seen.append(peer))
    dial(V4, address)
    watch.catch_up(V4)
    assert len(seen) == 1


def test_a_filter_that_is_forbidden_leaves_no_socket_open(watch, monkeypatch):
    made = []

    class Socket(module._socket.socket):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

        def setsockopt(self, *_):
            fail(errno.EPERM)

    monkeypatch.setattr(module._socket, "socket", Socket)
    with pytest.raises(PermissionError):
        watch.add(V4, ("127.0.0.1", 9), pytest.fail)
    assert [sock.fileno() for sock in made] == [-1]


def test_a_module_that_could_not_be_read_means_that_descriptors_have_run_out(watch, monkeypatch):
    monkeypatch.setitem(sys.modules, "array", None)  # an import now fails
    monkeypatch.setattr(module, "_programs", {})
    with pytest.raises(OSError, match="array") as caught:
        watch.add(V4, ("127.0.0.1", 9), pytest.fail)
    assert caught.value.errno == errno.EMFILE


def fail(number):
    raise OSError(number, "Too many open files" if number == errno.EMFILE else "")
