from __future__ import annotations

from time import monotonic

import pytest

from pytest_netchaos.relay import deadlines as deadlines_module
from pytest_netchaos.relay.deadlines import LOOKS, Deadlines
from pytest_netchaos.relay.fault import Fault
from pytest_netchaos.relay.rhythm import once


class Connection:
    def __init__(self):
        self.calls = []
        self.is_over = False
        self.bytes = (0, 0)

    def moved(self):
        return self.bytes

    def close(self, by, reason):
        self.calls.append(("close", by, reason))
        self.is_over = True

    def reset(self, by, reason):
        self.calls.append(("reset", by, reason))

    def sever(self, fault):
        self.calls.append(("sever", fault.id))


@pytest.fixture
def connection():
    return Connection()


@pytest.fixture
def deadlines(fake_loop, connection):
    return Deadlines(fake_loop, connection)


def fault(kind, id_=1, seconds=5.0):
    return Fault(id_, kind, once(), values=(seconds,))


def due(fake_loop):
    return [timer for timer in fake_loop.timers if timer.call is not None]


@pytest.mark.parametrize(
    ("kind", "call"), [("reset_peer", ("reset", "fault", "reset_peer")), ("timeout", ("sever", 1))]
)
def test_a_fault_ends_the_connection_when_its_time_has_come(fake_loop, connection, deadlines, kind, call):
    started = monotonic()
    deadlines.adopt({1: fault(kind)})
    (timer,) = due(fake_loop)
    assert started + 5 <= timer.when <= monotonic() + 5
    timer.call()
    assert connection.calls == [call]


def test_a_timeout_of_nothing_never_ends_it(fake_loop, connection, deadlines):
    deadlines.adopt({1: fault("timeout", seconds=0.0)})
    assert (due(fake_loop), connection.calls) == ([], [])


def test_a_reset_after_nothing_happens_before_the_fault_can_be_taken_back(fake_loop, connection, deadlines):
    deadlines.adopt({1: fault("reset_peer", seconds=0.0)})
    deadlines.adopt({})
    assert (due(fake_loop), connection.calls) == ([], [("reset", "fault", "reset_peer")])


def test_what_is_over_gets_no_more_deadlines(fake_loop, connection, deadlines):
    connection.is_over = True
    deadlines.adopt({1: fault("reset_peer"), 2: fault("timeout", 2)})
    assert (due(fake_loop), connection.calls) == ([], [])


def test_a_deadline_that_runs_is_not_started_anew(fake_loop, deadlines):
    deadlines.adopt({1: fault("timeout")})
    deadlines.adopt({1: fault("timeout"), 2: fault("timeout", 2)})
    assert len(due(fake_loop)) == len(fake_loop.timers) == 2


def test_a_fault_that_is_gone_ends_nothing(fake_loop, deadlines):
    deadlines.adopt({1: fault("timeout"), 2: fault("reset_peer", 2)})
    deadlines.adopt({2: fault("reset_peer", 2)})
    assert [timer.call is None for timer in fake_loop.timers] == [True, False]
    deadlines.cancel()
    assert due(fake_loop) == []


def test_a_changed_time_counts_from_the_change(fake_loop, deadlines):
    deadlines.adopt({1: fault("timeout", seconds=5.0)})
    deadlines.restart(fault("timeout", seconds=9.0))
    (timer,) = due(fake_loop)
    assert timer.when > monotonic() + 8
    deadlines.restart(fault("timeout", seconds=0.0))
    assert due(fake_loop) == []


# Idle time-outs.


class Clock:
    """Stands for the relay's clock, and runs the timers of a fake loop when they are due."""

    def __init__(self, loop, late=0.0):
        self.now = 100.0
        self._loop = loop
        self._late = late

    def run_until(self, until):
        while (timer := min(due(self._loop), key=lambda timer: timer.when, default=None)) and timer.when <= until:
            self.now = timer.when + self._late
            timer.call()
            timer.call = None
        self.now = until


@pytest.fixture(params=[0.0, 0.2], ids=["punctual", "late"])
def clock(request, monkeypatch, fake_loop):
    made = Clock(fake_loop, request.param)
    monkeypatch.setattr(deadlines_module, "monotonic", lambda: made.now)
    return made


CLOSED = [("close", "fault", "idle_timeout")]


def test_a_connection_without_a_byte_is_closed_when_its_time_has_come(clock, connection, deadlines):
    deadlines.adopt({1: fault("idle_timeout", seconds=8.0)})
    clock.run_until(107.9)
    assert connection.calls == []
    clock.run_until(108.8)
    assert connection.calls == CLOSED


@pytest.mark.parametrize("place", [0, 1])
def test_a_byte_in_either_direction_starts_an_idle_time_anew(clock, connection, deadlines, place):
    deadlines.adopt({1: fault("idle_timeout", seconds=8.0)})
    for second in range(6, 60, 6):
        clock.run_until(100.0 + second)
        connection.bytes = tuple(count + (side == place) for side, count in enumerate(connection.bytes))
    clock.run_until(162.0)  # the last one was at 154
    assert connection.calls == []
    clock.run_until(154.0 + 8.0 * (1 + 1 / LOOKS) + 0.5)
    assert connection.calls == CLOSED


def test_a_closed_connection_is_looked_at_no_more(clock, fake_loop, connection, deadlines):
    deadlines.adopt({1: fault("idle_timeout", seconds=8.0)})
    clock.run_until(200.0)
    assert (due(fake_loop), connection.calls) == ([], CLOSED)


def test_an_idle_timeout_that_is_healed_closes_nothing(clock, fake_loop, connection, deadlines):
    deadlines.adopt({1: fault("idle_timeout", seconds=8.0)})
    clock.run_until(105.0)
    deadlines.adopt({})
    assert (due(fake_loop), connection.calls) == ([], [])
