from __future__ import annotations

import contextlib
import select
import socket

import pytest
from tests.unit.relay.flows import assemble, in_flight, pump, received

from pytest_netchaos.relay import flow as module
from pytest_netchaos.relay.flow import CHUNK, DROP, HOLD, MOST_WRITES, OPEN, TURN
from pytest_netchaos.relay.stages import BROKEN, FIN, RST, Delay, Throttle


@pytest.fixture
def made(fake_loop, sockets):
    return assemble(fake_loop, sockets.pair(), sockets.pair())


def test_bytes_are_carried_and_counted(made):
    made.client.sendall(b"hello")
    made.flow.pump()
    assert received(made) == b"hello"
    assert (made.flow.carried, made.flow.lost, in_flight(made)) == (5, 0, 0)
    assert not made.flow.source.readable, "a short read has emptied the socket"


def test_nothing_is_read_while_there_is_no_target(made):
    target, made.flow.target.sock = made.flow.target.sock, None
    made.client.sendall(b"early")
    made.flow.pump()
    made.flow.target.sock = target
    made.flow.pump()
    assert received(made) == b"early"


def test_a_full_target_gets_the_rest_in_order_when_it_has_room(made):
    made.flow.target.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    made.client.setblocking(False)
    data = bytes(range(256)) * 4096
    sent, got = 0, b""
    was_full = False
    while len(got) < len(data):
        with contextlib.suppress(BlockingIOError):
            sent += made.client.send(data[sent : sent + 50_000]) if sent < len(data) else 0
        pump(made)
        was_full = was_full or in_flight(made) > 0
        assert in_flight(made) <= CHUNK
        got += received(made)
        assert made.flow.carried == len(got)
    assert was_full
    assert got == data


def test_a_target_that_is_full_stops_the_reading(made):
    made.flow.target.writable = False
    made.client.sendall(b"abc")
    made.flow.pump()
    assert (made.flow.carried, in_flight(made)) == (0, 3)
    made.client.sendall(b"def")
    made.flow.source.readable = True
    made.flow.pump()
    assert in_flight(made) == 3, "what can't go on isn't read"
    pump(made)
    assert received(made) == b"abcdef"


def test_a_fin_comes_after_the_bytes(made):
    made.client.sendall(b"bye")
    made.client.close()
    made.flow.source.finished = True
    made.flow.target.writable = False
    made.flow.pump()
    assert made.ends == []
    pump(made)
    pump(made)
    assert received(made) == b"bye"
    assert made.ends == [FIN]
    assert made.flow.over


def test_an_rst_is_passed_on_as_one(fake_loop, sockets, send_rst):
    made = assemble(fake_loop, sockets.tcp_pair(), sockets.pair())
    send_rst(made.client)
    select.select([made.flow.source.sock], [], [], 10)
    pump(made)
    pump(made)
    assert len(made.ends) == 1
    assert made.ends[0] is RST


def test_a_target_that_is_gone_ends_the_flow_and_has_its_own_side_say_so(made):
    made.server.close()
    made.client.sendall(b"into the void")
    made.flow.target.readable = False
    made.flow.pump()
    assert made.flow.over
    assert made.flow.target.broken
    assert made.flow.target.readable
    assert made.ends == [BROKEN]
    pump(made)
    assert made.flow.carried == 0


def test_a_held_flow_reads_nothing_and_goes_on_in_order(made):
    made.flow.set(HOLD, {})
    made.client.sendall(b"one ")
    pump(made)
    made.client.sendall(b"two")
    pump(made)
    assert received(made) == b""
    made.flow.set(OPEN, {})
    made.flow.pump()
    assert received(made) == b"one two"
    assert made.flow.lost == 0


@pytest.mark.parametrize("first", ["close", "drop"])
def test_a_close_is_lost_in_a_black_hole_and_the_source_is_still_listened_to(made, first):
    made.client.sendall(b"held")
    made.flow.set(HOLD if first == "close" else DROP, {})
    made.flow.close()
    made.flow.set(DROP, {})
    pump(made)
    made.client.sendall(b" and more")
    pump(made)
    assert (made.flow.lost, made.flow.lost_end, made.flow.has_hole) == (13, True, True)
    assert made.ends == []
    assert received(made) == b""


def test_a_close_without_bytes_is_lost_in_a_black_hole(made):
    made.flow.set(DROP, {})
    made.flow.close()
    made.flow.set(OPEN, {})
    pump(made)
    assert (made.flow.has_hole, made.ends) == (True, [])


def test_a_dropped_flow_swallows_and_counts(made):
    made.flow.set(DROP, {})
    made.client.sendall(b"lost")
    pump(made)
    assert (made.flow.lost, made.flow.lost_end, made.flow.carried) == (4, False, 0)
    made.client.close()
    pump(made)
    assert made.flow.lost_end
    assert made.ends == []
    assert received(made) == b""


def test_a_black_hole_takes_what_is_under_way_too(made):
    made.flow.set(OPEN, {1: lambda: Delay(100, 0, None)})
    made.client.sendall(b"abc")
    pump(made)
    made.client.close()
    pump(made)
    assert in_flight(made) == 3
    made.flow.set(DROP, {1: lambda: None})
    assert (made.flow.lost, made.flow.lost_end, in_flight(made)) == (3, True, 0)


def test_a_delayed_chunk_waits_for_its_timer(made, monkeypatch):
    now = 100.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    made.flow.set(OPEN, {1: lambda: Delay(0.02, 0, None)})
    made.client.sendall(b"abc")
    pump(made)
    (timer,) = made.loop.timers
    assert timer.when == 100.02
    now = 100.019
    pump(made)
    assert (received(made), in_flight(made)) == (b"", 3)
    now = timer.when
    timer.call()
    assert received(made) == b"abc"
    assert len(made.loop.timers) == 1, "one timer is enough"


def test_a_fin_waits_behind_delayed_bytes(made):
    made.flow.set(OPEN, {1: lambda: Delay(100, 0, None)})
    made.client.sendall(b"abc")
    made.client.close()
    made.flow.source.finished = True
    pump(made)
    assert made.ends == []
    made.flow.set(OPEN, {})
    made.flow.pump()
    assert received(made) == b"abc"
    assert made.ends == [FIN]


def test_a_full_stage_leaves_the_rest_with_the_sender(made):
    made.flow.set(OPEN, {1: lambda: Throttle(1)})
    made.client.setblocking(False)
    written = 0
    for _ in range(50):
        with contextlib.suppress(BlockingIOError):
            written += made.client.send(bytes(CHUNK))
        pump(made)
    assert in_flight(made) <= 2 * CHUNK
    assert written < 50 * CHUNK


def test_close_passes_on_what_has_arrived_and_then_a_fin(made):
    made.client.sendall(b"before")
    made.flow.close()
    made.flow.pump()
    made.flow.pump()
    assert received(made) == b"before"
    assert made.ends == [FIN]


def test_close_without_bytes_is_a_fin_at_once(made):
    made.flow.close()
    made.flow.pump()
    assert made.ends == [FIN]


def test_a_stopped_flow_carries_nothing_and_forgets_its_timer(made):
    made.flow.set(OPEN, {1: lambda: Delay(100, 0, None)})
    made.client.sendall(b"abc")
    pump(made)
    made.flow.stop()
    assert made.loop.timers[0].call is None
    made.client.sendall(b"def")
    pump(made)
    assert received(made) == b""
    assert made.ends == []


@pytest.mark.parametrize("gate", [OPEN, DROP])
def test_long_work_shares_the_loop(made, gate, monkeypatch):
    assert TURN > 1
    monkeypatch.setattr(module, "TURN", 2)
    monkeypatch.setattr(module, "_buffer", bytearray(10))
    monkeypatch.setattr(module, "_view", memoryview(module._buffer))
    monkeypatch.setattr(module, "CHUNK", 10)
    made.flow.set(gate, {})
    made.client.sendall(bytes(45))
    made.flow.pump()
    assert len(made.loop.ready) == 1
    assert 0 < made.flow.carried + made.flow.lost < 45
    while made.loop.ready:
        made.loop.run_ready()
    assert made.flow.carried + made.flow.lost == 45
    assert (made.flow.lost == 45) is (gate == DROP)


def test_a_black_hole_that_is_still_at_work_survives_the_end_of_its_connection(made, monkeypatch):
    monkeypatch.setattr(module, "TURN", 1)
    monkeypatch.setattr(module, "CHUNK", 10)
    monkeypatch.setattr(module, "_buffer", bytearray(10))
    made.flow.set(DROP, {})
    made.client.sendall(bytes(45))
    made.flow.pump()
    made.flow.stop()  # as Connection._finish does
    made.flow.source.sock = made.flow.target.sock = None  # as Connection._release does
    made.loop.run_ready()
    assert made.flow.lost == 10
    assert made.loop.ready == []


def test_a_target_that_is_fuller_than_it_was_said_to_be_loses_nothing(made):
    made.flow.target.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    filling = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            filling += b"x" * made.flow.target.sock.send(b"x" * 1000)
    made.client.sendall(b"abc")
    pump(made)
    assert (made.flow.carried, in_flight(made)) == (0, 3)
    assert not made.flow.target.writable
    assert received(made) == filling
    pump(made)
    assert received(made) == b"abc"
    assert made.flow.carried == 3
    assert made.flow._out == (), "an idle flow keeps no queue"


def test_flows_without_faults_share_a_chain_and_one_with_a_fault_has_its_own(fake_loop, sockets):
    one, other = (assemble(fake_loop, sockets.pair(), sockets.pair()) for _ in range(2))
    one.flow.set(OPEN, {1: lambda: Delay(100, 0, None)})
    assert one.flow.chain
    assert not other.flow.chain
    other.client.sendall(b"at once")
    pump(other)
    assert received(other) == b"at once"


def test_close_before_there_is_a_source_does_nothing(made):
    made.flow.source.sock = None
    made.flow.close()
    made.flow.pump()
    assert made.ends == []


def test_a_flow_has_one_turn_to_come_however_often_it_is_asked_to_go_on(made, monkeypatch):
    monkeypatch.setattr(module, "TURN", 1)
    monkeypatch.setattr(module, "CHUNK", 10)
    monkeypatch.setattr(module, "_buffer", bytearray(10))
    monkeypatch.setattr(module, "_view", memoryview(module._buffer))
    made.client.sendall(bytes(45))
    for _ in range(3):
        made.flow.pump()
    assert made.flow.carried == 10
    assert len(made.loop.ready) == 1


# Gulping behind a gate


def test_behind_a_hold_gate_a_flow_that_gulps_hoards_and_one_that_does_not_reads_nothing(made):
    made.flow.set(HOLD, {})
    made.client.sendall(b"kept")
    pump(made)
    assert in_flight(made) == 0
    made.flow.gulps = True
    pump(made)
    made.client.sendall(b" in order")
    made.client.shutdown(socket.SHUT_WR)
    pump(made)
    pump(made)
    assert (received(made), made.ends, made.flow.carried) == (b"", [], 0)
    assert in_flight(made) == len(b"kept in order") + len(FIN)
    made.flow.gulps = False
    made.flow.set(OPEN, {})
    pump(made)
    assert (received(made), made.ends, made.flow.carried) == (b"kept in order", [FIN], 13)


def test_a_hoard_takes_turns_with_the_others(made):
    made.flow.set(HOLD, {})
    made.flow.gulps = True
    made.client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            made.client.send(bytes(CHUNK))
    made.flow.source.readable = made.flow.source.finished = True
    made.flow.pump()
    made.flow.pump()
    assert in_flight(made) <= TURN * CHUNK
    assert len(made.loop.ready) == 1


def test_many_small_chunks_are_written_in_several_turns(made, fake_loop):
    for _ in range(3 * MOST_WRITES):
        made.flow._queue(b"x")
    made.flow.pump()
    assert made.flow.carried == MOST_WRITES
    for _ in range(2):
        fake_loop.run_ready()
    assert made.flow.carried == 3 * MOST_WRITES
