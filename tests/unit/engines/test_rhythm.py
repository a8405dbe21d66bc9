from __future__ import annotations

import itertools
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.engines.embedded_link import _rhythm
from pytest_netchaos.engines.rhythm import Rhythm, windows
from pytest_netchaos.errors import EngineError
from pytest_netchaos.faults import Cut, Flap
from pytest_netchaos.relay.arguments import windows_of
from pytest_netchaos.relay.chance import mix

SPANS = st.floats(0.001, 10) | st.tuples(st.floats(0.001, 1), st.floats(1, 10))
#: Long enough that nothing comes by itself in a test.
LONG = 3000.0
FOREVER = float("inf")


class World:
    """Takes note of what a rhythm does; a call fails as often as ``failures`` says."""

    def __init__(self):
        self.said = []
        self.troubles = []
        self.failures = {}
        self.news = threading.Condition()
        self.began = time.monotonic()

    def _note(self, what):
        with self.news:
            self.said.append((what, time.monotonic() - self.began))
            self.news.notify_all()
        if self.failures.get(what, 0) > 0:
            self.failures[what] -= 1
            raise EngineError(f"can't {what}")

    def rhythm(self, *spans):
        return Rhythm(
            iter(spans),
            lambda: self._note("enter"),
            lambda: self._note("leave"),
            lambda: self._note("over"),
            self.troubles.append,
        )

    @property
    def steps(self):
        return [what for what, _ in self.said]

    def await_steps(self, *steps):
        with self.news:
            assert self.news.wait_for(lambda: tuple(self.steps) == steps, 10), self.steps


@pytest.fixture
def world():
    yield World()
    assert [thread.name for thread in threading.enumerate() if thread.name == "netchaos-rhythm"] == []


@given(SPANS, SPANS, st.none() | st.integers(1, 20), st.integers(0, 2**63 - 1), st.integers(1, 1000))
def test_a_flap_has_the_windows_that_the_embedded_engine_has(down, up, cycles, seed, fault_id):
    flap = Flap(down, up, cycles)
    relays = windows_of(mix(seed, fault_id), *map(str, _rhythm(flap, None)))
    ours = list(itertools.islice(windows(flap, None, seed, fault_id), 20))
    assert ours == list(itertools.islice(relays, 20))
    assert len(ours) == (20 if cycles is None else cycles)


def test_two_flaps_of_one_link_are_not_in_step():
    flap = Flap((0.1, 1.0), (0.1, 1.0), 5)
    assert list(windows(flap, None, 7, 1)) != list(windows(flap, None, 7, 2))


@pytest.mark.parametrize(("for_", "end"), [(None, FOREVER), (1.5, 1.5)])
def test_any_other_fault_has_one_window(for_, end):
    assert list(windows(Cut(), for_, 1, 1)) == [(0.0, end)]


def test_a_fault_until_further_notice_needs_no_thread(world):
    rhythm = world.rhythm((0.0, FOREVER))
    rhythm.begin()
    assert world.steps == ["enter"]
    assert rhythm._thread is None
    rhythm.cancel()
    assert world.steps == ["enter", "leave", "over"]


def test_a_fault_for_a_time_ends_by_itself_and_not_too_early(world):
    rhythm = world.rhythm((0.0, 0.05))
    rhythm.begin()
    world.await_steps("enter", "leave", "over")
    assert world.said[1][1] - world.said[0][1] >= 0.05
    rhythm.cancel()
    assert world.steps == ["enter", "leave", "over"]


def test_a_flap_comes_and_goes_at_its_times(world):
    spans = [(0.0, 0.02), (0.04, 0.06), (0.08, 0.1)]
    rhythm = world.rhythm(*spans)
    rhythm.begin()
    world.await_steps(*["enter", "leave"] * 3, "over")
    times = [at for _, at in world.said]
    assert all(at >= planned for at, planned in zip(times, itertools.chain(*spans), strict=False))
    rhythm.stop()


def test_a_window_is_counted_from_when_it_is_in_force(world):
    """No fault ends before its time, however long it takes to put it in force."""
    rhythm = world.rhythm((0.0, 0.05))
    enter, in_force = rhythm._enter, []

    def slowly():
        enter()
        time.sleep(0.1)
        in_force.append(time.monotonic() - world.began)

    rhythm._enter = slowly
    rhythm.begin()
    world.await_steps("enter", "leave", "over")
    assert world.said[1][1] >= in_force[0] + 0.05
    rhythm.stop()


@pytest.mark.parametrize(
    ("spans", "before", "after"),
    [
        ([(0.0, LONG)], ["enter"], ["leave", "over"]),
        ([(0.0, 0.001), (LONG, LONG + 1)], ["enter", "leave"], ["over"]),
        ([(0.0, 0.001), (0.002, LONG)], ["enter", "leave", "enter"], ["leave", "over"]),
        ([(0.0, 0.001)], ["enter", "leave", "over"], []),
    ],
    ids=["first-window", "peace", "second-window", "over"],
)
def test_it_can_be_cancelled_in_each_phase(world, spans, before, after):
    rhythm = world.rhythm(*spans)
    rhythm.begin()
    world.await_steps(*before)
    rhythm.cancel()
    assert world.steps == before + after
    rhythm.cancel()
    assert world.steps == before + after
    assert world.troubles == []


def test_nothing_comes_after_stop_and_the_fault_stays(world):
    rhythm = world.rhythm((0.0, 0.001), *((n / 1000, n / 1000 + 0.0005) for n in range(2, 100_000)))
    rhythm.begin()
    with world.news:
        assert world.news.wait_for(lambda: len(world.said) > 5, 10)
    rhythm.stop()
    said = list(world.steps)
    assert not rhythm._thread.is_alive()
    assert "over" not in said
    assert world.steps == said


def test_many_are_stopped_at_any_moment_and_leave_no_thread(world):
    for n in range(50):
        rhythm = world.rhythm((0.0, 0.001), (0.002, 0.003), (0.004, 0.005))
        rhythm.begin()
        time.sleep(n / 10_000)
        rhythm.cancel()
        assert world.steps.count("enter") == world.steps.count("leave")
        assert world.steps.count("over") == n + 1


def test_two_may_cancel_it_at_once(world, in_thread):
    rhythm = world.rhythm((0.0, FOREVER))
    leave, gate = rhythm._leave, threading.Barrier(2)

    def leave_slowly():
        leave()
        time.sleep(0.02)

    def cancel():
        gate.wait(10)
        rhythm.cancel()

    rhythm._leave = leave_slowly
    rhythm.begin()
    for result in [in_thread(cancel), in_thread(cancel)]:
        result()
    assert world.steps.count("leave") == 1


def test_what_fails_at_once_is_raised_and_nothing_follows(world):
    world.failures["enter"] = 1
    rhythm = world.rhythm((0.0, 0.001), (0.002, 0.003))
    with pytest.raises(EngineError, match="can't enter"):
        rhythm.begin()
    assert rhythm._thread is None
    rhythm.cancel()
    assert world.steps == ["enter", "over"]


@pytest.mark.parametrize(
    ("failures", "steps", "troubles"),
    [
        ({"leave": 1}, ["enter", "leave", "leave", "over"], ["can't leave"]),
        ({"leave": 9}, ["enter", "leave", "leave", "over"], ["can't leave"]),
    ],
    ids=["once", "each-time"],
)
def test_what_fails_in_the_thread_is_a_trouble_and_the_fault_is_over(world, failures, steps, troubles):
    world.failures = failures
    rhythm = world.rhythm((0.0, 0.001), (0.002, 0.003))
    rhythm.begin()
    world.await_steps(*steps)
    assert world.troubles == troubles
    rhythm.stop()


def test_a_later_window_that_can_not_be_entered_is_a_trouble(world):
    rhythm = world.rhythm((0.0, 0.001), (0.05, 0.06), (0.07, 0.08))
    leave = rhythm._leave

    def leave_for_good():
        leave()
        world.failures["enter"] = 1

    rhythm._leave = leave_for_good
    rhythm.begin()
    world.await_steps("enter", "leave", "enter", "over")
    assert world.troubles == ["can't enter"]
    rhythm.stop()


def test_a_cancel_that_fails_may_be_tried_again(world):
    world.failures["leave"] = 1
    rhythm = world.rhythm((0.0, FOREVER))
    rhythm.begin()
    with pytest.raises(EngineError, match="can't leave"):
        rhythm.cancel()
    rhythm.cancel()
    assert world.steps == ["enter", "leave", "leave", "over"]  # not over before it is


def test_its_thread_does_not_keep_the_interpreter_alive(world):
    rhythm = world.rhythm((0.0, LONG))
    rhythm.begin()
    assert rhythm._thread.daemon
    rhythm.cancel()
