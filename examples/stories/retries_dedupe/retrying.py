"""A python-socketio client that sends again, as socket.io-client does with ``retries`` and ``ackTimeout``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from socketio.exceptions import BadNamespaceError
from socketio.exceptions import TimeoutError as NoAnswer

if TYPE_CHECKING:
    import socketio


class Retrying:
    """Sends each event until it is answered, 1 + ``retries`` times at most; one event at a time, in order."""

    def __init__(self, client: socketio.AsyncClient, *, retries: int, ack_timeout: float) -> None:
        self._client = client
        self._sends = 1 + retries
        self._ack_timeout = ack_timeout
        self._connected = asyncio.Event()
        self._turn = asyncio.Lock()
        client.on("connect", self._connected.set)
        client.on("disconnect", self._connected.clear)

    async def call(self, event: str, data: Any) -> Any:
        """Return the answer; time without a connection doesn't count.

        Raises:
            TimeoutError: There was none: the event may have been handled, once or several times, or not.
        """
        async with self._turn:
            for _ in range(self._sends):
                await self._connected.wait()
                try:
                    return await self._client.call(event, data, timeout=self._ack_timeout)
                except (NoAnswer, BadNamespaceError):
                    continue
        raise TimeoutError(f"no answer to {self._sends} sends of {event!r}")
