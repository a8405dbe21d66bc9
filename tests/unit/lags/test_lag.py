from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import warnings

import anyio
import pytest
import trio

from pytest_netchaos.history import Lag
from pytest_netchaos.lags.lag import PERIOD, LagMonitor, _without_echoes
from pytest_netchaos.lags.watched_loops import LEAST

#: Seconds that a loop is blocked. A thread that looks late, on a busy machine, sees a shorter lag: half is enough.
BLOCKED = 0.6

RUNNERS = [
    pytest.param(asyncio.run, id="asyncio"),
    pytest.param(trio.run, id="trio"),
    pytest.param(lambda main: anyio.run(main, backend="trio"), id="anyio-trio"),
]
each_loop = pytest.mark.parametrize("run", RUNNERS)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "netchaos-lag"]


@pytest.fixture
def monitor():
    made = LagMonitor()
    yield made
    made.stop()
    assert threads() == []


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr("pytest_netchaos.lags.lag.time", made)
    return made


def test_what_a_loop_lags_while_the_process_stands_still_is_the_processs():
    stop = Lag(10.0, 0.5, "process")
    echo = Lag(10.0 - PERIOD, 0.5 + 2 * PERIOD)
    apart, longer = Lag(11.0, 0.1), Lag(9.9, 1.0)
    assert _without_echoes([apart, echo, stop]) == (stop, apart)
    assert _without_echoes([longer, stop]) == (longer, stop)
    assert _without_echoes([]) == ()


@each_loop
def test_a_loop_that_is_blocked_is_seen(run, monitor):
    async def main():
        monitor.watch()
        sleep = trio.sleep if run is not asyncio.run else asyncio.sleep
        await sleep(3 * PERIOD)
        began = time.monotonic()
        time.sleep(BLOCKED)  # noqa: ASYNC251 - that is the case
        ended = time.monotonic()
        while not monitor.lags() or monitor.lags()[-1].at + monitor.lags()[-1].lasted < ended - LEAST:
            await sleep(0.001)
        return began, ended

    began, ended = run(main) if run is not asyncio.run else run(main())
    seen = [min(lag.at + lag.lasted, ended) - max(lag.at, began) for lag in monitor.lags()]
    assert max(seen) >= BLOCKED / 2


def test_a_lag_that_still_lasts_is_told_on_the_blocked_loop_itself(monitor):
    async def main():
        monitor.watch()
        await asyncio.sleep(3 * PERIOD)
        time.sleep(BLOCKED)  # noqa: ASYNC251 - that is the case
        return monitor.lags()

    assert max(lag.lasted for lag in asyncio.run(main())) >= BLOCKED / 2


def test_a_process_that_gets_no_time_is_seen(clock):
    monitor = LagMonitor()
    monitor._woken_at = clock.now
    clock.now += PERIOD + LEAST / 2
    monitor._look()
    assert monitor.lags() == ()
    clock.now += PERIOD + 0.4
    monitor._look()
    assert monitor.lags() == (Lag(pytest.approx(clock.now - 0.4), pytest.approx(0.4), "process"),)


def test_two_loops_are_watched_side_by_side(monitor):
    async def use():
        monitor.watch()
        monitor.watch()

    for _ in range(2):
        asyncio.run(use())
    trio.run(use)
    assert len(threads()) == 1


def test_a_loop_that_is_closed_leaves_nothing_behind(monitor):
    async def use():
        monitor.watch()
        await asyncio.sleep(2 * PERIOD)

    asyncio.run(use())
    trio.run(_use_in_trio, monitor)
    deadline = time.monotonic() + 10
    while monitor._loops and time.monotonic() < deadline:
        time.sleep(0.001)
    # A closed loop of asyncio isn't running; it goes with the monitor, and is never called again.
    assert not any(watched._is_running() for watched in monitor._loops.values())


async def _use_in_trio(monitor):
    monitor.watch()
    await trio.sleep(2 * PERIOD)


def test_it_ends_when_it_is_stopped_and_does_not_start_again(monitor):
    monitor.watch()
    assert len(threads()) == 1
    monitor.stop()
    assert threads() == []
    monitor.watch()
    monitor.stop()
    assert threads() == []


def test_one_that_was_never_used_has_no_thread(monitor):
    assert threads() == []
    assert monitor.lags() == ()


def test_it_ends_when_nobody_has_it_any_more():
    monitor = LagMonitor()
    monitor.watch()
    (thread,) = threads()
    del monitor
    gc.collect()
    thread.join(10.0)
    assert not thread.is_alive()


def test_it_keeps_no_loop_alive(monitor):
    async def main():
        monitor.watch()
        await asyncio.sleep(2 * PERIOD)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        started = time.monotonic()
        asyncio.run(main(), debug=True)
    assert time.monotonic() - started < 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system doesn't fork")
def test_a_process_that_forks_has_no_thread_of_ours_then_and_has_it_again_afterwards(monitor):
    monitor.watch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the threads of others
        child = os.fork()
    if child == 0:
        os._exit(len(threads()) + 10 * (monitor.lags() is None))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert len(threads()) == 1


def test_in_a_pause_there_is_no_thread(monitor):
    assert not monitor.pause()
    monitor.watch()
    assert monitor.pause()
    assert threads() == []
    monitor.resume()
    monitor.resume()
    assert len(threads()) == 1
    monitor.stop()
    monitor.resume()
    assert threads() == []


def test_what_a_pause_took_is_no_lag(monitor, clock):
    monitor.watch()
    monitor.pause()
    clock.now += 10
    monitor.resume()
    clock.now += PERIOD
    monitor._look()
    assert monitor.lags() == ()


def test_many_lags_are_told_quickly():
    lags = [Lag(n * 0.2, 0.1, ("process", "event loop")[n % 2]) for n in range(20_000)]
    began = time.process_time()
    assert len(_without_echoes(lags)) == 20_000
    assert time.process_time() - began < 5, "20,000 x 10,000 comparisons would take longer"
