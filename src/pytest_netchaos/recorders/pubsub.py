"""Record what a redis-py subscriber gets. Needs nothing private: `PubSub.handle_message` sees every message."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ..ledger import Ledger
from .arguments import Arguments
from .identity import IdRule, as_text
from .recording import Recording
from .wrapping import require

if TYPE_CHECKING:
    import redis
    import redis.asyncio

    PubSub: TypeAlias = redis.client.PubSub | redis.asyncio.client.PubSub


def record_pubsub(
    pubsub: PubSub,
    ledger: Ledger,
    *,
    id: IdRule = None,  # noqa: A002 - the word that the ledger and its matchers use
    name: str = "",
) -> Recording:
    """Write down what a Redis subscriber gets.

    ::

        pubsub = client.pubsub()
        record_pubsub(pubsub, ledger, name="bob", id="number")
        pubsub.subscribe("ticks")

    - A message that ``get_message`` or ``listen`` returns is a delivery, and so is one that is handed to a handler,
      before that runs.
    - When Redis confirms the first subscription of a connection, the subscriber is written down as connected, with a
      note: redis-py subscribes again by itself after a loss. What was published until then is gone.

    The payload is the message's data as text; bytes that aren't UTF-8 stay bytes. What a cluster's subscriber gets by
    ``ssubscribe`` isn't recorded, since it has a subscriber of its own for each node; a note says so.

    Args:
        pubsub: Of ``redis`` or ``redis.asyncio``, subscribed or not yet.
        ledger: Where to write.
        id: How to get the id from the payload, see `IdRule`: ``id="number"`` reads it from JSON. Default: the payload
            itself.
        name: Subscriber in the ledger.

    Raises:
        TypeError: An argument isn't what it has to be.
        ValueError: The subscriber is recorded so already.
        RuntimeError: This version of redis-py lacks what has to be watched.
    """
    from redis.asyncio.client import PubSub as AsyncPubSub  # noqa: PLC0415 - only where it is used
    from redis.client import PubSub as SyncPubSub  # noqa: PLC0415 - only where it is used

    if not isinstance(pubsub, (SyncPubSub, AsyncPubSub)):
        raise TypeError(f"record_pubsub() takes what pubsub() of a Redis client returns, not {pubsub!r}")
    require(pubsub, "redis", "handle_message")
    recording = Recording(ledger, "pubsub", name, id)
    arrivals, is_async = _Arrivals(recording), isinstance(pubsub, AsyncPubSub)
    recording.watch(pubsub, "handle_message", arrivals.before_message, is_async=is_async)
    if hasattr(pubsub, "get_sharded_message"):
        recording.watch(pubsub, "ssubscribe", arrivals.before_shards, is_async=is_async)
    return recording


class _Arrivals:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        #: The channels and patterns that Redis has confirmed on this connection.
        self._confirmed: set[object] = set()

    def before_shards(self, _: Arguments) -> None:
        self._recording.missed("what ssubscribe() brings", "a cluster's client has a subscriber for each node")

    def before_message(self, arguments: Arguments) -> None:
        response = arguments.get("response")
        if not isinstance(response, (list, tuple)):
            return
        kind, *details = (as_text(part) for part in response)
        if kind in {"message", "smessage", "pmessage"}:
            self._recording.delivered(f"a message on {details[-2]!r}", details[-1])
        elif kind in {"subscribe", "ssubscribe", "psubscribe"}:
            self._subscribed((kind, details[0]))
        elif kind in {"unsubscribe", "sunsubscribe", "punsubscribe"}:
            self._confirmed.discard((str(kind).removeprefix("un"), details[0]))

    def _subscribed(self, subscription: tuple[object, object]) -> None:
        # The same one twice is a new connection's: redis-py repeats them all there, and never on the same one.
        if not self._confirmed or subscription in self._confirmed:
            self._confirmed = set()
            self._recording.ledger.connected(subscriber=self._recording.name)
            self._recording.note(f"subscribed to {subscription[1]!r}")
        self._confirmed.add(subscription)
