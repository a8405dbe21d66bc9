"""Random decisions are functions of seed, fault, direction, connection, chunk and step, whatever else happens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netchaos.relay.chain import Chain
from pytest_netchaos.relay.fault import DOWN, UP, Fault, stages
from pytest_netchaos.relay.rhythm import once

#: Seconds between two chunks: longer than any delay, so that none waits for the one before it.
APART = 10.0
CHUNK = bytes(200)
CONNECTIONS = range(1, 4)
CHUNKS = 5
FLOWS = [(connection, direction) for connection in CONNECTIONS for direction in (UP, DOWN)]
TURNS = [flow for flow in FLOWS for _ in range(CHUNKS)]


def jitter(seed, id_=1, toxicity=1.0):
    return Fault(id_, "latency", once(), seed=seed, toxicity=toxicity, values=(1.0, 1.0))


def slicer(seed, id_=1, toxicity=1.0):
    return Fault(id_, "slicer", once(), seed=seed, toxicity=toxicity, values=(20.0, 19.0, 0.0))


def other(seed, id_):
    """A fault that draws too, and leaves bytes and times alone."""
    return Fault(id_, "latency", once(), seed=seed, toxicity=0.5, values=(0.0, 0.0))


def play(fault, order, others=()):
    """Run chunks through the stages of several connections.

    Args:
        fault: The one whose decisions count.
        order: Whose turn it is, each time.
        others: At which turn another fault comes or goes, and where: before the one that counts, or behind.

    Returns:
        When after its chunk each piece came, and how large it was: for each chunk of each connection and direction.
    """
    chains = {flow: Chain() for flow in FLOWS}
    found = {flow: [] for flow in FLOWS}
    beside = {}

    def apply(now):
        before = [each for each, is_first in beside.values() if is_first]
        behind = [each for each, is_first in beside.values() if not is_first]
        for (connection, direction), chain in chains.items():
            assert chain.adopt(stages([*before, fault, *behind], connection, direction), now) == []

    apply(0.0)
    for turn, flow in enumerate(order):
        now = turn * APART
        for at, id_, is_first in others:
            if at == turn:
                if beside.pop(id_, None) is None:
                    beside[id_] = (other(fault.seed, id_), is_first)
                apply(now)
        if not fault.hits(flow[0]):  # what others do there is theirs
            found[flow].append("spared")
            continue
        chain = chains[flow]
        chain.push(now, CHUNK)
        found[flow].append(pieces := [])
        while (due := chain.due()) is not None:
            piece = chain.pop(due)
            if piece is not None:
                pieces.append((round(due - now, 6), len(piece)))
    return found


orders = st.permutations(TURNS)
changes = st.lists(st.tuples(st.integers(0, len(TURNS)), st.integers(2, 5), st.booleans()), max_size=8)
seeds = st.integers(0, 2**63 - 1)


@settings(max_examples=25, deadline=None)
@given(seeds, orders, changes)
@pytest.mark.parametrize("make", [jitter, slicer])
@pytest.mark.parametrize("toxicity", [1.0, 0.5])
def test_decisions_do_not_hang_on_the_order_of_connections_or_on_other_faults(make, toxicity, seed, order, others):
    assert play(make(seed, toxicity=toxicity), order, others) == play(make(seed, toxicity=toxicity), TURNS)


@settings(max_examples=40, deadline=None)
@given(seeds, seeds)
@pytest.mark.parametrize("make", [jitter, slicer])
def test_other_seeds_and_faults_decide_otherwise(make, seed, other_seed):
    first = play(make(seed), TURNS)
    if other_seed != seed:
        assert play(make(other_seed), TURNS) != first
    assert play(make(seed, id_=2), TURNS) != first


@settings(max_examples=40, deadline=None)
@given(seeds)
@pytest.mark.parametrize("make", [jitter, slicer])
def test_each_chunk_of_each_connection_and_direction_has_decisions_of_its_own(make, seed):
    found = [chunk for chunks in play(make(seed), TURNS).values() for chunk in chunks]
    assert all(one != another for number, one in enumerate(found) for another in found[:number])


@settings(max_examples=40, deadline=None)
@given(seeds, st.floats(0, 1), st.floats(0, 1))
def test_who_is_hit_hangs_on_seed_fault_and_connection_alone(seed, one, another):
    low, high = sorted((one, another))
    few, many = jitter(seed, toxicity=low), slicer(seed, toxicity=high)
    assert [few.hits(n) for n in range(64)] == [few.hits(n) for n in range(64)]
    assert all(many.hits(n) for n in range(64) if few.hits(n)), "a larger share has the smaller one in it"
