from __future__ import annotations

import asyncio
import time

import pytest
import trio
import trio.testing

from pytest_netchaos.history import Lag
from pytest_netchaos.lags.lag import PERIOD, LagMonitor
from pytest_netchaos.lags.watched_loops import LEAST, AsyncioLoop, TrioRun, lag_between

BLOCKED = 0.2


class FakeLoop:
    """Calls what it was handed when the test says so."""

    def __init__(self):
        self.running = True
        self.error = None
        self.handed = []

    def is_running(self):
        return self.running

    def call_soon_threadsafe(self, function):
        if self.error is not None:
            raise self.error
        self.handed.append(function)


@pytest.fixture
def loop():
    return FakeLoop()


@pytest.fixture
def watched(loop):
    return AsyncioLoop(loop)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr("pytest_netchaos.lags.watched_loops.time", made)
    return made


def test_a_loop_that_answers_soon_has_no_lag(loop, watched, clock):
    for _ in range(3):
        watched.look(clock.now)
        clock.now += LEAST / 2
        loop.handed.pop()()
        watched.look(clock.now)
        assert watched.ended() == []
        assert watched.lasting(clock.now) is None
    assert len(loop.handed) == 1


def test_a_loop_that_answers_late_has_lagged_until_then(loop, watched, clock):
    watched.look(100.0)
    watched.look(100.2)
    assert watched.ended() == []
    assert watched.lasting(100.2) == Lag(100.0, pytest.approx(0.2), "event loop")
    clock.now = 100.4
    loop.handed[0]()
    assert watched.lasting(100.45) == Lag(100.0, pytest.approx(0.4), "event loop")
    assert len(loop.handed) == 1, "one function at a time"
    watched.look(100.5)
    assert watched.lasting(100.5) is None
    assert watched.ended() == [Lag(100.0, pytest.approx(0.4), "event loop")]
    assert watched.ended() == [], "told once"
    assert len(loop.handed) == 2


def test_a_loop_that_rests_has_no_lag(loop, watched):
    watched.look(100.0)
    loop.running = False
    assert watched.lasting(105.0) is None
    watched.look(105.0)
    watched.look(110.0)
    assert watched.ended() == []
    assert len(loop.handed) == 1, "it isn't asked while it rests"
    loop.running = True
    watched.look(111.0)
    assert len(loop.handed) == 2


def test_a_loop_that_stopped_without_an_answer_had_lagged_as_long_as_it_was_seen_to_run(loop, watched):
    watched.look(100.0)
    watched.look(100.3)
    loop.running = False
    assert watched.lasting(107.0) == Lag(100.0, pytest.approx(0.3))
    watched.look(107.0)
    assert watched.ended() == [Lag(100.0, pytest.approx(0.3))]
    watched.look(108.0)
    assert watched.ended() == []


@pytest.mark.parametrize("error", [RuntimeError("Event loop is closed"), AttributeError("call_soon_threadsafe")])
def test_a_loop_that_is_closed_or_a_foreign_one_that_cannot_be_asked_is_left(loop, watched, error):
    loop.error = error
    watched.look(100.0)
    assert watched.is_over
    assert watched.lasting(200.0) is None
    assert watched.ended() == []


def test_a_loop_that_was_left_is_not_asked_again(loop, watched):
    watched.leave()
    watched.look(100.0)
    assert loop.handed == []


def test_what_is_shorter_than_the_least_is_no_lag():
    assert lag_between(1.0, 1.0 + LEAST * 0.99, "process") is None
    assert lag_between(1.0, 1.5, "process") == Lag(1.0, 0.5, "process")


def test_a_run_of_trio_is_late_when_it_comes_round_late():
    async def main():
        run = TrioRun(trio.lowlevel.current_trio_token())
        await trio.sleep(0.001)
        time.sleep(BLOCKED)  # noqa: ASYNC251 - that is the case
        lasting = run.lasting(time.monotonic())
        await trio.sleep(0.001)
        ended = run.ended()
        assert run.ended() == []
        run.leave()
        return lasting, ended

    lasting, ended = trio.run(main)
    assert lasting is not None
    assert lasting.lasted >= BLOCKED - LEAST
    longest = max(ended, key=lambda lag: lag.lasted)
    assert longest.lasted >= lasting.lasted
    assert longest.of == "event loop"


def test_a_run_of_trio_that_waits_is_not_late():
    def look_from_outside(run):
        deadline = time.monotonic() + 10
        time.sleep(2 * LEAST)
        while (found := run.lasting(time.monotonic())) is not None and time.monotonic() < deadline:
            time.sleep(0.001)  # on a busy machine, it may not have come to wait
        return found

    async def main():
        run = TrioRun(trio.lowlevel.current_trio_token())
        seen = await trio.to_thread.run_sync(look_from_outside, run)
        run.leave()
        return seen

    assert trio.run(main) is None


def test_a_run_of_trio_that_is_over_is_not_late():
    async def main():
        return TrioRun(trio.lowlevel.current_trio_token())

    run = trio.run(main)
    assert run.is_over
    assert run.lasting(time.monotonic() + 100) is None
    run.leave()


@pytest.mark.parametrize("times", [1, 2])
def test_a_run_of_trio_is_left_without_a_trace(times):
    async def main():
        run = TrioRun(trio.lowlevel.current_trio_token())
        for _ in range(times):
            run.leave()
        await trio.testing.wait_all_tasks_blocked()
        await trio.lowlevel.checkpoint()
        with pytest.raises(KeyError):
            trio.lowlevel.remove_instrument(run)

    trio.run(main)


def test_a_run_of_trio_that_threw_the_instrument_out_goes_on():
    async def main():
        run = TrioRun(trio.lowlevel.current_trio_token())
        trio.lowlevel.remove_instrument(run)
        run.leave()
        await trio.sleep(0.001)

    trio.run(main)


def test_a_watched_run_of_trio_still_finds_rest():
    async def main():
        monitor = LagMonitor()
        monitor.watch()
        with trio.fail_after(30):
            await trio.testing.wait_all_tasks_blocked(5 * PERIOD)
        monitor.stop()

    trio.run(main)


def test_the_clock_of_a_watched_run_of_trio_still_jumps():
    async def main():
        monitor = LagMonitor()
        monitor.watch()
        began = time.monotonic()
        await trio.sleep(3600)
        monitor.stop()
        return time.monotonic() - began

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=5 * PERIOD)) < 60


def test_a_loop_of_uvloop_that_is_blocked_is_seen():
    uvloop = pytest.importorskip("uvloop", reason="uvloop isn't installed: nothing but asyncio's own loop to watch")

    async def main():
        monitor = LagMonitor()
        monitor.watch()
        await asyncio.sleep(3 * PERIOD)
        time.sleep(BLOCKED)  # noqa: ASYNC251 - that is the case
        lags = monitor.lags()
        await asyncio.sleep(3 * PERIOD)
        monitor.stop()
        return lags

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert max(lag.lasted for lag in runner.run(main())) >= BLOCKED / 2, "the thread that looks may be late"
