"""Several toxics on one direction of a connection."""

from __future__ import annotations

import time

import pytest
from tests.conformance.toxics.rig import DIAGONAL, LATE, sender_first


@pytest.fixture
def chain(rig, stream, when):
    """Make a chain of toxics before or after connecting; returns the sender and the receiver."""

    def make(*toxics):
        pair = rig.live_pair() if when == "live" else ()
        for number, (type_, has) in enumerate(toxics, 1):
            rig.add(type_, stream, name=f"t{number}", **has)
        return sender_first(pair or rig.pair(), stream)

    return make


@DIAGONAL
@pytest.mark.parametrize("count", [2, 3])
def test_latencies_add_up(chain, rig, count):
    sender, receiver = chain(*[("latency", {"latency": 100})] * count)
    started = time.monotonic()
    sender.send(b"x")
    assert receiver.receives(b"x")
    assert 0.1 * count - rig.early <= time.monotonic() - started < 0.1 * count + LATE


@DIAGONAL
@pytest.mark.parametrize("first", ["latency", "bandwidth"])
def test_a_latency_and_a_bandwidth_add_up(chain, rig, first, data):
    both = [("latency", {"latency": 200}), ("bandwidth", {"rate": 200})]
    sender, receiver = chain(*(both if first == "latency" else both[::-1]))
    started = time.monotonic()
    sender.send(data)
    assert receiver.receives(data)
    # The first bytes have gone on by then that the rate has let through: 200 ms and 250 ms overlap only with that.
    assert (0.45 if first == "latency" else 0.25) - rig.early <= time.monotonic() - started < 0.45 + LATE


@DIAGONAL
def test_a_limit_counts_the_bytes_of_a_slicer_and_a_latency_delays_what_it_lets_through(chain, data):
    sender, receiver = chain(
        ("slicer", {"average_size": 700, "size_variation": 100}),
        ("limit_data", {"bytes": 12_345}),
        ("latency", {"latency": 200}),
    )
    started = time.monotonic()
    sender.send(data)
    assert receiver.read(len(data)) == data[:12_345]
    assert 0.2 <= time.monotonic() - started < 0.2 + LATE
    assert receiver.ends_with() == "FIN"


@DIAGONAL
def test_a_slow_close_after_a_latency_holds_the_end_behind_the_bytes(chain):
    sender, receiver = chain(("latency", {"latency": 100}), ("slow_close", {"delay": 200}))
    started = time.monotonic()
    sender.send(b"bye")
    sender.finish()
    assert receiver.receives(b"bye")
    assert time.monotonic() - started >= 0.1
    assert receiver.ends_with() == "FIN"
    assert 0.3 <= time.monotonic() - started < 0.3 + LATE


@DIAGONAL
def test_what_the_first_of_two_toxics_held_goes_on_in_order_when_it_is_taken_away(chain, rig, data):
    sender, receiver = chain(("bandwidth", {"rate": 0}), ("noop", {}))
    sender.send(data)
    assert receiver.sees() == "silence"
    rig.remove("t1")
    sender.send(b"and more")
    assert receiver.receives(data + b"and more")


@DIAGONAL
@pytest.mark.unlike_toxiproxy("a toxic that comes or goes makes the one before it let go", strict=False)
@pytest.mark.parametrize("change", ["comes", "goes"])
def test_a_toxic_that_comes_or_goes_lets_its_neighbour_be(chain, rig, stream, change):
    sender, receiver = chain(("latency", {"latency": 1500}), *[("noop", {})] * (change == "goes"))
    started = time.monotonic()
    sender.send(b"x")
    assert receiver.sees() == "silence"
    if change == "goes":
        rig.remove("t2")
    else:
        rig.add("noop", stream, name="t2")
    assert receiver.receives(b"x")
    assert 1.5 <= time.monotonic() - started < 1.5 + LATE


@DIAGONAL
@pytest.mark.unlike_toxiproxy("a toxic that comes makes the one before it let go")
def test_a_stall_holds_while_other_toxics_come_and_go(chain, rig, stream, data):
    sender, receiver = chain(("bandwidth", {"rate": 0}))
    sender.send(data)
    for name in ("t2", "t3"):
        rig.add("latency", stream, name=name)
    rig.remove("t2")
    assert receiver.sees() == "silence"
    rig.update("t1", rate=1000)
    assert receiver.receives(data)


def test_toxics_of_both_directions_do_not_meet(rig, when):
    pair = rig.live_pair() if when == "live" else ()
    rig.add("latency", "upstream", latency=200)
    rig.add("bandwidth", "downstream", rate=0)
    client, server = pair or rig.pair()
    started = time.monotonic()
    client.send(b"up")
    server.send(b"down")
    assert server.receives(b"up")
    assert time.monotonic() - started >= 0.2
    assert client.sees() == "silence"
    rig.remove("bandwidth_downstream")
    assert client.receives(b"down")


def test_the_api_lists_the_upstream_chain_first_and_each_in_its_order(rig):
    for name, stream in (("c", "downstream"), ("b", "upstream"), ("a", "downstream"), ("d", "upstream")):
        rig.add("noop", stream, name=name)
    assert rig.toxics() == ["b", "d", "c", "a"]


@DIAGONAL
def test_a_chain_of_everything_that_passes_bytes_keeps_them_whole(chain, data):
    sender, receiver = chain(
        ("noop", {}),
        ("latency", {"latency": 20, "jitter": 20}),
        ("slicer", {"average_size": 1000, "size_variation": 900}),
        ("bandwidth", {"rate": 1000}),
        ("slow_close", {"delay": 50}),
        ("limit_data", {"bytes": 1 << 30}),
    )
    started = time.monotonic()
    sender.send(data)
    sender.finish()
    assert receiver.receives(data)
    assert receiver.ends_with() == "FIN"
    assert 0.1 <= time.monotonic() - started < 0.1 + LATE
