"""An export of rows over a WebSocket as one writes it first: send, and connect again when the connection is lost."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection


class PlainExport:
    """Sends each row to whoever is connected then."""

    def __init__(self, on_send: Callable[[int], None]) -> None:
        self._on_send = on_send
        self.subscribers: set[ServerConnection] = set()

    async def handle(self, connection: ServerConnection) -> None:
        """Have a subscriber until it goes."""
        self.subscribers.add(connection)
        await connection.wait_closed()
        self.subscribers.remove(connection)

    async def publish(self, rows: Iterable[int]) -> None:
        """Send rows."""
        for row in rows:
            self._on_send(row)
            for connection in tuple(self.subscribers):
                with contextlib.suppress(ConnectionClosed):
                    await connection.send(json.dumps(row))


async def subscribe(
    url: str,
    apply: Callable[[int], Awaitable[None]],
    on_connect: Callable[[], None],
    **options: Any,
) -> None:
    """Apply each row that comes, for ever; ``connect`` makes the next connection."""
    # Without `aclosing`, a task that is cancelled leaves the closing of its connection to another one.
    async with contextlib.aclosing(aiter(connect(url, **options))) as connections:
        async for connection in connections:
            on_connect()
            with contextlib.suppress(ConnectionClosed):
                async for message in connection:
                    await apply(json.loads(message))
