"""What the clients of this story connect to, and as many of them as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random

from websockets.asyncio.server import ServerConnection, serve

from examples.stories.reconnect_gap.sdk import Connection, Wait
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
    """Have so many clients, each with random waits of its own; the block begins when all of them are connected."""
    connections = [Connection(link.url("ws"), wait, Random(number)) for number in range(seed, seed + clients)]
    tasks = [asyncio.create_task(connection.run()) for connection in connections]
    try:
        await asyncio.gather(*(connection.was_connected.wait() for connection in connections))
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
