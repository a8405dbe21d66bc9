"""Wait in a thread, so that whichever event loop runs stays free: asyncio, trio, or anyio on either."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def in_trio() -> bool:
    """Whether a trio task is running in this thread. Never imports trio."""
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


def in_asyncio() -> bool:
    """Whether an asyncio event loop is running in this thread. Never imports asyncio."""
    events = sys.modules.get("asyncio.events")
    return events is not None and events._get_running_loop() is not None  # noqa: SLF001 - documented, and never raises


def in_event_loop() -> bool:
    """Whether blocking this thread would stop an event loop, and every client that lives on it."""
    return in_trio() or in_asyncio()


async def in_thread(wait: Callable[[Callable[[], bool]], T], wake: Callable[[], None]) -> T:
    """Run a blocking ``wait(cancelled)`` in a worker thread of the event loop that is running.

    Args:
        wait: What to run. It returns soon after ``cancelled()`` has become true and ``wake()`` was called.
        wake: Makes ``wait`` look at ``cancelled()``. Called when the waiting task is cancelled, so that no thread is
            left behind in its wait.
    """
    state = "waiting"

    def run() -> T:
        nonlocal state
        try:
            return wait(lambda: state == "cancelled")
        finally:
            state = "finished"

    try:
        if in_trio():
            import trio  # noqa: PLC0415 - only where it already runs

            return await trio.to_thread.run_sync(run, abandon_on_cancel=True)
        import asyncio  # noqa: PLC0415 - only where it already runs
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        # Not the loop's own executor: a few waits would take all of its threads, and getaddrinfo() needs one to dial.
        pool = ThreadPoolExecutor(1, "netchaos-wait")
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, run)
        finally:
            pool.shutdown(wait=False)
    finally:
        if state == "waiting":
            state = "cancelled"
            wake()


async def sleep(seconds: float) -> None:
    """Pause a task of the event loop that is running."""
    if in_trio():
        import trio  # noqa: PLC0415 - only where it already runs

        await trio.sleep(seconds)
    else:
        import asyncio  # noqa: PLC0415 - only where it already runs

        await asyncio.sleep(seconds)


async def limited(answer: Awaitable[T], seconds: float) -> tuple[T] | tuple[()]:
    """Await ``answer``, and return it alone; cancel it after so many seconds, and return nothing."""
    if in_trio():
        import trio  # noqa: PLC0415 - only where it already runs

        with trio.move_on_after(seconds):
            return (await answer,)
        return ()
    import asyncio  # noqa: PLC0415 - only where it already runs

    try:
        async with asyncio.timeout(seconds) as limit:
            return (await answer,)
    except TimeoutError:
        if not limit.expired():  # its own
            raise
        return ()
