"""The API answers at once, whatever a client, an upstream or their bytes do."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest
from tests.conformance.toxics.rig import LATE


def fill(sock):
    """Send until nothing more is taken."""
    sock.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while True:
            sock.send(bytes(1 << 20))


@pytest.fixture
def clogged(serve):
    """A proxy with a client that never reads, and an upstream that has sent as much as is taken."""
    rig = serve()
    client, server = rig.live_pair()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    fill(server.sock)
    return rig


@pytest.mark.unlike_toxiproxy("a change of toxics waits for the write that is blocked, and everything else for it")
def test_toxics_come_change_and_go_while_a_client_does_not_read(clogged):
    started = time.monotonic()
    name = clogged.add("latency", latency=100)
    clogged.update(name, latency=50)
    clogged.remove(name)
    clogged.add("timeout", timeout=10)
    clogged.server.call("POST", "/reset")
    assert clogged.toxics() == []
    assert time.monotonic() - started < LATE


def test_a_proxy_is_listed_disabled_and_deleted_while_a_client_does_not_read(clogged):
    started = time.monotonic()
    assert list(clogged.server.call("GET", "/proxies")) == ["p"]
    clogged.set(enabled=False)
    clogged.set(enabled=True)
    clogged.live_pair()
    clogged.server.call("DELETE", clogged.path)
    assert time.monotonic() - started < LATE


@pytest.mark.parametrize("toxic", [("bandwidth", {"rate": 1}), ("slicer", {"average_size": 1, "delay": 100_000})])
@pytest.mark.unlike_toxiproxy("a toxic that is busy has to pass on what it has first")
def test_a_toxic_in_the_middle_of_much_work_is_changed_at_once(serve, toxic, data):
    rig = serve()
    client, server = rig.live_pair()
    type_, has = toxic
    rig.add(type_, name="busy", **has)
    rig.add("bandwidth", name="shut", rate=0)
    server.send(data)
    started = time.monotonic()
    rig.add("noop", name="behind")
    rig.remove("busy")
    rig.remove("behind")
    assert time.monotonic() - started < LATE
    rig.remove("shut")
    assert client.receives(data)


@pytest.fixture
def black_hole():
    """The address of a server that never takes a connection: its backlog is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield "{}:{}".format(*listener.getsockname())


@pytest.mark.unlike_toxiproxy("a proxy can't be stopped while it dials, and nothing is listed while one is stopped")
def test_the_api_answers_while_an_upstream_never_accepts(serve, black_hole):
    rig = serve()
    rig.set(upstream=black_hole)
    clients = [rig.dial() for _ in range(3)]
    clients[0].send(b"anybody there?")
    started = time.monotonic()
    rig.add("latency", latency=100)
    rig.set(enabled=False)
    assert list(rig.server.call("GET", "/proxies")) == ["p"]
    rig.server.call("POST", "/reset")
    rig.server.call("DELETE", rig.path)
    assert time.monotonic() - started < LATE
    assert [client.ends_with() for client in clients] == ["FIN"] * 3


@pytest.mark.unlike_toxiproxy("one dial at a time, and no deadline")
def test_a_dial_that_never_ends_holds_up_nobody_else(serve, black_hole):
    rig = serve()
    good = "{}:{}".format(*rig.listener.getsockname())
    rig.set(upstream=black_hole)
    rig.dial()
    rig.set(upstream=good)
    rig.live_pair()
