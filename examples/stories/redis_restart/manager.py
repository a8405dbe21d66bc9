"""An ``AsyncRedisManager`` that loses no event while Redis is away, or while its own connection to it is.

- *Publishing.* Each event is numbered and kept in a bounded buffer. It is published in its turn; where that fails, it
  and all behind it wait, are tried again with exponential back-off, and go out in order. ``emit`` waits for Redis as
  long as Redis is well, and no longer when it isn't.
- *Listening.* Redis keeps nothing for a subscriber that is away. So a node that is back says, on the same channel,
  which number it has seen of each other node, and those publish again what is behind. It takes each number once.

What it can't do: a node that dies takes its buffer along; a full buffer drops its oldest events, and counts them; and a
``write_only`` manager has no ear for those who missed something, so that it only makes up for its own outages.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import socketio

from examples.stories.redis_restart.conversation import Conversation
from examples.stories.redis_restart.sequences import Outbox
from examples.stories.redis_restart.subscription import Subscription, backoff

#: Events that go to Redis in one round trip, where so many wait.
BATCH = 100


class Health(NamedTuple):
    """How a manager is, for a health check and for metrics."""

    publishing: bool  #: Whether Redis took the last event.
    listening: bool  #: Whether Redis has confirmed the subscription, and its connection is alive.
    waiting: int  #: Events that are still to be published.
    dropped: int  #: Events of this node that were too many or too old before they could be published.
    missed: int  #: Events of other nodes that these couldn't repeat any more.
    repeated: int  #: Events of other nodes that came once more, and were left out.


class BufferedRedisManager(socketio.AsyncRedisManager):
    """The Redis manager of python-socketio, with a buffer.

    Args:
        url: As for ``AsyncRedisManager``.
        max_events: How many of its own events it keeps, to publish them late or once more.
        max_age: Seconds for which it does.
        waits: Seconds before it tries again for the first time, and at most.
        silence: Seconds without an answer after which Redis is taken to be away.
        options: The others of ``AsyncRedisManager``.
    """

    def __init__(
        self,
        url: str,
        *,
        max_events: int = 1000,
        max_age: float = 60.0,
        waits: tuple[float, float] = (0.1, 2.0),
        silence: float = 2.0,
        **options: Any,
    ) -> None:
        limits = {"socket_timeout": silence, "socket_connect_timeout": silence}
        options["redis_options"] = {**limits, **(options.get("redis_options") or {})}
        super().__init__(url, **options)
        self._outbox = Outbox(max_events, max_age)
        self._talk = Conversation(self.host_id, self._outbox)
        #: How whatever this node publishes begins, if JSON is written in the usual way: it needn't be read again.
        self._own = f'{{"node": "{self.host_id}"'.encode()
        self._waits = waits
        self._silence = silence
        self._lock = asyncio.Lock()
        self._must_greet = False
        self._catching_up: asyncio.Task[None] | None = None
        self._away_since: float | None = None
        self._is_listening = False

    @property
    def health(self) -> Health:
        """How it is now."""
        sent, heard = self._outbox, self._talk.inbox
        is_publishing = self._away_since is None
        return Health(is_publishing, self._is_listening, sent.waiting, sent.dropped, heard.missed, heard.repeated)

    async def aclose(self) -> None:
        """End what publishes in the background, and all connections."""
        if self._catching_up is not None:
            self._catching_up.cancel()
        if self.redis is not None:
            await self.redis.aclose()

    def _client(self) -> Any:
        if self.redis is None:
            self._redis_connect()  # it makes a pool of connections; these find back by themselves
        return self.redis

    # Publishing

    async def _publish(self, data: dict[str, Any]) -> None:
        number = self._outbox.add(lambda number: self.json.dumps(self._talk.numbered(data, number)))
        if self._away_since is not None:
            await asyncio.sleep(0)  # or a loop that emits would let nothing else run, and Redis never be tried again
            return
        try:
            async with self._lock:
                while self._away_since is None and self._outbox.next <= number:
                    await self._publish_batch()
        except asyncio.CancelledError:
            self._catch_up()  # nobody knows how far it came
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: the event is kept, and tried again
            self._away_since = time.monotonic()
            self._catch_up(error)

    async def _publish_batch(self) -> None:
        """Publish what is due, in one round trip. What fails stays due."""
        texts = self._outbox.due(BATCH)
        begin, count = self._outbox.next, len(texts)
        if greets := self._must_greet:
            self._must_greet = False
            texts.insert(0, self.json.dumps(self._talk.place()))
        try:
            await self._send(texts)
        except BaseException:
            self._must_greet |= greets
            raise
        self._outbox.published(begin, count)

    async def _send(self, texts: list[str]) -> None:
        if len(texts) == 1:
            await self._client().publish(self.channel, texts[0])
            return
        async with self._client().pipeline(transaction=False) as pipeline:
            for text in texts:
                pipeline.publish(self.channel, text)
            await pipeline.execute()

    def _catch_up(self, error: Exception | None = None) -> None:
        """Publish what is due in the background, for as long as it takes."""
        if self._catching_up is None:
            self._catching_up = asyncio.create_task(self._publish_all(error))

    async def _publish_all(self, error: Exception | None) -> None:
        waits = backoff(*self._waits)
        while error or self._must_greet or self._outbox.waiting:
            if error is not None:
                await self._wait_for_redis(error, next(waits))
            try:
                async with self._lock:
                    await self._publish_batch()
                error = None
            except Exception as another:  # noqa: BLE001 - as above
                error = another
        self._catching_up = None
        if self._away_since is not None:
            away, self._away_since = time.monotonic() - self._away_since, None
            self._get_logger().warning("Redis is back after %.1f s, and has every event that was kept", away)

    async def _wait_for_redis(self, error: Exception, wait: float) -> None:
        self._away_since = self._away_since or time.monotonic()
        self._must_greet = True  # those who listen have to know what was dropped meanwhile
        text = "Redis takes no events (%s): %d wait, %d were dropped; next try in %.2f s"
        self._get_logger().warning(text, error, self._outbox.waiting, self._outbox.dropped, wait)
        await asyncio.sleep(wait)

    # Listening

    async def _listen(self) -> AsyncIterator[dict[str, Any]]:
        waits = backoff(*self._waits)
        while True:
            try:
                subscription = Subscription(self._client(), self.channel, self._silence)
                async with contextlib.aclosing(subscription.messages()) as messages:
                    async for message in messages:
                        if message["type"] == "subscribe":
                            self._is_listening = True
                            self._get_logger().info("Redis has confirmed the subscription")
                            self._greet()
                        elif message["type"] == "message" and (data := self._in_turn(message["data"])):
                            yield data
            except Exception as error:  # noqa: BLE001 - whatever it is: without a listener, a node is deaf
                waits = backoff(*self._waits) if self._is_listening else waits
                self._is_listening, wait = False, next(waits)
                self._get_logger().warning("Redis sends no events (%s); next try in %.2f s", error, wait)
                await asyncio.sleep(wait)

    def _in_turn(self, text: bytes) -> dict[str, Any] | None:
        """Return what python-socketio is to handle: an event in its turn, or nothing."""
        if text.startswith(self._own):
            return None
        try:
            data = self.json.loads(text)
        except ValueError:
            data = None
        if not isinstance(data, dict) or "method" not in data:
            return None  # no node has said that
        heard = self._talk.hear(data)
        if heard.missed:
            self._get_logger().error("%d events of node %s are lost: it has dropped them", heard.missed, data["node"])
        if heard.must_greet:
            self._greet()
        return data if heard.is_new else None

    def _greet(self) -> None:
        """Say this node's place, and publish what others have missed."""
        self._must_greet = True
        self._catch_up()
