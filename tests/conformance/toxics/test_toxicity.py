"""Toxicity: the share of connections that a toxic is on. Decided once for each connection, by the seed."""

from __future__ import annotations

import pytest
from tests.conformance.peers import silent
from tests.conformance.toxics.shares import MANY, hit


@pytest.fixture
def pairs(rig):
    """Many live connections."""
    return [rig.live_pair() for _ in range(MANY)]


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
