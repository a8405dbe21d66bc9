"""Delay and throttle: when bytes arrive. Lower bounds are exact, upper ones generous: never early, hardly late."""

from __future__ import annotations

import time

import pytest

LATE = 2.0  # seconds: what a starved machine may add


def round_trip(client, server, data=b"x"):
    started = time.monotonic()
    client.send(data)
    assert server.receives(data)
    server.send(data)
    assert client.receives(data)
    return time.monotonic() - started


@pytest.mark.parametrize(("direction", "passes"), [("upstream", 1), ("downstream", 1), ("both", 2)])
def test_delay_is_one_way_and_never_early(world, direction, passes):
    client, server = world.pair()
    with world.link.delay(0.1, direction=direction):
        for _ in range(3):
            took = round_trip(client, server)
            assert 0.1 * passes <= took < 0.1 * passes + LATE
    assert min(round_trip(client, server) for _ in range(10)) < 0.1


def test_delay_of_many_messages_is_a_pipeline_and_not_a_queue(world):
    client, server = world.pair()
    with world.link.delay(0.2, direction="upstream"):
        started = time.monotonic()
        for number in range(50):
            client.send(b"%02d" % number)
        assert server.receives(b"".join(b"%02d" % number for number in range(50)))
        assert 0.2 <= time.monotonic() - started < 0.2 + LATE


def test_jitter_stays_in_its_bounds_and_keeps_the_order(world):
    client, server = world.pair()
    with world.link.delay(0.03, 0.03, direction="upstream"):
        for number in range(30):
            started = time.monotonic()
            client.send(b"%02d" % number)
            assert server.receives(b"%02d" % number)
            assert time.monotonic() - started < 0.06 + LATE
        for number in range(99):
            client.send(b"%02d" % number)
        assert server.receives(b"".join(b"%02d" % number for number in range(99)))


def test_delay_holds_the_fin_back_behind_the_bytes(world):
    client, server = world.pair()
    with world.link.delay(0.1):
        started = time.monotonic()
        client.send(b"bye")
        client.close()
        assert server.receives(b"bye")
        assert server.ends_with() == "FIN"
        assert time.monotonic() - started >= 0.1


def test_healing_a_delay_delivers_what_is_under_way_at_once_and_in_order(world):
    client, server = world.pair()
    fault = world.link.delay(30.0)
    client.send(b"one ")
    assert server.sees() == "silence"
    fault.heal()
    client.send(b"two")
    assert server.receives(b"one two")


@pytest.mark.parametrize("towards", ["server", "client"])
def test_throttle_lets_no_more_than_its_rate_through(world, pattern, towards):
    client, server = world.pair()
    sender, receiver = (client, server) if towards == "server" else (server, client)
    data = pattern(50_000)
    with world.link.throttle(100_000):
        started = time.monotonic()
        sender.send(data)
        assert receiver.read(len(data)) == data
        assert 0.5 <= time.monotonic() - started < 0.5 + LATE


def test_throttle_is_for_each_connection(world, pattern):
    pairs = [world.pair() for _ in range(4)]
    data = pattern(20_000)
    with world.link.throttle(100_000, direction="upstream"):
        started = time.monotonic()
        for client, _ in pairs:
            client.send(data)
        for _, server in pairs:
            assert server.read(len(data)) == data
        assert 0.2 <= time.monotonic() - started < 0.6 + LATE


def test_throttle_pushes_back_on_the_sender(world):
    client, server = world.pair()
    client.sock.setblocking(False)
    with world.link.throttle(1000, direction="upstream"):
        taken = 0
        with pytest.raises(BlockingIOError):
            while taken < 256 << 20:
                taken += client.sock.send(bytes(1 << 20))
    client.sock.settimeout(10)
    assert len(server.read(taken)) == taken


@pytest.mark.unlike_toxiproxy("what the throttle let through in a stall comes all at once after it", strict=False)
def test_throttle_goes_on_at_its_rate_after_a_stall(world, pattern):
    client, server = world.pair()
    data = pattern(60_000)
    with world.link.throttle(50_000, direction="upstream"):
        started = time.monotonic()
        client.send(data)
        assert server.receives(data[:1])
        world.link.stall(for_=0.6).wait()  # 30,000 bytes' worth of time, of which 7,500 come back at most
        assert server.receives(data[1:])
        # 0.002: the stall may have begun within a quantum, and only what comes after it was held up
        assert 1.8 - 0.15 - 0.002 <= time.monotonic() - started < 1.8 + LATE


def test_delay_and_throttle_add_up(world, pattern):
    client, server = world.pair()
    data = pattern(20_000)
    with world.link.delay(0.2, direction="upstream"), world.link.throttle(100_000, direction="upstream"):
        started = time.monotonic()
        client.send(data)
        assert server.read(len(data)) == data
        assert 0.4 <= time.monotonic() - started < 0.4 + LATE


def test_taking_one_of_two_delays_away_keeps_the_order(world):
    client, server = world.pair()
    first, second = world.link.delay(20), world.link.delay(10)
    client.send(b"abc")
    assert server.sees() == "silence"
    first.heal()
    client.send(b"def")
    assert server.sees() == "silence"
    second.heal()
    assert server.receives(b"abcdef")
