"""Do what an event asks for once, however often the event comes, and to whichever server.

In Redis, each event has one key:

- there is none: nobody has begun;
- ``claim:…``: somebody is at it. It is gone after `claim` seconds, so that another one may begin if that one died;
- ``result:…``: it is done, and this is the answer to all who ask again, for `remember` seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

_log = logging.getLogger(__name__)

#: Seconds between two looks at a key that somebody else has claimed.
PAUSE = 0.02

#: Replaces our own claim with the result, or what is left of it when it has expired. A second time it does no harm.
_FINISH = """
local found = redis.call("GET", KEYS[1])
if found and found ~= ARGV[1] and found ~= ARGV[2] then return 0 end
redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3])
return 1
"""

#: Gives up a claim, if it is still our own.
_RELEASE = """
if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end
"""


def open_redis(url: str) -> Redis:
    """A client that sends a command again when its connection breaks: by itself, `from_url` makes one that doesn't."""
    return Redis.from_url(url, decode_responses=True, retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), 8))


class Idempotent:
    """Handles each event once.

    Args:
        redis: From `open_redis`.
        claim: Seconds; more than an effect ever takes.
        remember: Seconds; more than a client ever goes on sending an event, its time without a connection included.
    """

    def __init__(self, redis: Redis, *, claim: float = 30.0, remember: float = 86_400.0) -> None:
        self._redis = redis
        self._claim_ms = int(claim * 1000)
        self._remember_ms = int(remember * 1000)
        self._finish = redis.register_script(_FINISH)
        self._release = redis.register_script(_RELEASE)

    async def once(self, event: str, effect: Callable[[], Awaitable[Any]]) -> Any:
        """Return the effect's result: of this call, or of the one that came first.

        An effect that raises has not happened: the next one to ask tries again.
        """
        key, token = f"event:{event}", f"claim:{uuid.uuid4()}"
        while (holder := await self._claim(key, token)) != token:
            if holder.startswith("result:"):
                return json.loads(holder.removeprefix("result:"))
            await asyncio.sleep(PAUSE)
        try:
            result = await effect()
        except Exception:
            await self._release(keys=[key], args=[token])
            raise
        stored = await self._finish(keys=[key], args=[token, f"result:{json.dumps(result)}", self._remember_ms])
        if not stored:
            _log.error("%s took longer than its claim: somebody else has begun, and the effect may come twice", event)
        return result

    async def _claim(self, key: str, token: str) -> str:
        """Claim the key if it is free; return who has it now.

        Redis may have got the command and its answer be lost. Sent again, it finds our own token, and not a stranger's.
        """
        return await self._redis.set(key, token, nx=True, get=True, px=self._claim_ms) or token
