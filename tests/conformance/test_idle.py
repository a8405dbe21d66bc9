"""An idle time-out: who is silent gets a FIN, and who talks lives on."""

from __future__ import annotations

import time

import pytest
from tests.conformance.peers import all_closed, without_news

from pytest_netchaos import Delay, IdleTimeout

pytestmark = pytest.mark.beyond_toxiproxy

LATE = 5.0


def test_a_silent_connection_is_closed_after_its_time_and_not_before(world):
    client, server = world.pair()
    fault = world.link.idle_timeout(0.4)
    assert [client.ends_with(), server.ends_with()] == ["FIN", "FIN"]
    assert 0.4 <= time.monotonic() - fault.at < 0.4 + LATE
    client.close()
    server.close()
    (connection,) = world.link.wait_for(all_closed).connections
    assert (connection.closed_by, connection.close_how, connection.close_reason) == ("fault", "FIN", "idle_timeout")
    assert connection.closed_at >= fault.at + 0.4
    assert fault.hits == (1,)


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_bytes_in_either_direction_keep_a_connection_and_its_silent_neighbour_goes(world, direction):
    (talking, heard), (silent, _) = world.pair(), world.pair()
    sender, receiver = (talking, heard) if direction == "upstream" else (heard, talking)
    world.link.idle_timeout(1.5)
    while without_news([silent], 0.02):
        sender.send(b"x")
        assert receiver.receives(b"x")
    assert [talking.sees(), heard.sees()] == ["silence", "silence"]
    assert talking.ends_with() == "FIN", "it is silent now"


def test_what_a_connection_has_to_deliver_still_arrives(world):
    client, server = world.pair()
    world.link.delay(0.3, direction="upstream")
    world.link.idle_timeout(0.1)
    client.send(b"late")
    assert server.receives(b"late")
    assert server.ends_with() == "FIN"


def test_each_new_connection_has_its_own_time(world):
    world.link.idle_timeout(0.3)
    for _ in range(3):
        started = time.monotonic()
        client, _ = world.pair()
        assert client.ends_with() == "FIN"
        assert time.monotonic() - started >= 0.3
    assert world.link.history().outages == (), "who dials again is served at once"


def test_a_healed_idle_timeout_closes_nobody(world):
    client, server = world.pair()
    with world.link.idle_timeout(60):
        client.send(b"x")
        assert server.receives(b"x")
    assert [client.sees(), server.sees()] == ["silence", "silence"]


def test_it_composes_with_other_faults(world):
    client, _ = world.pair()
    world.link.inject(IdleTimeout(0.2))
    world.link.inject(Delay(0.01))
    assert client.ends_with() == "FIN"


def test_it_is_on_the_share_of_connections_that_the_seed_says(world):
    pairs = [world.pair() for _ in range(20)]
    fault = world.link.idle_timeout(0.2, toxicity=0.5)
    for number in fault.hits:
        assert pairs[number - 1][0].ends_with() == "FIN"
    spared = [client for number, (client, _) in enumerate(pairs, start=1) if number not in fault.hits]
    assert 0 < len(spared) < 20
    assert {client.sees() for client in spared} == {"silence"}


def test_a_connection_whose_bytes_are_slow_to_pass_is_not_idle(world):
    client, server = world.pair()
    world.link.throttle(40_000, direction="upstream")
    world.link.idle_timeout(0.6)
    client.send(bytes(80_000))
    assert server.receives(bytes(80_000)), "for 2 s nothing is read, and each moment something is delivered"
    server.send(b"thanks")
    assert client.receives(b"thanks")
