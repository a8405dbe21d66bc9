"""Record what a redis-py client publishes."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import TYPE_CHECKING, TypeAlias

from ..ledger import Attempt, Ledger
from .arguments import Arguments
from .identity import IdRule, as_text
from .recording import Recording, check_chosen
from .wrapping import Finish, require

if TYPE_CHECKING:
    import redis
    import redis.asyncio

    RedisClient: TypeAlias = redis.Redis | redis.RedisCluster | redis.asyncio.Redis | redis.asyncio.RedisCluster


def record_publisher(
    client: RedisClient,
    ledger: Ledger,
    *,
    id: IdRule = None,  # noqa: A002 - the word that the ledger and its matchers use
    name: str = "",
    channels: Collection[str] | None = None,
) -> Recording:
    """Write down what a Redis client publishes, with ``publish`` and ``spublish``.

    A call that returns is ok: Redis has it. If it had no subscriber to give it to, a note says so, one for each such
    stretch of a channel. A call that raises is info, a refusal by the server too: redis-py may have tried before, and
    lost the reply. Only a message that can't be encoded is fail. What redis-py sends again by itself is still one send.

    The payload is the message as text; bytes that aren't UTF-8 stay bytes. Commands in a pipeline aren't recorded.

    Args:
        client: Of ``redis`` or ``redis.asyncio``, a cluster's too.
        ledger: Where to write.
        id: How to get the id from the payload, see `IdRule`: ``id="number"`` reads it from JSON. Default: the payload
            itself.
        name: Sender in the ledger.
        channels: Names of the channels to record. Default: all.

    Raises:
        TypeError: An argument isn't what it has to be.
        ValueError: The client is recorded so already.
        RuntimeError: This version of redis-py lacks what has to be watched.
    """
    is_async = is_async_client(client, "record_publisher")
    require(client, "redis", "publish")
    chosen = check_chosen("channels", channels)
    recording = Recording(ledger, "publisher", name, id, chosen)
    publishing = _Publishing(recording, chosen)
    for method in ("publish", "spublish"):
        if hasattr(client, method):
            recording.watch(client, method, publishing.before_publish, is_async=is_async)
    return recording


def is_async_client(client: object, called: str) -> bool:
    """Tell an asyncio client from the other.

    Raises:
        TypeError: It is neither, or a pipeline.
    """
    import redis  # noqa: PLC0415 - only where it is used
    import redis.asyncio as redis_asyncio  # noqa: PLC0415 - only where it is used

    pipelines = (redis.client.Pipeline, redis_asyncio.client.Pipeline)
    if isinstance(client, pipelines):
        raise TypeError(
            f"{called}() takes a Redis client, not {client!r}: a command in a pipeline has no outcome of its own. "
            "Call ledger.attempted() for each, and set their outcomes after execute()."
        )
    if isinstance(client, (redis_asyncio.Redis, redis_asyncio.RedisCluster)):
        return True
    if isinstance(client, (redis.Redis, redis.RedisCluster)):
        return False
    raise TypeError(f"{called}() takes a Redis or RedisCluster of redis or redis.asyncio, not {client!r}")


def settle(attempt: Attempt, error: BaseException | None) -> None:
    """Set the outcome of a Redis command that is over."""
    from redis.exceptions import DataError  # noqa: PLC0415 - only where it is used

    if error is None:
        attempt.outcome = "ok"
    elif isinstance(error, DataError):
        attempt.outcome = "fail"
    else:
        attempt.give_up()


class _Publishing:
    def __init__(self, recording: Recording, channels: frozenset[str] | None) -> None:
        self._recording = recording
        self._channels = channels
        #: Those that nobody listened to when they were last published to.
        self._deserted: set[object] = set()

    def before_publish(self, arguments: Arguments) -> Finish | None:
        channel = as_text(arguments.get("channel") or arguments.get("shard_channel"))
        if self._channels is not None and channel not in self._channels:
            return None
        attempt = self._recording.attempt(f"a message to {channel!r}", as_text(arguments.get("message")))
        return functools.partial(self._published, channel, attempt)

    def _published(
        self, channel: object, attempt: Attempt | None, receivers: object, error: BaseException | None
    ) -> None:
        if attempt is not None:
            settle(attempt, error)
        if error is not None:
            return
        if receivers != 0:
            self._deserted.discard(channel)
        elif channel not in self._deserted:
            self._deserted.add(channel)
            what = "" if attempt is None else f" when {attempt.id!r} was published"
            self._recording.note(f"had no subscriber on {channel!r}{what}")
