"""What the clients of this story connect to, and as many of them as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random

from examples.stories.reconnect_gap.sdk import Connection, Wait
from websockets.asyncio.server import ServerConnection, serve

from pytest_netchaos import Link

GREETING = b"welcome " * 128


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """Greet whoever connects; yield the port."""
    async with serve(_greet, "127.0.0.1", 0, compression=None, backlog=512) as server:
        yield server.sockets[0].getsockname()[1]


async def _greet(connection: ServerConnection) -> None:
    await connection.send(GREETING)
    await connection.wait_closed()


@contextlib.asynccontextmanager
async def connected(link: Link, wait: Wait, clients: int = 1, seed: int = 23) -> AsyncIterator[None]:
    """Have so many clients, each with random waits of its own, for as long as the block lasts."""
    numbers = range(seed, seed + clients)
    tasks = [asyncio.create_task(Connection(link.url("ws"), wait, Random(number)).run()) for number in numbers]
    try:
        await link.wait_for_connection_async(clients, timeout=30)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
