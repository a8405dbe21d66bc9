"""Toxics that change, or are taken away, while connections live and bytes are under way."""

from __future__ import annotations

import time

import pytest
from tests.conformance.toxics.rig import DIAGONAL, LATE

HOUR = 3_600_000  # in ms: it never ends by itself


@DIAGONAL
def test_a_shorter_latency_is_for_what_is_under_way(rig, stream, when):
    sender, receiver = rig.poisoned(when, "latency", stream, latency=HOUR)
    sender.send(b"held")
    assert receiver.sees() == "silence"
    rig.update(f"latency_{stream}", latency=50)
    assert receiver.receives(b"held")


def test_another_latency_is_for_what_comes(rig, stream):
    sender, receiver = rig.poisoned("live", "latency", stream, latency=20)
    rig.update(f"latency_{stream}", latency=300)
    started = time.monotonic()
    sender.send(b"x")
    assert receiver.receives(b"x")
    assert 0.3 <= time.monotonic() - started < 0.3 + LATE


@pytest.mark.unlike_toxiproxy("a change lets go of what is under way", strict=False)
def test_a_longer_latency_is_for_what_is_under_way(rig, stream):
    sender, receiver = rig.poisoned("live", "latency", stream, latency=1500)
    started = time.monotonic()
    sender.send(b"x")
    rig.update(f"latency_{stream}", latency=2000)
    assert receiver.receives(b"x")
    assert 2.0 <= time.monotonic() - started < 2.0 + LATE


@DIAGONAL
def test_a_rate_of_nothing_resumes_without_loss(rig, stream, when, data):
    sender, receiver = rig.poisoned(when, "bandwidth", stream, rate=0)
    sender.send(data)
    assert receiver.sees() == "silence"
    rig.update(f"bandwidth_{stream}", rate=10_000)
    assert receiver.receives(data)


@pytest.mark.unlike_toxiproxy("what it holds passes at once, whatever the new rate", strict=False)
def test_what_a_stall_held_goes_on_at_the_new_rate(rig, stream, data):
    sender, receiver = rig.poisoned("live", "bandwidth", stream, rate=0)
    sender.send(data)
    assert receiver.sees() == "silence"
    started = time.monotonic()
    rig.update(f"bandwidth_{stream}", rate=100)
    assert receiver.receives(data)
    assert 0.5 <= time.monotonic() - started < 0.5 + LATE


@DIAGONAL
def test_a_limit_that_is_raised_has_not_forgotten_what_it_counted(rig, stream, when):
    sender, receiver = rig.poisoned(when, "limit_data", stream, bytes=6)
    sender.send(b"abcd")
    assert receiver.receives(b"abcd")
    rig.update(f"limit_data_{stream}", bytes=8)
    sender.send(b"efghij")
    assert receiver.read(9) == b"efgh"


@DIAGONAL
def test_a_timeout_that_changes_counts_from_the_change(rig, stream, when):
    sender, receiver = rig.poisoned(when, "timeout", stream, timeout=HOUR)
    started = time.monotonic()
    rig.update(f"timeout_{stream}", timeout=200)
    assert receiver.ends_with() == "FIN"
    assert sender.ends_with() == "FIN"
    assert 0.2 <= time.monotonic() - started < 0.2 + LATE


@DIAGONAL
@pytest.mark.unlike_toxiproxy("it waits for the next byte")
def test_a_reset_that_changes_comes_at_its_new_time(rig, stream, when):
    sender, receiver = rig.poisoned(when, "reset_peer", stream, timeout=HOUR)
    rig.update(f"reset_peer_{stream}", timeout=0)
    assert receiver.ends_with() == "RST"
    assert sender.ends_with() == "RST"


@DIAGONAL
def test_a_slow_close_that_changes_is_for_the_end_that_waits(rig, stream, when):
    sender, receiver = rig.poisoned(when, "slow_close", stream, delay=HOUR)
    sender.finish()
    assert receiver.sees() == "silence"
    rig.update(f"slow_close_{stream}", delay=0)
    assert receiver.ends_with() == "FIN"


def test_an_update_changes_only_what_it_names(rig):
    rig.add("latency", latency=100, jitter=20)
    rig.update("latency_downstream", jitter=10)
    (toxic,) = rig.server.call("GET", f"{rig.path}/toxics")
    assert toxic["attributes"] == {"latency": 100, "jitter": 10}


# Taken away.


@DIAGONAL
@pytest.mark.parametrize(("toxic", "has"), [("latency", {"latency": HOUR}), ("bandwidth", {"rate": 0})])
def test_what_a_toxic_held_goes_on_in_order_when_it_is_taken_away(rig, stream, when, toxic, has, data):
    sender, receiver = rig.poisoned(when, toxic, stream, **has)
    for start in range(0, len(data), 10_000):
        sender.send(data[start : start + 10_000])
    assert receiver.sees() == "silence"
    rig.remove(f"{toxic}_{stream}")
    sender.send(b"and more")
    assert receiver.receives(data + b"and more")


@DIAGONAL
def test_a_slicer_that_is_taken_away_gives_the_rest_at_once(rig, stream, when, data):
    sender, receiver = rig.poisoned(when, "slicer", stream, average_size=10, delay=100_000)
    sender.send(data)
    assert receiver.receives(data[:1])
    rig.remove(f"slicer_{stream}")
    started = time.monotonic()
    assert receiver.receives(data[1:])
    assert time.monotonic() - started < LATE


@DIAGONAL
def test_an_end_that_a_slow_close_held_goes_on_when_it_is_taken_away(rig, stream, when):
    sender, receiver = rig.poisoned(when, "slow_close", stream, delay=HOUR)
    sender.finish()
    assert receiver.sees() == "silence"
    rig.remove(f"slow_close_{stream}")
    assert receiver.ends_with() == "FIN"


@DIAGONAL
@pytest.mark.parametrize("timeout", [0, HOUR])
def test_a_timeout_that_is_taken_away_closes_its_connections(rig, stream, when, timeout):
    sender, receiver = rig.poisoned(when, "timeout", stream, timeout=timeout)
    rig.remove(f"timeout_{stream}")
    assert receiver.ends_with() == "FIN"
    assert sender.ends_with() == "FIN"
    assert [peer.send(b"x") for peer in rig.live_pair()] == [None, None]


@DIAGONAL
def test_a_limit_that_is_taken_away_closes_nothing(rig, stream, when, data):
    sender, receiver = rig.poisoned(when, "limit_data", stream, bytes=10)
    sender.send(b"123456789")
    assert receiver.receives(b"123456789")
    rig.remove(f"limit_data_{stream}")
    sender.send(data)
    assert receiver.receives(data)


@DIAGONAL
def test_a_reset_that_is_taken_away_before_its_time_resets_nothing(rig, stream, when, data):
    sender, receiver = rig.poisoned(when, "reset_peer", stream, timeout=HOUR)
    rig.remove(f"reset_peer_{stream}")
    sender.send(data)
    assert receiver.receives(data)


@DIAGONAL
@pytest.mark.unlike_toxiproxy("it drops what came, and removing it waits until its time")
def test_what_a_reset_held_goes_on_when_it_is_taken_away(rig, stream, when, data):
    sender, receiver = rig.poisoned(when, "reset_peer", stream, timeout=HOUR)
    sender.send(data)
    assert receiver.sees() == "silence"
    rig.remove(f"reset_peer_{stream}")
    assert receiver.receives(data)
