"""The code under test: a WebSocket SDK's connection, which comes back until it's closed, and four ways to wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from random import Random

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

#: Seconds until the next dial, after so many in vain since the last connection.
Wait = Callable[[int, Random], float]


def released(_failures: int, random: Random) -> float:
    """Return 200 ms on average, 400 at most: what E2B's Python SDK 0.13.4 waits (and 0.13.0).

    Its ``sandbox/websocket_client.py`` sets ``BACKOFF_INITIAL = 0.4`` and ``BACKOFF_FACTOR = 1``, and websockets 11,
    which it pins, multiplies that by ``random.random()`` for every dial (``legacy/client.py``).
    """
    return random.uniform(0, 0.4)


def halved(_failures: int, random: Random) -> float:
    """Return 100 ms on average: what release 0.14.11 made of it, with ``BACKOFF_INITIAL = 0.2``."""
    return random.uniform(0, 0.2)


def constant(_failures: int, _random: Random) -> float:
    """Return 100 ms, always: what the goal says, taken at its word."""
    return 0.1


def growing(failures: int, random: Random) -> float:
    """Return 100 ms on average after a connection, 500 ms after a dial in vain, and 2 s after more of them."""
    return random.uniform(0, (0.2, 1.0, 4.0)[min(failures, 2)])


class Connection:
    """Connects and listens; when the connection is lost, or can't be made, it waits and dials again."""

    def __init__(self, url: str, wait: Wait, random: Random) -> None:
        self._url = url
        self._wait = wait
        self._random = random
        #: Set for good once it has been connected.
        self.was_connected = asyncio.Event()

    async def run(self) -> None:
        """Stay connected until cancelled."""
        failures = 0
        while True:
            failures = 0 if await self._connected() else failures + 1
            await asyncio.sleep(self._wait(failures, self._random))

    async def _connected(self) -> bool:
        """Listen for as long as there is a connection; return whether there was one."""
        try:
            # Whether there's a proxy, websockets would ask the environment, all of it, before each dial.
            async with connect(self._url, compression=None, proxy=None) as websocket:
                self.was_connected.set()
                with contextlib.suppress(ConnectionClosed):
                    async for _ in websocket:
                        pass
                return True
        except (OSError, WebSocketException):
            return False
