"""Slice and limit: bytes in small pieces, and connections that end after so many of them."""

from __future__ import annotations

import time

import pytest
from tests.conformance.peers import all_closed

LATE = 2.0
#: Seconds. A receiver that doesn't get the processor for so long reads two pieces as one.
PAUSE = 0.4


def sender_first(pair, direction):
    return pair if direction == "upstream" else pair[::-1]


def pieces(peer, count):
    """What each read gives, until there are so many bytes."""
    found = []
    while sum(map(len, found)) < count:
        found.append(peer.sock.recv(1 << 16))
        assert found[-1]
    return found


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("variation", [0, 8])
def test_slice_delivers_small_pieces_with_a_pause_after_each(world, direction, variation):
    sender, receiver = sender_first(world.pair(), direction)
    data = bytes(range(60))
    with world.link.slice(20, variation, pause=PAUSE, direction=direction):
        started = time.monotonic()
        sender.send(data)
        found = pieces(receiver, len(data))
        took = time.monotonic() - started
    assert b"".join(found) == data
    assert len(found) >= 60 / (20 + variation)
    assert max(map(len, found)) <= 20 + variation
    assert (len(found) - 1) * PAUSE <= took < len(found) * PAUSE + LATE


def test_slice_is_for_both_directions_and_keeps_the_order_of_much_data(world, pattern):
    client, server = world.pair()
    data = pattern(50_000)
    with world.link.slice(500, 499):
        for sender, receiver in ((client, server), (server, client)):
            sender.send(data)
            assert receiver.receives(data)


def test_a_slice_that_is_healed_delivers_the_rest_at_once(world, pattern):
    client, server = world.pair()
    data = pattern(20_000)
    with world.link.slice(10, pause=0.2):
        client.send(data)
        assert server.receives(data[:1])
    started = time.monotonic()
    assert server.receives(data[1:])
    assert time.monotonic() - started < LATE


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("count", [1, 1000, 40_000])
def test_limit_lets_exactly_its_bytes_through_and_closes(world, engine, pattern, direction, count):
    sender, receiver = sender_first(world.pair(), direction)
    data = pattern(50_000)
    world.link.limit(count, direction=direction)
    sender.send(data)
    assert receiver.read(len(data)) == data[:count]
    assert receiver.ends_with() == "FIN"
    # Toxiproxy hangs up on bytes that it hasn't read, or that come too late: its system answers those with an RST.
    assert sender.drains_to() in (("FIN",) if engine.startswith("embedded") else ("FIN", "RST"))


def test_limit_closes_with_its_last_byte_and_is_told_as_the_reason(world):
    client, server = world.pair()
    fault = world.link.limit(6)
    client.send(b"abcdef")
    assert server.receives(b"abcdef")
    assert [server.ends_with(), client.ends_with()] == ["FIN", "FIN"]
    client.close()
    server.close()
    (connection,) = world.link.wait_for(all_closed).connections
    assert (connection.closed_by, connection.close_how, connection.close_reason) == ("fault", "FIN", "limit")
    assert connection.bytes_up == 6
    assert fault.hits == (1,)


def test_limit_counts_each_direction_of_each_connection_from_when_it_met_it(world):
    first, second = world.pair(), world.pair()
    for client, server in (first, second):
        client.send(b"before")
        assert server.receives(b"before")
    world.link.limit(5)
    for client, server in (first, second):
        client.send(b"1234")
        assert server.receives(b"1234")
        server.send(b"56789")
        assert client.receives(b"56789")
        assert client.ends_with() == "FIN"
    client, server = world.pair()
    client.send(b"abcdefgh")
    assert server.read(9) == b"abcde"


def test_a_limit_of_0_closes_at_the_first_byte(world):
    client, server = world.pair()
    world.link.limit(0, direction="upstream")
    assert [client.sees(), server.sees()] == ["silence", "silence"]
    client.send(b"x")
    assert [server.ends_with(), client.ends_with()] == ["FIN", "FIN"]


def test_a_limit_that_is_healed_in_time_closes_nothing(world, pattern):
    client, server = world.pair()
    with world.link.limit(10):
        client.send(b"123456789")
        assert server.receives(b"123456789")
    data = pattern(50_000)
    client.send(data)
    assert server.receives(data)


def test_a_limit_behind_a_delay_and_a_slice_counts_the_same_bytes(world, pattern):
    client, server = world.pair()
    data = pattern(20_000)
    for inject in (lambda: world.link.slice(700, 100), lambda: world.link.limit(12_345), lambda: world.link.delay(0.1)):
        inject()
    started = time.monotonic()
    client.send(data)
    assert server.read(len(data)) == data[:12_345]
    assert time.monotonic() - started >= 0.1
    assert server.ends_with() == "FIN"


@pytest.mark.beyond_toxiproxy
def test_a_limit_is_on_the_share_of_connections_that_the_seed_says(world):
    pairs = [world.pair() for _ in range(20)]
    fault = world.link.limit(3, direction="upstream", toxicity=0.5)
    for client, _ in pairs:
        client.send(b"abcd")
    got = [server.read(4 if number not in fault.hits else 9) for number, (_, server) in enumerate(pairs, 1)]
    assert 0 < len(fault.hits) < len(pairs)
    assert got == [b"abc" if number in fault.hits else b"abcd" for number in range(1, 21)]
