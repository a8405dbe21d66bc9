"""Toxics that let every byte through, in their own time: never early, hardly late."""

from __future__ import annotations

import time

import pytest
from tests.conformance.toxics.rig import DIAGONAL, LATE, in_pieces


def test_noop_changes_nothing(rig, stream, when, data):
    sender, receiver = rig.poisoned(when, "noop", stream)
    sender.send(data)
    assert receiver.receives(data)
    receiver.send(data)
    assert sender.receives(data)


def test_latency_is_one_way_and_never_early(rig, stream, when):
    sender, receiver = rig.poisoned(when, "latency", stream, latency=100)
    for number in range(3):
        started = time.monotonic()
        sender.send(b"%d" % number)
        assert receiver.receives(b"%d" % number)
        assert 0.1 <= time.monotonic() - started < 0.1 + LATE
        started = time.monotonic()
        receiver.send(b"back")
        assert sender.receives(b"back")
        assert time.monotonic() - started < 0.1 + LATE


def test_the_direction_that_a_latency_is_not_on_is_not_late(rig, stream):
    sender, receiver = rig.poisoned("live", "latency", stream, latency=30_000)
    receiver.send(b"back")
    assert sender.receives(b"back")


def test_latency_of_many_messages_is_a_pipeline_and_not_a_queue(rig, stream):
    sender, receiver = rig.poisoned("live", "latency", stream, latency=200)
    started = time.monotonic()
    for number in range(50):
        sender.send(b"%02d" % number)
    assert receiver.receives(b"".join(b"%02d" % number for number in range(50)))
    assert 0.2 <= time.monotonic() - started < 0.2 + LATE


def test_jitter_stays_in_its_bounds_and_keeps_the_order(rig, stream):
    sender, receiver = rig.poisoned("live", "latency", stream, latency=30, jitter=20)
    for number in range(20):
        started = time.monotonic()
        sender.send(b"%02d" % number)
        assert receiver.receives(b"%02d" % number)
        assert 0.01 <= time.monotonic() - started < 0.05 + LATE
    for number in range(99):
        sender.send(b"%02d" % number)
    assert receiver.receives(b"".join(b"%02d" % number for number in range(99)))


def test_a_fin_alone_is_not_delayed(rig, stream, when):
    sender, receiver = rig.poisoned(when, "latency", stream, latency=30_000)
    sender.finish()
    assert receiver.ends_with() == "FIN"


def test_what_was_sent_before_a_fin_is_delayed_and_arrives_before_it(rig, stream, when):
    sender, receiver = rig.poisoned(when, "latency", stream, latency=200)
    started = time.monotonic()
    sender.send(b"bye")
    sender.finish()
    assert receiver.receives(b"bye")
    assert receiver.ends_with() == "FIN"
    assert 0.2 <= time.monotonic() - started < 0.2 + LATE


def test_bandwidth_lets_no_more_than_its_rate_through(rig, stream, when, data):
    sender, receiver = rig.poisoned(when, "bandwidth", stream, rate=100)
    started = time.monotonic()
    sender.send(data)
    assert receiver.receives(data)
    assert 0.5 <= time.monotonic() - started < 0.5 + LATE


def test_bandwidth_is_for_each_connection(rig, data):
    pairs = [rig.live_pair() for _ in range(4)]
    rig.add("bandwidth", "upstream", rate=100)
    started = time.monotonic()
    for client, _ in pairs:
        client.send(data)
    for _, server in pairs:
        assert server.receives(data)
    assert 0.5 <= time.monotonic() - started < 0.5 + LATE


def test_a_rate_of_nothing_stalls(rig, stream, when):
    sender, receiver = rig.poisoned(when, "bandwidth", stream, rate=0)
    sender.send(b"held")
    assert receiver.sees() == "silence"


def test_slow_close_holds_the_end_and_no_byte(rig, stream, when):
    sender, receiver = rig.poisoned(when, "slow_close", stream, delay=300)
    started = time.monotonic()
    sender.send(b"bye")
    sender.finish()
    assert receiver.receives(b"bye")
    assert time.monotonic() - started < 0.3 + LATE
    assert receiver.ends_with() == "FIN"
    assert 0.3 <= time.monotonic() - started < 0.3 + LATE


def test_slow_close_lets_bytes_through_at_once(rig, stream, when, data):
    sender, receiver = rig.poisoned(when, "slow_close", stream, delay=30_000)
    sender.send(data)
    assert receiver.receives(data)


@DIAGONAL
@pytest.mark.parametrize("variation", [0, 8])
def test_slicer_cuts_into_small_pieces_with_a_pause_after_each(rig, stream, when, variation):
    sender, receiver = rig.poisoned(when, "slicer", stream, average_size=20, size_variation=variation, delay=400_000)
    data = bytes(range(60))
    started = time.monotonic()
    sender.send(data)
    pieces = list(in_pieces(receiver, len(data)))
    took = time.monotonic() - started
    assert b"".join(pieces) == data
    assert len(pieces) >= 60 / (20 + variation)
    assert max(map(len, pieces)) <= 20 + variation
    # A receiver that doesn't get the processor for 0.4 s reads two pieces as one.
    assert (len(pieces) - 1) * 0.4 <= took < len(pieces) * 0.4 + LATE


def test_slicer_keeps_the_order_of_much_data(rig, stream, data):
    sender, receiver = rig.poisoned("live", "slicer", stream, average_size=100, size_variation=50)
    sender.send(data)
    sender.finish()
    assert receiver.receives(data)
    assert receiver.ends_with() == "FIN"
