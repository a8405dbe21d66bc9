"""A shop that takes orders by Socket.IO: what a handler returns is the acknowledgement."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import socketio
from aiohttp import web

if TYPE_CHECKING:
    from examples.stories.retries_dedupe.idempotent import Idempotent

#: Charges for an order, and returns the number of the receipt.
Charge = Callable[[int], Awaitable[int]]


def shop(charge: Charge) -> socketio.AsyncServer:
    """As python-socketio's documentation has it: every order that arrives is charged for."""
    server = socketio.AsyncServer(async_mode="aiohttp")

    @server.event
    async def order(sid: str, order: dict[str, int]) -> int:
        return await charge(order["id"])

    return server


def careful_shop(charge: Charge, idempotent: Idempotent) -> socketio.AsyncServer:
    """The same, and an order that comes again is answered with the first one's receipt."""
    return shop(lambda order: idempotent.once(f"order:{order}", lambda: charge(order)))


@contextlib.asynccontextmanager
async def open_shop(server: socketio.AsyncServer) -> AsyncIterator[tuple[str, int]]:
    """Serve; yields the address."""
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][:2]
    finally:
        await runner.cleanup()
