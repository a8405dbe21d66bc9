from __future__ import annotations

import socket

import pytest
from tests.unit.relay.proxied import BACKGROUND, assemble, dialler, fault, said, take_down

from pytest_netchaos.relay import armed as module
from pytest_netchaos.relay.trigger import Passed, Trigger


@pytest.fixture
def made(loop, sockets, reserve):
    made = assemble(loop, sockets, reserve)
    yield made
    take_down(made)


@pytest.fixture
def dial(made, sockets, spin):
    return dialler(made, sockets, spin)


@pytest.fixture
def arm(made):
    """Have a fault wait; return it."""

    def wait(kind, *trigger, id_=1, **more):
        waiting = fault(kind, id_, **more)
        made.proxy.arm(waiting, Trigger(*trigger), lambda: made.proxy.start(waiting))
        return waiting

    return wait


def order(made):
    return [event[0] for event in made.events if event[0] in ("dial", "open", "on", "refused", "close")]


def test_a_connection_brings_its_fault_when_it_is_served(made, dial, arm):
    waiting = arm("delay", "connection", 2, values=(0.1, 0.0))
    dial()
    assert not waiting.on
    dial()
    assert said(made, "on") == [(1, 1, "1,2")]
    assert order(made) == ["dial", "open", "dial", "open", "on"]


def test_a_connection_that_brings_its_own_end_is_over_when_it_has_begun(made, arm, sockets, read_all, spin):
    arm("reset", "connection", 1)
    client = sockets.keep(socket.create_connection(made.address, 10.0))
    spin(lambda: said(made, "on"))
    assert read_all(client) == (b"", "RST")
    assert order(made) == ["dial", "open", "close", "on"]
    assert made.proxy.connections == {}


def test_a_dial_brings_its_fault_before_it_is_served(made, dial, arm):
    arm("stall", "dial", 2)
    dial()
    sock = socket.create_connection(made.address, 10.0)
    with sock:
        while not said(made, "on"):
            made.proxy._port.accept()
        assert said(made, "on") == [(1, 1, "1")]
        assert order(made) == ["dial", "open", "dial", "on"]


def test_a_dial_that_brings_a_refusal_is_refused_and_draws_no_lot(made, dial, arm, sockets, read_all, spin):
    waiting = arm("refuse", "dial", 2)
    dial()
    client = sockets.keep(socket.create_connection(made.address, 10.0))
    spin(lambda: said(made, "refused"))
    assert read_all(client) == (b"", "RST")
    assert said(made, "refused") == [(2, "refuse")]
    assert order(made)[2:] == ["dial", "on", "refused"]
    made.proxy.end(waiting)
    dial()
    assert [(connection.dial, connection.lot) for connection in made.proxy.connections.values()] == [(1, 1), (3, 2)]


def test_a_refused_dial_brings_its_fault_too(made, arm):
    made.proxy.start(fault("cut", 9))
    arm("stall", "dial", 2)
    made.watch.coming += ["127.0.0.1:8", "127.0.0.1:9"]
    made.watch.catch_up(socket.AF_INET)
    assert order(made) == ["on", "dial", "refused", "dial", "refused", "on"]


def test_a_dial_that_is_found_refused_while_the_port_opens_may_shut_it_again(made, arm, dial):
    """The cut that ends opens the port; in the midst of that the next one shuts it."""
    first = fault("cut", 9)
    made.proxy.start(first)
    second = arm("cut", "dial", 1)
    made.watch.coming.append("127.0.0.1:8")
    made.proxy.end(first)
    assert order(made) == ["on", "dial", "refused", "on"]
    assert not made.proxy._port.is_open
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(made.address, 10.0)
    made.proxy.end(second)
    dial()


def test_a_dial_that_waited_while_the_port_opened_may_shut_it_again(made, arm, sockets, spin, monkeypatch):
    first = fault("cut", 9)
    made.proxy.start(first)
    second = arm("cut", "dial", 1)
    keeper = made.proxy._port._keeper
    clients = []

    def listen(original=keeper.listen):
        listener = original()
        clients.append(sockets.keep(socket.create_connection(made.address, 10.0)))
        return listener

    monkeypatch.setattr(keeper, "listen", listen)
    made.proxy.end(first)
    spin(lambda: said(made, "refused"))
    assert said(made, "refused") == [(1, "cut")]
    assert not made.proxy._port.is_open
    monkeypatch.undo()
    made.proxy.end(second)


def test_the_background_brings_nothing(made, arm, sockets, spin):
    arm("stall", "dial", 1)
    arm("stall", "connection", 1, id_=2)
    arm("stall", "bytes", 0, "upstream", 1, id_=3)
    sock = sockets.keep(socket.socket())
    sock.bind((BACKGROUND, 0))
    sock.connect(made.address)
    spin(lambda: any(connection.is_open for connection in made.proxy.connections.values()))
    assert order(made) == []


def test_an_offset_brings_its_fault_with_both_directions_held_until_then(made, dial, arm, spin, monkeypatch):
    client = dial()
    arm("stall", "bytes", 3, "upstream", 1)
    monkeypatch.setattr(module, "_RESETTING", ("stall",))
    unconfirmed = [7]
    monkeypatch.setattr(module.sockets, "unconfirmed", lambda _: unconfirmed[0])
    connection = made.proxy.connections[1]
    client.sendall(b"abcdef")
    spin(lambda: connection.up.carried == 3)
    made.accepted.sendall(b"answer")
    spin(lambda: connection.down.received == 6 or connection.down.source.readable)
    assert connection.down.carried == 0
    assert order(made) == ["dial", "open"], "the receiver has not confirmed them"
    unconfirmed[0] = 0
    spin(lambda: said(made, "on"))
    assert (connection.up.carried, connection.down.carried) == (3, 0)
    made.proxy.end(made.proxy.faults[1])
    spin(lambda: (connection.up.carried, connection.down.carried) == (6, 6))
    assert connection.up._is_plain
    assert connection.down._is_plain


def test_a_peer_that_goes_while_its_bytes_are_unconfirmed_is_not_waited_for(
    made, dial, arm, spin, send_rst, monkeypatch
):
    client = dial()
    arm("reset", "bytes", 3, "upstream", 1)
    monkeypatch.setattr(module.sockets, "unconfirmed", lambda _: 7)
    connection = made.proxy.connections[1]
    client.sendall(b"abcdef")
    spin(lambda: connection.up.carried == 3)
    send_rst(made.accepted)
    spin(lambda: said(made, "on"))
    assert said(made, "close")[0][0] == 1


def test_a_fault_that_is_disarmed_at_its_offset_lets_everything_go_on(made, dial, arm, spin, monkeypatch):
    client = dial()
    waiting = arm("cut", "bytes", 3, "upstream", 1)
    monkeypatch.setattr(module.sockets, "unconfirmed", lambda _: 7)
    connection = made.proxy.connections[1]
    client.sendall(b"abcdef")
    spin(lambda: connection.up.carried == 3)
    made.proxy.disarm(waiting)
    spin(lambda: connection.up.carried == 6)
    made.accepted.sendall(b"answer")
    spin(lambda: connection.down.carried == 6)
    made.proxy.disarm(waiting)
    assert order(made) == ["dial", "open"]


def test_fences_are_in_place_before_a_fault_of_the_same_moment_lets_bytes_pass(made, arm, sockets, spin):
    arm("delay", "connection", 1, id_=1, values=(0.0, 0.0))
    arm("stall", "bytes", 2, "upstream", 1, id_=2)
    arm("stall", "bytes", 0, "downstream", 1, id_=3)
    client = sockets.keep(socket.create_connection(made.address, 10.0))
    client.sendall(b"abcdef")
    spin(lambda: len(said(made, "on")) == 2)
    connection = made.proxy.connections[1]
    assert [event[0] for event in said(made, "on")] == [1, 3]
    made.proxy.end(made.proxy.faults[3])
    spin(lambda: len(said(made, "on")) == 3)
    assert connection.up.carried == 2


@pytest.mark.parametrize(
    ("trigger", "seen"),
    [
        (("connection", 1), "the link has seen 1 connection"),
        (("dial", 1), "the link has seen 1 dial"),
        (("bytes", 4, "upstream", 1), "5 bytes have gone upstream on connection 1"),
    ],
)
def test_what_has_passed_is_refused(made, dial, arm, spin, trigger, seen):
    dial().sendall(b"hello")
    spin(lambda: made.proxy.connections[1].up.carried == 5)
    with pytest.raises(Passed, match=f"^{seen}$"):
        arm("cut", *trigger)
    made.proxy.disarm(fault("cut"))
    arm("cut", "bytes", 6, "upstream", 1)


def test_a_direction_or_a_connection_that_is_over_is_refused(made, dial, arm, spin):
    client = dial()
    client.sendall(b"hello")
    client.shutdown(socket.SHUT_WR)
    spin(lambda: made.proxy.connections[1].up.over)
    with pytest.raises(Passed, match=r"^connection 1 has ended upstream after 5 bytes$"):
        arm("cut", "bytes", 9, "upstream", 1)
    made.proxy.start(fault("reset", 2))
    with pytest.raises(Passed, match=r"^connection 1 is over$"):
        arm("cut", "bytes", 9, "upstream", 1)


def test_a_proxy_that_closes_brings_nothing_any_more(made, dial, arm):
    dial()
    arm("stall", "dial", 2)
    arm("cut", "bytes", 100, "upstream", 1, id_=2)
    with socket.create_connection(made.address, 10.0):
        made.proxy.close()
    assert said(made, "on") == []
