from __future__ import annotations

import asyncio
import sys
import threading

import anyio
import pytest
import trio

from pytest_netchaos.patience import eventually_async
from pytest_netchaos.waiting import in_asyncio, in_event_loop, in_thread, in_trio


class Wait:
    """A wait that ends when it is told or cancelled, and knows how it ended."""

    def __init__(self):
        self.started = threading.Event()
        self.ended = threading.Event()
        self.thread = None
        self.was_cancelled = None
        self._wake = threading.Event()

    def __call__(self, cancelled):
        self.thread = threading.current_thread()
        self.started.set()
        assert self._wake.wait(10.0)
        self.was_cancelled = cancelled()
        self.ended.set()
        return "done"

    def wake(self):
        self._wake.set()


def run_asyncio(main):
    return asyncio.run(main())


RUNNERS = [
    pytest.param(run_asyncio, id="asyncio"),
    pytest.param(trio.run, id="trio"),
    pytest.param(lambda main: anyio.run(main, backend="asyncio"), id="anyio-asyncio"),
    pytest.param(lambda main: anyio.run(main, backend="trio"), id="anyio-trio"),
]
each_loop = pytest.mark.parametrize("run", RUNNERS)


async def until(event):
    """Wait for a threading.Event while the event loop runs on."""
    await eventually_async(event.is_set, 30)


def test_no_event_loop_runs_here():
    assert (in_asyncio(), in_trio(), in_event_loop()) == (False, False, False)


@pytest.mark.parametrize(
    ("run", "expected"), [(run_asyncio, (True, False, True)), (trio.run, (False, True, True))], ids=["asyncio", "trio"]
)
def test_the_running_event_loop_is_recognised(run, expected):
    async def main():
        return in_asyncio(), in_trio(), in_event_loop()

    assert run(main) == expected


@each_loop
def test_another_thread_of_the_event_loops_process_has_none(run):
    async def main():
        return await in_thread(lambda _: in_event_loop(), lambda: None)

    assert run(main) is False


def test_an_event_loop_that_was_never_imported_is_not_running(monkeypatch):
    monkeypatch.delitem(sys.modules, "trio")
    monkeypatch.delitem(sys.modules, "asyncio.events")
    assert not in_event_loop()
    assert "trio" not in sys.modules
    assert "asyncio.events" not in sys.modules


@each_loop
def test_the_event_loop_stays_free_while_a_thread_waits(run):
    wait = Wait()

    async def main():
        async def meanwhile():
            await until(wait.started)
            wait.wake()

        results = []

        async def waiter():
            results.append(await in_thread(wait, lambda: pytest.fail("nobody was cancelled")))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(waiter)
            tasks.start_soon(meanwhile)
        return results

    assert run(main) == ["done"]
    assert wait.thread is not threading.main_thread()
    assert wait.was_cancelled is False


@each_loop
def test_an_error_comes_through_and_wakes_nobody(run):
    def fail(cancelled):
        raise LookupError("not there")

    async def main():
        await in_thread(fail, lambda: pytest.fail("nobody waits any more"))

    with pytest.raises(LookupError, match="not there"):
        run(main)


@each_loop
def test_a_cancelled_wait_leaves_no_thread_in_it(run):
    wait = Wait()

    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(in_thread, wait, wait.wake)
            await until(wait.started)
            tasks.cancel_scope.cancel()
        await until(wait.ended)

    run(main)
    assert wait.was_cancelled is True
