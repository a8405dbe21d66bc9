"""An export of rows over a WebSocket as one writes it first: send each row, and connect again when that is lost."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection


class PlainExport:
    """Sends each row once, to whoever is connected then."""

    def __init__(self, rows: Iterable[int], on_send: Callable[[int], None]) -> None:
        self._rows = iter(rows)
        self._on_send = on_send

    async def handle(self, connection: ServerConnection) -> None:
        """Send what is left; stay until the subscriber goes."""
        with contextlib.suppress(ConnectionClosed):
            await connection.recv()  # the subscriber is ready
            for row in self._rows:
                self._on_send(row)
                await connection.send(json.dumps(row))
            await connection.wait_closed()


async def subscribe(
    url: str,
    apply: Callable[[int], Any],
    on_connect: Callable[[], None],
    **options: Any,
) -> None:
    """Apply each row that comes, for ever; ``connect`` makes the next connection."""
    # Without `aclosing`, a task that is cancelled leaves the closing of its connection to another one.
    async with contextlib.aclosing(aiter(connect(url, **options))) as connections:
        async for connection in connections:
            with contextlib.suppress(ConnectionClosed):
                on_connect()
                await connection.send("ready")
                async for message in connection:
                    await apply(json.loads(message))
