"""What a proxy does to live connections when a fault changes, comes back or the proxy is switched off."""

from __future__ import annotations

import socket

import pytest
from tests.unit.relay.proxied import assemble, dialler, fault, said, take_down

from pytest_netchaos.relay.fault import DOWN, UP


@pytest.fixture
def made(loop, sockets, reserve):
    made = assemble(loop, sockets, reserve)
    yield made
    take_down(made)


@pytest.fixture
def dial(made, sockets, spin):
    return dialler(made, sockets, spin)


def hit(made):
    """The numbers of the connections that have a stage."""
    return {number for number, connection in made.proxy.connections.items() if connection.down.chain}


def latency(seconds=100.0, toxicity=1.0, **more):
    return fault("latency", values=(seconds, 0.0), toxicity=toxicity, direction=DOWN, **more)


def test_a_value_that_changes_is_for_bytes_under_way_and_for_who_comes(made, dial, spin):
    client, toxic = dial(), latency()
    server = made.accepted
    made.proxy.start(toxic)
    server.sendall(b"held")
    spin(lambda: made.proxy.connections[1].down.received == 4)
    made.proxy.update(toxic, (0.0, 0.0), 1.0)
    spin(lambda: made.proxy.connections[1].down.carried == 4)
    assert client.recv(9) == b"held"
    late = dial()
    made.accepted.sendall(b"at once")
    spin(lambda: made.proxy.connections[2].down.carried == 7)
    assert late.recv(9) == b"at once"


def test_what_a_limit_has_counted_is_not_forgotten_when_it_is_raised(made, dial, spin, read_all):
    client, toxic = dial(), fault("limit_data", values=(6.0,), direction=DOWN)
    made.proxy.start(toxic)
    made.accepted.sendall(b"abcd")
    spin(lambda: made.proxy.connections[1].down.carried == 4)
    made.proxy.update(toxic, (8.0,), 1.0)
    made.accepted.sendall(b"efghij")
    spin(lambda: said(made, "close"))
    assert read_all(client) == (b"abcdefgh", "FIN")


def test_a_raised_toxicity_only_adds_connections_and_a_lowered_one_only_lets_go(made, dial):
    toxic = latency(toxicity=0.3, seed=5)
    made.proxy.start(toxic)
    for _ in range(12):
        dial()
    few = hit(made)
    stages = {number: made.proxy.connections[number].down.chain._stages[0][1] for number in few}
    made.proxy.update(toxic, toxic.values, 0.8)
    many = hit(made)
    assert few < many < set(range(1, 13))
    assert all(made.proxy.connections[number].down.chain._stages[0][1] is stage for number, stage in stages.items())
    made.proxy.update(toxic, toxic.values, 0.3)
    assert hit(made) == few
    made.proxy.update(toxic, toxic.values, 0.0)
    assert hit(made) == set()


def test_who_a_toxicity_lets_go_gets_what_was_held(made, dial, spin):
    client, toxic = dial(), latency()
    made.proxy.start(toxic)
    made.accepted.sendall(b"held")
    spin(lambda: made.proxy.connections[1].down.received == 4)
    made.proxy.update(toxic, toxic.values, 0.0)
    assert client.recv(9) == b"held"
    assert len(made.proxy.connections) == 1


@pytest.mark.parametrize("has_lost", [False, True])
def test_a_timeout_that_is_toned_down_closes_who_has_lost_bytes(made, dial, spin, read_all, has_lost):
    client, toxic = dial(), fault("timeout", values=(0.0,), direction=DOWN)
    made.proxy.start(toxic)
    if has_lost:
        made.accepted.sendall(b"lost")
        spin(lambda: made.proxy.connections[1].down.dropped == 4)
    made.proxy.update(toxic, (0.0,), 0.0)
    if has_lost:
        spin(lambda: said(made, "close"))
        assert read_all(client) == (b"", "FIN")
        assert said(made, "close") == [(1, "fault", "FIN", "timeout")]
    else:
        made.accepted.sendall(b"whole")
        spin(lambda: made.proxy.connections[1].down.carried == 5)
        assert client.recv(9) == b"whole"


def test_a_timeout_that_only_changes_its_toxicity_keeps_its_time(made, dial):
    dial()
    toxic = fault("timeout", values=(100.0,), direction=DOWN)
    made.proxy.start(toxic)
    timers = made.proxy.connections[1]._deadlines._timers
    before = timers[1]
    made.proxy.update(toxic, (100.0,), 1.0)
    assert timers[1] is before
    made.proxy.update(toxic, (200.0,), 1.0)
    assert timers[1] is not before
    assert before.call is None


def test_a_timeout_that_is_taken_back_closes_the_connections_that_it_was_on(made, dial, spin, read_all):
    client, toxic = dial(), fault("timeout", values=(0.0,), direction=DOWN)
    made.proxy.start(toxic)
    made.proxy.end(toxic)
    spin(lambda: said(made, "close"))
    assert read_all(client) == (b"", "FIN")
    dial()
    assert made.proxy.faults == {}


def test_a_timeout_that_is_taken_back_leaves_the_connections_alone_that_it_was_not_on(made, dial, spin, send_rst):
    toxic = fault("timeout", values=(0.0,), direction=DOWN, toxicity=0.5, seed=3)
    clients = [dial() for _ in range(8)]
    spared = {number for number in range(1, 9) if not toxic.hits(number)}
    assert 0 < len(spared) < len(clients)
    made.proxy.start(toxic)
    made.proxy.end(toxic)
    spin(lambda: set(made.proxy.connections) == spared)
    first = min(spared)
    send_rst(clients[first - 1])
    spin(lambda: first not in made.proxy.connections)
    assert said(made, "close")[-1] == (first, "client", "RST", ""), "the fault has nothing to do with it"


@pytest.mark.parametrize("kind", ["latency", "bandwidth", "reset_peer"])
def test_what_a_stage_holds_goes_on_when_its_fault_is_taken_back(made, dial, spin, kind):
    values = {"latency": (100.0, 0.0), "bandwidth": (0.0,), "reset_peer": (100.0,)}[kind]
    client, toxic = dial(), fault(kind, values=values, direction=DOWN)
    made.proxy.start(toxic)
    made.accepted.sendall(b"held")
    spin(lambda: made.proxy.connections[1].down.received == 4)
    assert made.proxy.connections[1].down.carried == 0
    made.proxy.end(toxic)
    assert client.recv(9) == b"held"


def test_a_fault_that_was_taken_back_is_taken_back_once(made, dial):
    dial()
    toxic = fault("timeout", values=(0.0,))
    made.proxy.end(toxic)
    assert len(made.proxy.connections) == 1


def test_hanging_up_closes_who_is_there_and_lets_in_who_comes(made, dial, read_all):
    client = dial()
    made.proxy.hang_up()
    assert said(made, "close") == [(1, "link", "FIN", "the proxy was disabled")]
    assert read_all(client) == (b"", "FIN")
    assert read_all(made.accepted) == (b"", "FIN")
    dial()


def test_hanging_up_does_not_wait_for_bytes_under_way(made, dial, spin, read_all):
    client = dial()
    connection = made.proxy.connections[1]
    made.proxy.start(latency())
    made.accepted.sendall(b"held")
    spin(lambda: connection.down.received == 4)
    made.proxy.hang_up()
    assert read_all(client) == (b"", "FIN")


@pytest.mark.parametrize("data", [b"", b"unread"])
def test_who_waits_for_an_upstream_gets_a_fin_when_the_proxy_hangs_up(made, sockets, spin, read_all, data):
    made.proxy.start(fault("stall", direction=UP))
    client = sockets.keep(socket.create_connection(made.address, 10.0))
    client.sendall(data)
    spin(lambda: made.proxy.connections)
    made.proxy.hang_up()
    assert read_all(client) == (b"", "FIN")


def test_the_order_of_the_stages_is_that_in_which_the_faults_came(made, dial):
    dial()
    for id_, kind, values in ((7, "latency", (1.0, 0.0)), (2, "bandwidth", (1000.0,)), (5, "slow_close", (1.0,))):
        made.proxy.start(fault(kind, id_, values=values, direction=DOWN))
    assert [key for key, _ in made.proxy.connections[1].down.chain._stages] == [7, 2, 5]
    dial()
    assert [key for key, _ in made.proxy.connections[2].down.chain._stages] == [7, 2, 5]
