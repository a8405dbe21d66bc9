"""Toxicity: the share of connections that a toxic is on. Decided once for each connection, by the seed."""

from __future__ import annotations

import pytest
from tests.conformance.peers import silent, without_news

MANY = 40


@pytest.fixture
def pairs(rig):
    """Many live connections."""
    return [rig.live_pair() for _ in range(MANY)]


def hit(pairs, spared=()):
    """The numbers of the connections on which a byte to the client doesn't arrive.

    Args:
        pairs: Both ends of each connection.
        spared: Numbers that are known to be spared: the bytes of the others may hold one another up.
    """
    for _, server in pairs:
        server.send(b"x")
    clients = [client for client, _ in pairs]
    quiet = silent(clients, MANY - len(spared)) if spared else settled(clients)
    for number, client in enumerate(clients):
        assert client in quiet or client.receives(b"x"), number
    return {number for number, client in enumerate(clients) if client in quiet}


def settled(clients):
    """Who has nothing to read, when for a while nobody has got anything more."""
    quiet = clients
    while (fewer := silent(quiet, len(quiet))) and len(fewer) < len(quiet):
        quiet = fewer
    return fewer


@pytest.mark.parametrize("when", ["live", "new"])
def test_a_toxicity_of_1_is_on_every_connection_and_of_0_on_none(rig, stream, when):
    for toxicity in (0.0, 1.0):
        pairs = [rig.live_pair() for _ in range(5)] if when == "live" else []
        name = rig.add("bandwidth", stream, toxicity=toxicity, rate=0)
        pairs = pairs or [rig.pair() for _ in range(5)]
        for client, server in pairs:
            (client if stream == "upstream" else server).send(b"x")
        receivers = [pair[1] if stream == "upstream" else pair[0] for pair in pairs]
        assert len(silent(receivers, 5 * int(toxicity))) == 5 * toxicity
        rig.remove(name)


@pytest.mark.unlike_toxiproxy("at toxicity 0 it still turns every close into an RST")
def test_a_reset_of_toxicity_0_resets_nobody(rig):
    rig.add("reset_peer", toxicity=0.0, timeout=0)
    client, server = rig.live_pair()
    server.close()
    assert client.ends_with() == "FIN"


def test_a_toxicity_of_a_half_is_on_some_connections_and_wholly(rig, pairs):
    rig.add("bandwidth", toxicity=0.5, rate=0)
    first = hit(pairs)
    assert MANY * 0.1 < len(first) < MANY * 0.9
    assert hit(pairs) == first


@pytest.mark.unlike_toxiproxy("an unrelated toxic that comes or goes has it rolled again")
def test_who_is_hit_is_not_rolled_again_when_another_toxic_comes_or_goes(rig, pairs):
    rig.add("bandwidth", toxicity=0.5, rate=0)
    first = hit(pairs)
    rig.add("noop", name="another")
    assert hit(pairs) == first
    rig.remove("another")
    assert hit(pairs) == first


@pytest.mark.unlike_toxiproxy("a change has it rolled again")
def test_a_raised_toxicity_only_adds_connections(rig, pairs):
    rig.add("bandwidth", toxicity=0.5, rate=0)
    first = hit(pairs)
    rig.update("bandwidth_downstream", toxicity=0.8)
    second = hit(pairs)
    assert first < second
    rig.update("bandwidth_downstream", toxicity=0.5)
    for number in second - first:
        assert pairs[number][0].receives(b"x"), "what was held goes on"
    assert hit(pairs) == first


def test_who_is_hit_no_longer_gets_what_was_held(rig, pairs):
    rig.add("bandwidth", toxicity=0.5, rate=0)
    hit_ones = hit(pairs)
    rig.update("bandwidth_downstream", toxicity=0.0)
    for number in hit_ones:
        assert pairs[number][0].receives(b"x")
    assert hit(pairs) == set()


@pytest.mark.unlike_toxiproxy("its -seed has no effect")
def test_the_same_seed_hits_the_same_connections_in_two_runs(serve):
    runs = []
    for seed in (7, 7, 8):
        rig = serve(seed)
        rig.add("bandwidth", toxicity=0.5, rate=0)
        runs.append(hit([rig.pair() for _ in range(MANY)]))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.unlike_toxiproxy("its -seed has no effect")
def test_what_else_happens_changes_nothing_in_who_is_hit(serve):
    """Other proxies and toxics, dials that were refused, and the order in which connections speak."""
    plain, busy = serve(7), serve(7)
    plain.add("bandwidth", toxicity=0.5, rate=0)
    expected = hit([plain.pair() for _ in range(MANY)])
    busy.server.call("POST", "/proxies", {"name": "another", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"})
    busy.add("latency", name="earlier", toxicity=0.5, latency=1, jitter=1)
    busy.set(enabled=False)
    with pytest.raises(ConnectionRefusedError):
        busy.dial()
    busy.set(enabled=True)
    busy.add("bandwidth", toxicity=0.5, rate=0)
    pairs = [busy.pair() for _ in range(MANY)]
    busy.remove("earlier")
    busy.add("noop", "upstream", toxicity=0.5)
    assert hit(pairs) == expected
    for client, server in reversed(pairs):
        client.send(b"y")
        assert server.receives(b"y")
    assert {number for number, (client, _) in enumerate(pairs) if client in without_news([client], 0)} == set(
        range(MANY)
    )
    assert hit(pairs) == expected
