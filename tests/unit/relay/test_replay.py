"""The windows of a fault that begin where they were recorded, against a proxy with real sockets."""

from __future__ import annotations

import contextlib
import socket
from time import monotonic

import pytest
from tests.unit.relay.proxied import assemble, dialler, fault, said, take_down

from pytest_netchaos.relay.marks import Mark
from pytest_netchaos.relay.replay import Replay
from pytest_netchaos.relay.rhythm import flap

LONG = 600.0


@pytest.fixture
def made(loop, sockets, reserve):
    assembled = assemble(loop, sockets, reserve)
    yield assembled
    take_down(assembled)


@pytest.fixture
def dial(made, sockets, spin):
    return dialler(made, sockets, spin)


@pytest.fixture
def begin(made, loop):
    """Have a fault begin with marks; return its schedule."""

    def begin(kind, *marks, patience=LONG, windows=None, **more):
        waiting = fault(kind, **more)
        if windows is not None:
            waiting.windows = windows
        emit = lambda *fields: made.events.append(fields)  # noqa: E731 - of the proxy's events
        schedule = Replay(loop, emit, made.proxy, waiting, lambda: None, [*marks], patience)
        schedule.begin()
        return schedule

    return begin


def places(made):
    """How far the connections had come at each strike."""
    return [event[8] for event in made.events if event[0] == "on"]


def test_a_strike_waits_for_its_byte_in_each_direction(made, dial, begin, spin):
    client = dial()
    begin("stall", Mark(0.0, None, 1, {1: (5, 3)}))
    client.sendall(b"123456789")
    assert made_recv(made, spin, 5) == b"12345"
    assert said(made, "on") == []
    made.accepted.sendall(b"abcdef")
    spin(lambda: said(made, "on"))
    assert places(made) == ["5:3"]


def made_recv(made, spin, count):
    got = bytearray()
    made.accepted.setblocking(False)

    def more():
        with contextlib.suppress(BlockingIOError):
            got.extend(made.accepted.recv(100))
        return len(got) >= count

    spin(more)
    return bytes(got)


def test_a_connection_that_comes_later_is_stopped_from_its_first_byte(made, dial, begin, spin):
    begin("cut", Mark(0.0, None, 1, {1: (0, 0)}))
    dial()
    spin(lambda: said(made, "on"))
    assert places(made) == ["0:0"]


def test_one_that_met_nobody_comes_with_the_next_dial(made, begin, sockets, spin):
    begin("cut", Mark(LONG, None, 0, {}))
    sockets.keep(socket.create_connection(made.address, 10.0))
    spin(lambda: said(made, "on"))
    spin(lambda: said(made, "refused"))
    assert said(made, "on") == [(1, 1, "")]


def test_one_that_met_nobody_comes_in_its_time_and_when_nobody_is_there(made, dial, begin, spin):
    client = dial()
    begin("cut", Mark(0.0, None, 0, {}))
    assert said(made, "on") == []
    client.close()
    made.accepted.close()
    spin(lambda: said(made, "on"))
    assert said(made, "on") == [(1, 1, "")]


def test_what_doesnt_come_to_its_place_is_struck_all_the_same(made, dial, begin, spin):
    dial()
    begin("stall", Mark(0.0, None, 1, {1: (1000, 0)}), patience=0.01)
    spin(lambda: said(made, "on"))
    assert places(made) == ["0:0"]


def test_a_place_that_was_passed_is_struck_at_once(made, dial, begin, spin):
    client = dial()
    client.sendall(b"12345")
    assert made_recv(made, spin, 5) == b"12345"
    begin("stall", Mark(0.0, None, 1, {1: (3, 0)}))
    spin(lambda: said(made, "on"))
    assert places(made) == ["5:0"]


def test_what_passes_in_a_window_doesnt_pass_the_next_place(made, dial, begin, spin):
    client = dial()
    windows = flap(1, (0.05, 0.05), (LONG, LONG), 2)
    begin("delay", None, Mark(0.0, None, 1, {1: (4, 0)}), windows=windows, values=(0.0, 0.0))
    client.sendall(b"12345678")
    assert made_recv(made, spin, 4) == b"1234"
    spin(lambda: len(said(made, "on")) == 2)
    assert places(made) == ["0:0", "4:0"]
    assert made_recv(made, spin, 4) == b"5678"


def test_behind_its_marks_a_fault_strikes_no_more(made, begin, spin, loop):
    begin("cut", None, windows=flap(1, (0.01, 0.01), (0.01, 0.01), 3))
    later = []
    loop.call_at(monotonic() + 0.1, lambda: later.append("five cycles"))
    spin(lambda: later and said(made, "off"))
    assert [cycle for _, cycle, _ in said(made, "on")] == [1]
    assert said(made, "over") == []


def test_a_fault_whose_windows_are_all_recorded_is_over_behind_them(made, begin, spin):
    begin("cut", None, None, windows=flap(1, (0.01, 0.01), (0.01, 0.01), 2))
    spin(lambda: said(made, "over"))
    assert [cycle for _, cycle, _ in said(made, "on")] == [1, 2]


def test_a_fault_that_is_taken_back_holds_nothing(made, dial, begin, spin):
    client = dial()
    schedule = begin("stall", Mark(0.0, None, 1, {1: (2, 1)}))
    client.sendall(b"12345")
    assert made_recv(made, spin, 2) == b"12"
    schedule.cancel()
    assert made_recv(made, spin, 3) == b"345"
    assert said(made, "on") == []
