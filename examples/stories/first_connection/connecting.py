"""Socket.IO clients, asyncio's and the others, that connect in the background."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import socketio

from pytest_netchaos import Link

Client = socketio.Client | socketio.AsyncClient


@contextlib.asynccontextmanager
async def connecting(client: Client, link: Link, **options) -> AsyncIterator[asyncio.Task]:
    """Have a client connect; in the end, nothing of it is left."""

    async def call(method, *args, **options) -> None:
        if client.is_asyncio_based():
            await method(*args, **options)
        else:
            await asyncio.to_thread(method, *args, **options)

    if not client.is_asyncio_based():  # a thread that retries can't be cancelled: it has to give up some time
        client.reconnection_attempts = client.reconnection_attempts or 50
    # One dial for each attempt: with polling, it's one for each request.
    task = asyncio.create_task(call(client.connect, link.url("http"), transports=["websocket"], **options))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        await call(client.disconnect)
