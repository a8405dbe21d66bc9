"""Record a connection of `websockets`, on either side of it.

Two names that its documentation doesn't have are needed to learn when a connection has ended without keeping a task or
a thread of our own: the future ``connection_lost_waiter`` (asyncio) and the method ``close_socket`` (threads).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeAlias

from ..ledger import Attempt, Ledger
from .arguments import Arguments
from .identity import IdRule, as_text
from .recording import Recording
from .wrapping import Finish, require

if TYPE_CHECKING:
    from websockets.asyncio.connection import Connection as AsyncConnection
    from websockets.sync.connection import Connection as SyncConnection

    WebSocket: TypeAlias = AsyncConnection | SyncConnection


def record_websocket(
    connection: WebSocket,
    ledger: Ledger,
    *,
    id: IdRule = None,  # noqa: A002 - the word that the ledger and its matchers use
    name: str = "",
) -> Recording:
    """Write down what one WebSocket connection sends and receives.

    ::

        async for connection in connect(url):
            record_websocket(connection, ledger, name="alice", id="number")
            ...

    - ``send`` is a send. It is ok when it has returned: the bytes are with the system, on their way. It is fail if the
      connection wasn't open when it was called, and info if it raises otherwise.
    - A message that ``recv``, ``for`` or ``async for`` returns is a delivery.
    - The connection is written down as connected when recording starts. Its end is a note with the close code and
      reason.

    The payload is the message as text, whether it travels as text or as bytes; bytes that aren't UTF-8 stay bytes. A
    list of fragments is put together. What is sent from another iterable, or received with ``recv_streaming``, isn't
    recorded, and a note says so. Nor is what a server sends with ``broadcast()``, which passes by the methods of its
    connections: nothing says so.

    Args:
        connection: Of ``websockets.asyncio`` or ``websockets.sync``, a client's or a server's. Not of
            ``websockets.legacy``.
        ledger: Where to write.
        id: How to get the id from the payload, see `IdRule`: ``id="number"`` reads it from JSON. Default: the payload
            itself.
        name: Sender and subscriber in the ledger.

    Raises:
        TypeError: An argument isn't what it has to be.
        ValueError: The connection is recorded so already.
        RuntimeError: This version of websockets lacks what has to be watched.
    """
    from websockets.asyncio.connection import Connection as AsyncConnection  # noqa: PLC0415 - only where it is used
    from websockets.sync.connection import Connection as SyncConnection  # noqa: PLC0415 - only where it is used

    recording = Recording(ledger, "websocket", name, id)
    if isinstance(connection, AsyncConnection):
        require(connection, "websockets", "connection_lost_waiter")
        _Messages(connection, recording).watch(is_async=True)
        _watch_end_async(connection, recording)
    elif isinstance(connection, SyncConnection):
        require(connection, "websockets", "close_socket")
        _Messages(connection, recording).watch(is_async=False)
        _watch_end(connection, recording)
    else:
        raise TypeError(
            f"record_websocket() takes a connection of websockets.asyncio or websockets.sync, not {connection!r}"
        )
    ledger.connected(subscriber=name)
    return recording


class _Messages:
    def __init__(self, connection: WebSocket, recording: Recording) -> None:
        self._connection = connection
        self._recording = recording

    def watch(self, *, is_async: bool) -> None:
        self._recording.watch(self._connection, "send", self._before_send, is_async=is_async)
        self._recording.watch(self._connection, "recv", self._before_receive, is_async=is_async)
        # It returns an iterator at once, also with asyncio.
        self._recording.watch(self._connection, "recv_streaming", self._before_streaming, is_async=False)

    def _before_send(self, arguments: Arguments) -> Finish | None:
        from websockets.protocol import State  # noqa: PLC0415 - only where it is used

        message = arguments.get("message")
        try:
            payload = _whole(message)
        except TypeError as error:
            self._recording.missed(f"a message from a {type(message).__name__}", str(error))
            return None
        attempt = self._recording.attempt("a message", payload)
        if attempt is None:
            return None
        return functools.partial(_sent, attempt, self._connection.state is State.OPEN)

    def _before_receive(self, _: Arguments) -> Finish:
        return self._received

    def _received(self, message: object, error: BaseException | None) -> None:
        if error is None:
            self._recording.delivered("a message", as_text(message))

    def _before_streaming(self, _: Arguments) -> None:
        self._recording.missed("recv_streaming()", "only whole messages are recorded, those that recv() returns")


def _sent(attempt: Attempt, was_open: bool, _: object, error: BaseException | None) -> None:  # noqa: FBT001 - bound once
    if error is None:
        attempt.outcome = "ok"
    elif not was_open:
        attempt.outcome = "fail"
    else:
        attempt.give_up()


def _whole(message: object) -> object:
    """Return a message as text, its fragments put together.

    Raises:
        TypeError: There are none, or they can be gone through only once, and not by us.
    """
    if isinstance(message, (str, bytes, bytearray, memoryview)):
        return as_text(message)
    if not isinstance(message, (list, tuple)):
        raise TypeError("of fragments only a list or a tuple is recorded, since others can be gone through only once")
    if not message:
        raise TypeError("it has no fragments, so nothing is sent")
    return "".join(message) if isinstance(message[0], str) else as_text(b"".join(message))


def _watch_end_async(connection: AsyncConnection, recording: Recording) -> None:
    def ended(_: object) -> None:
        _note_end(connection, recording)

    connection.connection_lost_waiter.add_done_callback(ended)
    recording.on_stop(lambda: connection.connection_lost_waiter.remove_done_callback(ended))


def _watch_end(connection: SyncConnection, recording: Recording) -> None:
    noted: list[bool] = []

    def closed(_: object, __: BaseException | None) -> None:
        # Called by whoever notices the end first, and once more by the thread that reads.
        if not noted:
            noted.append(True)
            _note_end(connection, recording)

    recording.watch(connection, "close_socket", lambda _: closed, is_async=False)


def _note_end(connection: WebSocket, recording: Recording) -> None:
    recording.note(f"closed with {connection.close_code}: {connection.protocol.close_exc}")
