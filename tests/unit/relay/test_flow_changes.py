"""A flow whose stages change, or end it, while it is at work; and what it says of its bytes."""

from __future__ import annotations

import socket
from time import monotonic

import pytest
from tests.unit.relay.flows import assemble, ends, in_flight, pump, received

from pytest_netchaos.relay.flow import DROP, OPEN
from pytest_netchaos.relay.stages import Delay, Throttle
from pytest_netchaos.relay.toxics import Drop, Limit


@pytest.fixture
def made(fake_loop, sockets):
    return assemble(fake_loop, sockets.pair(), sockets.pair())


def late(latency):
    return lambda: Delay(latency, 0.0, lambda _: 0.0)


def test_bytes_are_received_wherever_they_are_now(made):
    made.client.sendall(b"carried")
    pump(made)
    made.flow.target.writable = False
    made.client.sendall(b"out")
    made.flow.source.readable = True
    made.flow.pump()
    assert (made.flow.carried, in_flight(made), made.flow.received) == (7, 3, 10)
    made.flow.set(OPEN, {1: late(100)})
    made.client.sendall(b"held")
    pump(made)
    assert (made.flow.carried, made.flow.dropped, made.flow.received) == (10, 0, 14)
    made.flow.set(DROP, {})
    made.client.sendall(b"lost")
    pump(made)
    assert (made.flow.carried, made.flow.dropped, made.flow.received) == (10, 8, 18)


def test_what_a_stage_drops_is_no_hole_of_a_black_hole(made):
    made.flow.set(OPEN, {1: Drop})
    made.client.sendall(b"abc")
    pump(made)
    assert (made.flow.dropped, made.flow.lost, made.flow.has_hole) == (3, 0, False)


def test_who_was_received_is_not_forgotten_when_the_flow_stops(made):
    made.flow.target.writable = False
    made.client.sendall(b"on its way")
    made.flow.pump()
    made.flow.stop()
    assert made.flow.received == 10
    assert received(made) == b""


def test_a_change_wakes_what_is_under_way_earlier(made):
    made.flow.set(OPEN, {1: late(100)})
    made.client.sendall(b"abc")
    pump(made)
    made.flow.change(1, (0.01, 0.0))
    made.flow.pump()
    *_, timer = made.loop.timers
    assert timer.when < monotonic() + 1
    while monotonic() < timer.when:
        pass
    timer.call()
    assert received(made) == b"abc"


def test_a_change_to_a_longer_delay_does_not_let_the_old_time_do(made):
    made.flow.set(OPEN, {1: late(0.0)})
    made.flow.set(OPEN, {1: late(0.0), 2: late(0.3)})
    made.client.sendall(b"abc")
    pump(made)
    made.flow.change(2, (100.0, 0.0))
    (timer,) = [timer for timer in made.loop.timers if timer.call is not None]
    while monotonic() < timer.when:
        pass
    timer.call()
    assert received(made) == b""
    assert made.loop.timers[-1].when > monotonic() + 90


def test_a_rate_of_nothing_resumes_when_it_is_changed(made):
    made.flow.set(OPEN, {1: lambda: Throttle(0)})
    made.client.sendall(b"abc")
    pump(made)
    assert (received(made), made.loop.timers) == (b"", [])
    made.flow.change(1, (1e9,))
    pump(made)
    while made.flow.carried < 3:
        made.flow.pump()
    assert received(made) == b"abc"


def test_a_severed_flow_reads_nothing_any_more_and_ends_with_a_close(made):
    made.flow.set(OPEN, {1: Drop})
    made.client.sendall(b"lost")
    pump(made)
    made.flow.sever(1)
    pump(made)
    assert ends(made) == ["CLOSE"]
    made.client.sendall(b"too late")
    pump(made)
    assert (received(made), made.flow.over, made.flow.dropped) == (b"", True, 4)


def test_what_is_past_the_cut_arrives_before_the_end(made):
    made.flow.target.writable = False
    made.client.sendall(b"past it")
    made.flow.pump()
    made.flow.set(OPEN, {1: Drop})
    made.flow.sever(1)
    made.flow.pump()
    assert (received(made), ends(made)) == (b"", [])
    pump(made)
    assert (received(made), made.flow.dropped, ends(made)) == (b"past it", 0, ["CLOSE"])


def test_what_is_before_the_cut_is_dropped_and_counted(made):
    made.flow.set(OPEN, {1: late(100), 2: Drop})
    made.client.sendall(b"held")
    made.client.shutdown(socket.SHUT_WR)
    pump(made)
    pump(made)
    made.flow.sever(2)
    pump(made)
    assert (made.flow.dropped, made.flow.received, ends(made)) == (4, 4, ["CLOSE"])


@pytest.mark.parametrize("key", [1, 2])
def test_a_flow_is_severed_by_its_own_stages_only_and_while_it_lasts(made, key):
    if key == 1:
        made.flow.set(OPEN, {1: late(0)})
        made.client.shutdown(socket.SHUT_WR)
        pump(made)
        pump(made)
        assert ends(made) == ["FIN"]
    made.flow.sever(key)
    pump(made)
    assert ends(made) == (["FIN"] if key == 1 else [])
    assert made.flow.over is (key == 1)


def test_a_limit_passes_its_bytes_and_then_closes(made):
    made.flow.set(OPEN, {1: lambda: Limit(5)})
    made.client.sendall(b"abc")
    pump(made)
    assert ends(made) == []
    made.client.sendall(b"defgh")
    pump(made)
    assert (received(made), ends(made)) == (b"abcde", ["CLOSE"])
    assert (made.flow.carried, made.flow.dropped, made.flow.received) == (5, 3, 8)


def test_a_severed_flow_that_has_not_come_to_its_end_reads_nothing_either(made):
    made.flow.set(OPEN, {1: Drop, 2: late(100)})
    made.flow.sever(1)
    made.client.sendall(b"too late")
    made.flow.pump()
    assert (made.flow.received, ends(made)) == (0, [])
