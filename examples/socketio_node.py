"""One Socket.IO server of a cluster that shares a Redis: ``python socketio_node.py REDIS_URL``.

Writes its own URL to standard output once it serves, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import logging
import sys

import socketio
from aiohttp import web


async def main(redis_url: str) -> None:
    manager = socketio.AsyncRedisManager(redis_url, logger=logging.getLogger("redis manager"))
    server = socketio.AsyncServer(client_manager=manager, async_mode="aiohttp")

    @server.event
    async def broadcast(sid: str, number: int) -> None:
        """Send a tick to every client of every node; returning acknowledges it to whoever asked."""
        await server.emit("tick", number)

    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
