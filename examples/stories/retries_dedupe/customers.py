"""The two customers of the tests, JavaScript and Python: each orders, and sends again by itself.

Each yields ``place``: ``receipt = await place(7)`` places order 7, and the receipt is a Future.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import socketio

from examples.stories.retries_dedupe.retrying import Retrying

Place: TypeAlias = Callable[[int], Awaitable[asyncio.Future[int]]]

PROGRAM = Path(__file__).with_name("customer.js")


@contextlib.asynccontextmanager
async def javascript(modules: Path, url: str, *, retries: int, ack_timeout: float) -> AsyncIterator[Place]:
    """Socket.IO's own client, which npm has put into ``modules``, in Node."""
    node = await asyncio.create_subprocess_exec(
        *("node", PROGRAM, url, str(retries), str(int(ack_timeout * 1000))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(modules)},
    )
    said = _Said(node.stdout)
    try:
        await said.when("connected")

        async def place(order: int) -> asyncio.Future[int]:
            node.stdin.write(f"{order}\n".encode())
            await said.when("placed", order)
            return said.receipt(order)

        yield place
    finally:
        with contextlib.suppress(ProcessLookupError):
            node.kill()
        await said.end()
        await node.wait()


class _Said:
    """What the program says: one JSON object a line."""

    def __init__(self, stdout: asyncio.StreamReader) -> None:
        self._events: dict[tuple[str, int | None], asyncio.Future[int]] = {}
        self._reading = asyncio.create_task(self._read(stdout))

    def when(self, event: str, order: int | None = None) -> asyncio.Future[int]:
        return self._events.setdefault((event, order), asyncio.get_running_loop().create_future())

    def receipt(self, order: int) -> asyncio.Future[int]:
        return self.when("settled", order)

    async def end(self) -> None:
        await self._reading

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        async for line in stdout:
            said = json.loads(line)
            event, order = said["event"], said.get("id")
            if event == "failed":
                self.receipt(order).set_exception(TimeoutError(f"order {order} was not acknowledged"))
            elif event == "acknowledged":
                self.receipt(order).set_result(said["receipt"])
            elif not self.when(event, order).done():
                self.when(event, order).set_result(0)
        for unanswered in self._events.values():
            if not unanswered.done():
                unanswered.set_exception(EOFError("the customer's program has ended"))


@contextlib.asynccontextmanager
async def python(url: str, *, retries: int, ack_timeout: float) -> AsyncIterator[Place]:
    """python-socketio's client, which sends again by means of `Retrying`."""
    client = socketio.AsyncClient(reconnection_delay=0.05, randomization_factor=0)
    retrying = Retrying(client, retries=retries, ack_timeout=ack_timeout)
    await client.connect(url, transports=["websocket"], wait_timeout=10)

    async def place(order: int) -> asyncio.Future[int]:
        return asyncio.create_task(retrying.call("order", {"id": order}))

    try:
        yield place
    finally:
        await client.disconnect()
