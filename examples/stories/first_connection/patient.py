"""Socket.IO clients whose `connect(retry=True)` goes on until they are connected, whatever failed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import socketio
from socketio.exceptions import ConnectionError as ConnectFailed


class PatientClient(socketio.Client):
    """Tries again, too, when the server refuses it; stock `connect(retry=True)` then raises at once."""

    def connect(self, url: str, *, retry: bool = False, **options) -> None:
        pauses = pauses_of(self) if retry else iter(())
        while True:
            try:
                return super().connect(url, **options)
            except ConnectFailed:
                pause = next(pauses, None)
                if pause is None:
                    raise
            self.sleep(pause)


class PatientAsyncClient(socketio.AsyncClient):
    """Tries again, too, when the server refuses it, and when it hasn't let it in within ``answer_within`` seconds.

    The stock client sends its first request and waits: ``request_timeout`` and ``wait_timeout`` don't count by then.
    """

    def __init__(self, *, answer_within: float = 5.0, **options) -> None:
        super().__init__(**options)
        self.answer_within = answer_within

    async def connect(self, url: str, *, retry: bool = False, **options) -> None:
        pauses = pauses_of(self) if retry else iter(())
        while True:
            try:
                return await self._connect_once(url, **options)
            except ConnectFailed:
                pause = next(pauses, None)
                if pause is None:
                    raise
            await self.sleep(pause)

    async def _connect_once(self, url: str, **options) -> None:
        try:
            async with asyncio.timeout(self.answer_within):
                await super().connect(url, **options)
        except (ConnectFailed, TimeoutError) as error:
            await self.disconnect()  # a failed attempt leaves its HTTP session open
            raise ConnectFailed(str(error) or f"no answer within {self.answer_within:g} s") from error


def pauses_of(client: socketio.Client | socketio.AsyncClient) -> Iterator[float]:
    """Yield the seconds before each retry: the library's own policy, with its own arguments."""
    delay = client.reconnection_delay
    tried = 0
    while not client.reconnection_attempts or tried < client.reconnection_attempts:
        delay = min(delay, client.reconnection_delay_max)
        yield max(0.0, delay + client.randomization_factor * random.uniform(-1, 1))
        delay *= 2
        tried += 1
