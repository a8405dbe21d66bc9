"""Record what a redis-py client writes to streams, and reads from them."""

from __future__ import annotations

import functools
import time
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ..ledger import Attempt, Ledger
from .arguments import Arguments
from .identity import IdRule, as_text
from .publisher import is_async_client, settle
from .recording import Recording, check_chosen
from .wrapping import Finish, require

if TYPE_CHECKING:
    from .publisher import RedisClient

#: An entry's id and fields; both ``None`` for one that was deleted.
_Entry: TypeAlias = tuple[Any, Any]


def record_stream(
    client: RedisClient,
    ledger: Ledger,
    *,
    id: IdRule = None,  # noqa: A002 - the word that the ledger and its matchers use
    name: str = "",
    streams: Collection[str] | None = None,
) -> Recording:
    """Write down what a Redis client adds to streams, and what it reads from them.

    - ``xadd`` is a send: ok when it returns; info if it raises, as for `record_publisher`.
    - An entry that ``xread``, ``xreadgroup``, ``xclaim`` or ``xautoclaim`` returns is a delivery. One that is read
      again, because it was pending or was claimed, is one more. Give all consumers of a group the same ``name``: the
      group is the subscriber, since each entry goes to one of them.
    - An ``xack`` that raises, or that acknowledges less than it was given, is a note: those entries will come again.
      The others aren't noted, there may be thousands.

    The payload is the entry's fields, names and values as text. Commands in a pipeline aren't recorded.

    Args:
        client: Of ``redis`` or ``redis.asyncio``, a cluster's too.
        ledger: Where to write.
        id: How to get the id from the fields, see `IdRule`: ``id="order"`` takes a field. Default: the entry's id in
            the stream. Under faults take a field: if the reply to an ``xadd`` is lost, nobody knows the id that it was
            given; it can't be recorded (a note says so), and what redis-py adds again by itself looks like a message
            that was never sent.
        name: Sender and subscriber in the ledger.
        streams: Names of the streams to record. Default: all.

    Raises:
        TypeError: An argument isn't what it has to be.
        ValueError: The client is recorded so already.
        RuntimeError: This version of redis-py lacks what has to be watched.
    """
    is_async = is_async_client(client, "record_stream")
    chosen = check_chosen("streams", streams)
    recording = Recording(ledger, "stream", name, id, chosen)
    sends = (_ByField if id is not None else _ByEntry)(recording, chosen)
    reads = _Reads(recording, chosen, by_entry=id is None)
    hooks = {
        "xadd": sends.before_add,
        "xread": reads.before_read,
        "xreadgroup": reads.before_read,
        "xclaim": reads.before_claim,
        "xautoclaim": reads.before_claim,
        "xack": reads.before_acknowledge,
    }
    require(client, "redis", *hooks)
    for method, before in hooks.items():
        recording.watch(client, method, before, is_async=is_async)
    return recording


class _ByField:
    """Entries that have their id among their fields: it is known before they are sent."""

    def __init__(self, recording: Recording, streams: frozenset[str] | None) -> None:
        self._recording = recording
        self._streams = streams

    def before_add(self, arguments: Arguments) -> Finish | None:
        stream = as_text(arguments.get("name"))
        if self._streams is not None and stream not in self._streams:
            return None
        return self._added(stream, arguments)

    def _added(self, stream: object, arguments: Arguments) -> Finish | None:
        attempt = self._recording.attempt(f"an entry to {stream!r}", _fields(arguments.get("fields")))
        return None if attempt is None else functools.partial(_settle, attempt)


class _ByEntry(_ByField):
    """Entries that get their id from Redis."""

    def _added(self, stream: object, _: Arguments) -> Finish:
        started_at = time.monotonic()

        def finish(entry_id: object, error: BaseException | None) -> None:
            if error is None:
                self._recording.ledger.sent(as_text(entry_id), sender=self._recording.name, at=started_at)
            else:
                self._recording.missed(
                    f"an entry to {stream!r} ({type(error).__name__})",
                    "its id came with the reply, which is lost. Say with id=… which field to take instead",
                )

        return finish


class _Reads:
    def __init__(self, recording: Recording, streams: frozenset[str] | None, *, by_entry: bool) -> None:
        self._recording = recording
        self._streams = streams
        self._by_entry = by_entry

    def before_read(self, _: Arguments) -> Finish:
        return self._read

    def before_claim(self, arguments: Arguments) -> Finish | None:
        if arguments.get("justid"):
            return None
        return functools.partial(self._claimed, as_text(arguments.get("name")))

    def before_acknowledge(self, arguments: Arguments) -> Finish | None:
        stream = as_text(arguments.get("name"))
        if self._streams is not None and stream not in self._streams:
            return None
        return functools.partial(self._acknowledged, stream, [as_text(entry) for entry in arguments.positional[2:]])

    def _read(self, reply: Any, error: BaseException | None) -> None:  # noqa: ANN401 - of many shapes
        if error is None:
            for stream, entries in streams_of(reply):
                self._deliver(stream, entries)

    def _claimed(self, stream: object, reply: Any, error: BaseException | None) -> None:  # noqa: ANN401 - as above
        if error is None and reply:
            # xautoclaim: where to go on, the entries, the deleted ones. xclaim: the entries.
            self._deliver(stream, reply[1] if isinstance(reply[0], (str, bytes)) else reply)

    def _deliver(self, stream: object, entries: Iterable[_Entry]) -> None:
        if self._streams is not None and stream not in self._streams:
            return
        for entry_id, fields, *_ in entries:
            if entry_id is None:
                continue
            payload = as_text(entry_id) if self._by_entry else _fields(fields)
            self._recording.delivered(f"an entry of {stream!r}", payload)

    def _acknowledged(self, stream: object, entries: list[object], count: object, error: BaseException | None) -> None:
        if error is None and count == len(entries):
            return
        which = f"{entries[0]}{f' and {len(entries) - 1} more' if len(entries) > 1 else ''}" if entries else "nothing"
        how = f"{count} taken" if error is None else f"{type(error).__name__}: {error}"
        self._recording.note(f"xack of {which} in {stream!r}: {how}")


def streams_of(reply: Any) -> Iterable[tuple[object, list[_Entry]]]:  # noqa: ANN401 - of many shapes
    """Return the entries by stream, from any of the shapes that redis-py's versions and protocols give."""
    for stream, entries in reply.items() if isinstance(reply, Mapping) else reply or ():
        # redis-py 5 to 7 with RESP3: the list of entries is in a list of its own.
        nested = bool(entries) and isinstance(entries[0], list)
        yield as_text(stream), [entry for part in entries for entry in part] if nested else list(entries)


def _fields(fields: Any) -> object:  # noqa: ANN401 - what isn't a mapping has no id, and is noted as that
    if not isinstance(fields, Mapping):
        return fields
    return {as_text(name): as_text(value) for name, value in fields.items()}


def _settle(attempt: Attempt, _: object, error: BaseException | None) -> None:
    settle(attempt, error)
