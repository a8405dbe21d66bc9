"""A node of a cluster that shares a Redis, as often as it is asked for: ``python -m …redis_restart.node``.

A line on standard input starts a Socket.IO server, and the next one ends it. A line is a JSON list: the kind of the
manager, the URL of its Redis, and its options. The server's own URL is written to standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator

import socketio
from aiohttp import web

from examples.stories.redis_restart.manager import BufferedRedisManager

MANAGERS = {"stock": socketio.AsyncRedisManager, "buffered": BufferedRedisManager}


@contextlib.asynccontextmanager
async def serve(manager: socketio.AsyncRedisManager) -> AsyncIterator[str]:
    """Run a server; gives its URL."""
    server = socketio.AsyncServer(client_manager=manager, async_mode="aiohttp")

    @server.event
    async def broadcast(sid: str, number: int) -> None:
        """Send a tick to every client of every node; returning acknowledges it to whoever asked."""
        await server.emit("tick", number)

    @server.event
    async def health(sid: str) -> dict[str, object]:
        """Say how the connection to Redis is."""
        return manager.health._asdict()

    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await server.shutdown()
        await runner.cleanup()
        manager.thread.cancel()
        await manager.redis.aclose()


async def main() -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        kind, redis_url, options = json.loads(line)
        async with serve(MANAGERS[kind](redis_url, **options)) as url:
            print(url, flush=True)
            await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main())
