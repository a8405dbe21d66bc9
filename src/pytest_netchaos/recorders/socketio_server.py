"""Record a python-socketio server. Like the client's recorder it needs one private method, ``_trigger_event``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import Any, Literal, Protocol

from ..ledger import Attempt, Ledger
from .arguments import Arguments
from .emitting import Emitting, payload_of
from .identity import IdRule
from .recording import Recording, check_chosen
from .wrapping import Finish, require


class SocketIOServer(Protocol):
    """A `socketio.Server` or `socketio.AsyncServer`, which have no types of their own."""

    @property
    def emit(self) -> Callable[..., Any]:
        """Send an event."""

    @property
    def call(self) -> Callable[..., Any]:
        """Send an event and wait for the answer."""

    @property
    def is_asyncio_based(self) -> Callable[[], bool]:
        """Tell the two servers apart."""


def record_socketio_server(
    server: SocketIOServer,
    ledger: Ledger,
    *,
    id: IdRule = None,  # noqa: A002 - the word that the ledger and its matchers use
    name: str = "",
    events: Collection[str] | None = None,
    namespace: str = "/",
    arrivals: Literal["delivery", "send"] = "delivery",
) -> Recording:
    """Write down what a Socket.IO server gets and emits.

    - An event that arrives is a delivery, before its handler runs. With ``arrivals="send"`` it is a send instead: one
      attempt of a client that sends again by itself and can't be recorded, such as the JavaScript client with
      ``retries`` and ``ackTimeout``. It is ok when its handler has returned, since that acknowledges it; info until
      then, if the handler raises, and without one. That is what `attempts` counts, and what `deduplicated` compares
      with effects; don't write down the client's own calls as well.
    - What the server emits is a send, as for a client: see `record_socketio`. One to a room is one send, however many
      are in it.
    - Clients that connect, are refused or disconnect, with the reason, are notes in the timeline.

    Args:
        server: A `socketio.Server` or `socketio.AsyncServer`.
        ledger: Where to write.
        id: How to get the id from the payload, see `IdRule`. Default: the payload itself.
        name: Sender and subscriber in the ledger.
        events: Names of the events to record. Default: all. An event that is passed on under the same id is a delivery
            and a send: name the event of one of the two hops, or use two ledgers.
        namespace: The only one that is recorded.
        arrivals: What an event that arrives is: ``"delivery"`` or ``"send"``.

    Raises:
        TypeError: An argument isn't what it has to be.
        ValueError: ``arrivals`` is neither of the two, ``namespace`` doesn't begin with a slash, or the server is
            recorded so already.
        RuntimeError: This version of python-socketio lacks what has to be watched.
    """
    import socketio  # noqa: PLC0415 - only where it is used

    if not isinstance(server, (socketio.Server, socketio.AsyncServer)):
        raise TypeError(f"record_socketio_server() takes a socketio.Server or AsyncServer, not {server!r}")
    if arrivals not in {"delivery", "send"}:
        raise ValueError(f"arrivals must be 'delivery' or 'send', not {arrivals!r}")
    require(server, "python-socketio", "_trigger_event", "emit", "call")
    chosen = check_chosen("events", events)
    recording = Recording(ledger, "socketio server", name, id, (namespace, chosen))
    emitting = Emitting(recording, chosen, namespace)
    emitting.watch(server, is_async=server.is_asyncio_based())
    arrive = recording.delivered if arrivals == "delivery" else recording.attempt
    seen = _Arrivals(recording, emitting, namespace, arrive, getattr(server, "not_handled", _NOBODY))
    recording.watch(server, "_trigger_event", seen.before_event, is_async=server.is_asyncio_based())
    return recording


#: What no handler returns, for a python-socketio that has no word for an event without a handler.
_NOBODY = object()


class _Arrivals:
    def __init__(
        self,
        recording: Recording,
        emitting: Emitting,
        namespace: str,
        arrive: Callable[[str, Any], Attempt | None],
        not_handled: object,
    ) -> None:
        self._recording = recording
        self._emitting = emitting
        self._namespace = namespace
        self._arrive = arrive
        self._not_handled = not_handled

    def before_event(self, arguments: Arguments) -> Finish | None:
        event, namespace = arguments.get("event"), arguments.get("namespace")
        if namespace != self._namespace:
            return None
        sid, *details = arguments.after("namespace")
        if event == "connect":
            return functools.partial(self._connected, sid)
        if event == "disconnect":
            self._recording.note(f"lost client {sid}{f': {details[0]}' if details else ''}")
        elif self._emitting.chosen(event, namespace):
            attempt = self._arrive(f"event {event!r}", payload_of(tuple(details)))
            return None if attempt is None else functools.partial(self._handled, attempt)
        return None

    def _handled(self, attempt: Attempt, result: object, error: BaseException | None) -> None:
        if error is None and result is not self._not_handled:
            attempt.outcome = "ok"
        else:
            attempt.give_up()

    def _connected(self, sid: str, accepted: object, error: BaseException | None) -> None:
        if isinstance(error, TypeError):
            return  # The handler takes no `auth`: python-socketio calls it once more without.
        if error is not None or accepted is False:
            self._recording.note(f"refused client {sid}{f': {error}' if error is not None else ''}")
        else:
            self._recording.note(f"accepted client {sid}")
