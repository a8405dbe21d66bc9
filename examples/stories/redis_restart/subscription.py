"""A subscription whose end is noticed, however it ends, and the waits between two tries."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

from redis.exceptions import RedisError


def backoff(first: float, longest: float) -> Iterator[float]:
    """Yield waits in seconds: each twice the one before, and by chance ± 20 %, so that nodes don't come all at once."""
    wait = first
    while True:
        yield wait * random.uniform(0.8, 1.2)
        wait = min(2 * wait, longest)


class Subscription:
    """A subscription to one channel.

    A connection can be dead without a sign of it. So after some seconds of silence Redis is asked for one, and after as
    many again the connection is closed.

    Args:
        redis: A client of redis-py.
        channel: The channel's name.
        silence: The seconds.
    """

    def __init__(self, redis: Any, channel: str, silence: float) -> None:
        self._pubsub = redis.pubsub()
        self._channel = channel
        self._silence = silence
        self._heard = 0
        self._is_handling = False

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Subscribe, and yield what comes: messages, and a ``subscribe`` once Redis has confirmed the subscription.

        Raises:
            redis.ConnectionError: The connection has ended.
        """
        async with self._pubsub:
            await self._pubsub.subscribe(self._channel)
            watch = asyncio.create_task(self._watch())
            try:
                async for message in self._pubsub.listen():
                    self._heard += 1
                    self._is_handling = True
                    yield message
                    self._is_handling = False
            finally:
                watch.cancel()

    async def _watch(self) -> None:
        with contextlib.suppress(RedisError, OSError):  # then it has ended already
            while await self._hears():
                pass
            await self._pubsub.connection.disconnect(nowait=True)

    async def _hears(self) -> bool:
        before = self._heard
        await asyncio.sleep(self._silence)
        if not self._has_heard(before):
            await self._pubsub.ping()
            await asyncio.sleep(self._silence)
        return self._has_heard(before)

    def _has_heard(self, before: int) -> bool:
        """Say whether there was anything; who is still busy with a message may not have seen the next one."""
        return self._is_handling or self._heard != before
