"""A subscription whose end is noticed, however it ends, and the waits between two tries."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from typing import Any


def backoff(first: float, longest: float) -> Iterator[float]:
    """Yield waits in seconds: each twice the one before, and by chance ± 20 %, so that nodes don't come all at once."""
    wait = first
    while True:
        yield wait * random.uniform(0.8, 1.2)
        wait = min(2 * wait, longest)


async def messages(redis: Any, channel: str, silence: float) -> AsyncIterator[dict[str, Any]]:
    """Subscribe, and yield what comes: messages, and a ``subscribe`` once Redis has confirmed the subscription.

    A connection can be dead without a sign of it. So after ``silence`` seconds Redis is asked for one.

    Raises:
        TimeoutError: Redis didn't answer for as long again.
    """
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(channel)
        is_asked = False
        while True:
            message = await pubsub.get_message(timeout=silence)
            if message is not None:
                is_asked = False
                yield message
            elif is_asked:
                raise TimeoutError(f"no sign of it for {2 * silence:g} s")
            else:
                await pubsub.ping()
                is_asked = True
