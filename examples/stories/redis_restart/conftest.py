"""A cluster to break: two Socket.IO nodes that share a Redis, and a client on each."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import socketio

from pytest_netchaos import Ledger, check_async, eventually_async, exactly_once

#: Seconds for something that takes far less, on a machine that is busy.
SOON = 30.0


class Cluster:
    """Two nodes. Alice has ticks broadcast on hers; Bob, on the other one, hears of them through Redis."""

    def __init__(
        self,
        alice: socketio.AsyncClient,
        bob: socketio.AsyncClient,
        ledger: Ledger,
        subscribers: Callable[[str], int],
    ) -> None:
        self.alice = alice
        self.bob = bob
        self._ledger = ledger
        self._subscribers = subscribers
        self._count = 0

    async def tick(self, times: int = 5) -> None:
        """Broadcast the next ticks, one after the other."""
        for number in range(self._count, self._count + times):
            with self._ledger.sending(number):
                await self.alice.call("broadcast", number, timeout=SOON)
        self._count += times

    async def listening(self) -> None:
        """Wait until both nodes have subscribed."""
        await eventually_async(lambda: self._subscribers("socketio") == 2, within=SOON)

    async def caught_up(self) -> None:
        """Wait until Bob has got the latest tick."""
        await eventually_async(lambda: self._count - 1 in self._got_by_bob(), within=SOON)

    async def health(self, name: str) -> dict[str, object]:
        """What the manager of somebody's node says."""
        return await {"alice": self.alice, "bob": self.bob}[name].call("health", timeout=SOON)

    async def all_are(self, health: dict[str, object]) -> bool:
        """Ask both managers whether these of their figures are so."""
        return all([health.items() <= (await self.health(name)).items() for name in ("alice", "bob")])

    async def kept_everything(self) -> None:
        """Check that everybody got every tick, once and in order."""
        await self.caught_up()
        await check_async(self._ledger, exactly_once(in_order=True, strict=True))

    def _got_by_bob(self) -> list[int]:
        return [each.id for each in self._ledger.record().deliveries if each.subscriber == "bob"]


@pytest.fixture(scope="module")
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that run nodes. To start one takes a second, so that all tests have the same."""
    command = [sys.executable, "-m", "examples.stories.redis_restart.node"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with contextlib.ExitStack() as stack:
        started = [subprocess.Popen(command, cwd=Path(__file__).parents[3], **pipes) for _ in range(2)]
        for process in started:
            stack.enter_context(process)
            stack.callback(process.kill)
        yield started


@pytest.fixture
def cluster(processes, ledger, redis_server):
    """Start a cluster: the kind of its managers, and each node's way to Redis. Bob has got the first five ticks."""

    @contextlib.asynccontextmanager
    async def start(
        kind: str, *redis_urls: str, subscribers: Callable[[str], int] = redis_server.subscribers, **options: object
    ) -> AsyncIterator[Cluster]:
        for process, redis_url in zip(processes, redis_urls, strict=True):
            print(json.dumps([kind, redis_url, options]), file=process.stdin, flush=True)
        urls = [process.stdout.readline().strip() for process in processes]
        try:
            async with user("alice", urls[0], ledger) as alice, user("bob", urls[1], ledger) as bob:
                started = Cluster(alice, bob, ledger, subscribers)
                await started.listening()
                await started.tick()
                await started.caught_up()
                yield started
        finally:
            for process in processes:
                print(file=process.stdin, flush=True)

    return start


@contextlib.asynccontextmanager
async def user(name: str, url: str, ledger: Ledger) -> AsyncIterator[socketio.AsyncClient]:
    """A client that writes down every tick that reaches its handler."""
    client = socketio.AsyncClient()
    client.on("tick", lambda number: ledger.delivered(number, subscriber=name))
    await client.connect(url, transports=["websocket"])
    ledger.expect(name)
    try:
        yield client
    finally:
        await client.disconnect()
