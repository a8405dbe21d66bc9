"""Stall and blackhole: connections that look alive, and what becomes of their bytes."""

from __future__ import annotations

import threading

import pytest
from tests.conformance.peers import silent


def ends(world, direction):
    """The sender and the receiver of a direction, and then those of the other one."""
    client, server = world.pair()
    return (client, server, server, client) if direction == "upstream" else (server, client, client, server)


unlike = pytest.mark.unlike_toxiproxy
both_ways = pytest.mark.parametrize("direction", ["upstream", "downstream"])


@both_ways
def test_stall_keeps_bytes_and_delivers_them_in_order(world, direction):
    sender, receiver, _, _ = ends(world, direction)
    sender.send(b"before ")
    assert receiver.receives(b"before ")
    with world.link.stall():
        for number in range(100):
            sender.send(b"%03d" % number)
        assert receiver.sees() == "silence"
    assert receiver.receives(b"".join(b"%03d" % number for number in range(100)))


@both_ways
def test_stall_of_one_direction_leaves_the_other_alone(world, direction):
    sender, receiver, back_sender, back_receiver = ends(world, direction)
    with world.link.stall(direction=direction):
        sender.send(b"held")
        back_sender.send(b"free")
        assert back_receiver.receives(b"free")
        assert receiver.sees() == "silence"
    assert receiver.receives(b"held")


def test_stall_loses_nothing_of_a_large_transfer(world, pattern):
    client, server = world.pair()
    data = pattern(16 << 20)
    thread = threading.Thread(target=client.send, args=(data,))
    thread.start()
    half = server.read(1 << 20)
    with world.link.stall():
        pass
    with world.link.stall():
        pass
    assert half + server.read(len(data) - len(half)) == data
    thread.join()


@both_ways
@pytest.mark.parametrize("how", ["FIN", pytest.param("RST", marks=unlike("it passes an RST on as a FIN"))])
def test_stall_holds_the_end_of_a_connection_back(world, direction, how):
    sender, receiver, _, _ = ends(world, direction)
    with world.link.stall():
        sender.send(b"and this")
        if how == "FIN":
            sender.close()
        else:
            sender.reset()
        assert receiver.sees() == "silence"
    if how == "FIN":
        assert receiver.receives(b"and this")
    assert receiver.drains_to() == how


def test_a_connection_made_during_a_stall_works_after_it(world):
    with world.link.stall():
        client = world.dial()
        client.send(b"hello")
        assert client.sees() == "silence"
        assert [dial.outcome for dial in world.link.dials] == ["pending"]
    server = world.accept()
    assert server.receives(b"hello")


@both_ways
def test_blackhole_drops_bytes_and_heals_into_a_reset(world, direction):
    sender, receiver, _, _ = ends(world, direction)
    with world.link.blackhole():
        sender.send(b"lost")
        assert (receiver.sees(), sender.sees()) == ("silence", "silence")
    assert (receiver.ends_with(), sender.ends_with()) == ("RST", "RST")
    (connection,) = world.link.connections
    assert (connection.closed_by, connection.close_reason) == ("fault", "blackhole took 4 bytes")
    assert (connection.lost_up, connection.lost_down) == ((4, 0) if direction == "upstream" else (0, 4))


def test_blackhole_spares_a_connection_that_lost_nothing(world):
    client, server = world.pair()
    with world.link.blackhole():
        assert (client.sees(), server.sees()) == ("silence", "silence")
    client.send(b"alive")
    assert server.receives(b"alive")


@both_ways
def test_blackhole_of_one_direction_leaves_the_other_alone(world, direction):
    sender, receiver, back_sender, back_receiver = ends(world, direction)
    with world.link.blackhole(direction=direction):
        sender.send(b"lost")
        back_sender.send(b"free")
        assert back_receiver.receives(b"free")
        assert receiver.sees() == "silence"
    assert back_sender.ends_with() == "RST"


@unlike("a FIN passes, and an RST as a FIN")
@both_ways
@pytest.mark.parametrize("how", ["close", "reset"])
def test_blackhole_hides_the_end_of_a_connection(world, direction, how):
    sender, receiver, _, _ = ends(world, direction)
    with world.link.blackhole():
        getattr(sender, how)()
        assert receiver.sees() == "silence"
    assert receiver.ends_with() == "RST"


@pytest.mark.beyond_toxiproxy
@pytest.mark.parametrize("sent", [b"", b"lost"], ids=["idle", "busy"])
def test_blackhole_takes_the_fin_of_a_close_too_and_heals_into_a_reset(world, sent):
    client, server = world.pair()
    with world.link.blackhole():
        client.send(sent)
        world.link.close()
        assert (client.sees(), server.sees()) == ("silence", "silence")
        client.send(bytes(64 << 20))  # nobody has told it
    assert (client.ends_with(), server.ends_with()) == ("RST", "RST")


@pytest.mark.beyond_toxiproxy
def test_blackhole_of_one_direction_takes_the_fin_of_a_close_in_that_direction(world):
    client, server = world.pair()
    with world.link.blackhole(direction="upstream"):
        world.link.close()
        assert client.ends_with() == "FIN"
        assert server.sees() == "silence"
    assert server.ends_with() == "RST"


@pytest.mark.beyond_toxiproxy
def test_stall_holds_the_fin_of_a_close_back_behind_the_bytes(world):
    client, server = world.pair()
    with world.link.stall():
        client.send(b"held")
        world.link.close()
        assert server.sees() == "silence"
    assert server.receives(b"held")
    assert (server.ends_with(), client.ends_with()) == ("FIN", "FIN")


def test_a_sender_into_a_blackhole_never_blocks(world):
    client, _ = world.pair()
    with world.link.blackhole():
        client.send(bytes(64 << 20))  # more than all the buffers on the way hold


def test_a_connection_made_during_a_blackhole_is_accepted_and_dead(world):
    with world.link.blackhole():
        client = world.dial()
        client.send(b"hello")
        assert client.sees() == "silence"
    assert client.ends_with() == "RST"


def test_a_silent_connection_made_during_a_blackhole_works_after_it(world):
    with world.link.blackhole():
        client = world.dial()
        assert client.sees() == "silence"
    client.send(b"hello")
    assert world.accept().receives(b"hello")


@pytest.mark.beyond_toxiproxy
def test_toxicity_stalls_a_share_of_the_connections(world):
    pairs = [world.pair() for _ in range(30)]
    fault = world.link.stall(toxicity=0.5)
    servers = [server for _, server in pairs]
    for client, _ in pairs:
        client.send(b"x")
    stalled = silent(servers, len(fault.hits))
    assert {servers.index(server) + 1 for server in stalled} == set(fault.hits)
    assert 1 <= len(stalled) <= 29
