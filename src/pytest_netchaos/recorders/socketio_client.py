"""Record a python-socketio client.

It needs one private method, ``_trigger_event``: every event passes it on its way to a handler, whether that was
registered with ``on()``, as ``*`` or in a class, before or after. The handlers themselves aren't touched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Protocol

from ..ledger import Ledger
from .arguments import Arguments
from .emitting import Emitting, payload_of
from .identity import IdRule
from .recording import Recording, check_chosen
from .wrapping import require

#: Sent by python-socketio to itself, for its own bookkeeping.
_INTERNAL = "__disconnect_final"


class SocketIOClient(Protocol):
    """A `socketio.Client` or `socketio.AsyncClient`, which have no types of their own."""

    @property
    def emit(self) -> Callable[..., Any]:
        """Send an event."""

    @property
    def call(self) -> Callable[..., Any]:
        """Send an event and wait for the answer."""

    @property
    def get_sid(self) -> Callable[..., Any]:
        """Return the session id of a namespace."""

    @property
    def is_asyncio_based(self) -> Callable[[], bool]:
        """Tell the two clients apart."""


def record_socketio(
    client: SocketIOClient,
    ledger: Ledger,
    *,
    id: IdRule = None,  # noqa: A002 - the word that the ledger and its matchers use
    name: str = "",
    events: Collection[str] | None = None,
    namespace: str = "/",
) -> Recording:
    """Write down what a Socket.IO client emits and gets.

    ::

        client = socketio.AsyncClient()
        with record_socketio(client, ledger, name="alice", events=["tick"], id="number"):
            ...

    - What it emits (``emit``, ``send``, ``call``, of a class-based namespace too) is a send. It is ok when the call has
      returned; with a callback, when that is called. A call that raises is info: it may have arrived. With
      ``BadNamespaceError`` it is fail: python-socketio has sent nothing.
    - An event that arrives is a delivery, before its handler runs; also if no handler takes it, or the handler raises.
      Acknowledgements aren't events.
    - Connecting is written down with the ``sid`` as the session, for `resumed`. Connecting, failing to connect and
      disconnecting, with its reason, are notes in the timeline.

    The payload is the event's data; a tuple where an event has several arguments, ``None`` where it has none.

    Args:
        client: A `socketio.Client` or `socketio.AsyncClient`, connected or not yet.
        ledger: Where to write.
        id: How to get the id from the payload, see `IdRule`. Default: the payload itself.
        name: Sender and subscriber in the ledger.
        events: Names of the events to record. Default: all. A server that passes an event on under the same id makes
            two sends of it: name the event of one of the two hops, or use two ledgers.
        namespace: The only one that is recorded: each has a session of its own.

    Raises:
        TypeError: An argument isn't what it has to be. Of a ``SimpleClient``, give its ``client``, once connected.
        ValueError: ``namespace`` doesn't begin with a slash, or the client is recorded so already.
        RuntimeError: This version of python-socketio lacks what has to be watched.
    """
    import socketio  # noqa: PLC0415 - only where it is used

    if not isinstance(client, (socketio.Client, socketio.AsyncClient)):
        raise TypeError(
            f"record_socketio() takes a socketio.Client or AsyncClient, not {client!r}; "
            "of a SimpleClient its `client`, once connected"
        )
    require(client, "python-socketio", "_trigger_event", "emit", "call", "get_sid")
    chosen = check_chosen("events", events)
    recording = Recording(ledger, "socketio", name, id, (namespace, chosen))
    emitting = Emitting(recording, chosen, namespace)
    emitting.watch(client, is_async=client.is_asyncio_based())
    arrivals = _Arrivals(client, recording, emitting, namespace)
    recording.watch(client, "_trigger_event", arrivals.before_event, is_async=client.is_asyncio_based())
    return recording


class _Arrivals:
    def __init__(self, client: SocketIOClient, recording: Recording, emitting: Emitting, namespace: str) -> None:
        self._client = client
        self._recording = recording
        self._emitting = emitting
        self._namespace = namespace

    def before_event(self, arguments: Arguments) -> None:
        event, namespace = arguments.get("event"), arguments.get("namespace")
        if namespace != self._namespace or event == _INTERNAL:
            return
        details = arguments.after("namespace")
        if event == "connect":
            self._connected()
        elif event == "connect_error":
            self._recording.note(f"could not connect{_in_words(details)}")
        elif event == "disconnect":
            self._recording.note(f"disconnected{_in_words(details)}")
        elif self._emitting.chosen(event, namespace):
            self._recording.delivered(f"event {event!r}", payload_of(details))

    def _connected(self) -> None:
        sid = self._client.get_sid(self._namespace)
        self._recording.ledger.connected(subscriber=self._recording.name, session=sid)
        self._recording.note(f"connected, sid {sid}")


def _in_words(details: tuple[Any, ...]) -> str:
    return f": {', '.join(map(str, details))}" if details else ""
