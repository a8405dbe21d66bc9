"""The main job: two python-socketio servers share a Redis, and the link of one of them to it is cut in mid-stream.

Alice is connected to the node that the events come from; Bob to the other one, which hears of them through Redis.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import socketio

from pytest_netchaos import Cut, Fault, Ledger, Link, RedisServer, Stall, at_most_once, eventually_async, exactly_once

pytestmark = pytest.mark.asyncio


@pytest.fixture
def node() -> Iterator[Callable[[str], str]]:
    """Start a node on a Redis, as a process of its own; returns its URL."""
    program = Path(__file__).with_name("socketio_node.py")
    with contextlib.ExitStack() as stack:

        def start(redis_url: str) -> str:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, program, redis_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            stack.callback(process.kill)
            return process.stdout.readline().strip()

        yield start


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


class Ticker:
    """Has ticks broadcast, one after the other, and writes down which were acknowledged."""

    def __init__(self, client: socketio.AsyncClient, ledger: Ledger) -> None:
        self._client = client
        self._ledger = ledger
        self.count = 0

    async def tick(self, times: int) -> None:
        for _ in range(times):
            with self._ledger.sending(self.count):
                await self._client.call("broadcast", self.count)
            self.count += 1


async def break_in_mid_stream(
    node: Callable[[str], str], server: RedisServer, link: Link, ledger: Ledger, fault: Fault
) -> None:
    """Five ticks before the fault, during it, after the heal, and after the recovery."""

    def recovered() -> bool:
        return server.subscribers("socketio") == 2

    def last_seen_by_all() -> bool:
        return sum(delivery.id == ticker.count - 1 for delivery in ledger.record().deliveries) == 2

    async with user("alice", node(server.url()), ledger) as alice, user("bob", node(link.url("redis")), ledger):
        await eventually_async(recovered, within=30)
        ticker = Ticker(alice, ledger)
        await ticker.tick(5)
        await eventually_async(last_seen_by_all, within=30)
        with link.inject(fault):
            await ticker.tick(5)
        await ticker.tick(5)  # the link works again, but a node that was cut off hasn't noticed: it sleeps for a second
        await eventually_async(recovered, within=30)
        await ticker.tick(5)
        await eventually_async(last_seen_by_all, within=30)


async def test_a_cut_loses_events_even_after_it_has_healed(node, redis_server, redis_link, ledger):
    await break_in_mid_stream(node, redis_server, redis_link, ledger, Cut())
    # `assert ledger == exactly_once()` fails, and says which, for whom, when and why:
    verdict, during, after = exactly_once(in_order=True).explain(ledger)
    assert verdict == "sent 20 to 2 subscribers, received 30: 10 lost"
    assert re.fullmatch(r"  lost +5 … 9 \(5\) to 'bob'  during the cut, sent [\d.]+s into it", during)
    assert re.fullmatch(r"  lost +10 … 14 \(5\) to 'bob'  after the heal, sent [\d.]+s after it", after)
    assert ledger == at_most_once(in_order=True)


async def test_a_stall_loses_nothing(node, redis_server, redis_link, ledger):
    await break_in_mid_stream(node, redis_server, redis_link, ledger, Stall())
    assert ledger == exactly_once(in_order=True)
