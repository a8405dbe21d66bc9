"""An export of rows over a WebSocket that may last for weeks: numbered batches, acknowledged, and resumed.

The service keeps, for each session, which batch was acknowledged last; it goes on behind that one on any connection,
and on any node. At most a window of batches is on its way. The subscriber acknowledges a batch when it has applied it,
and leaves out what it gets a second time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.frames import CloseCode

from .codecs import JSON, Codec

if TYPE_CHECKING:
    from websockets.asyncio.connection import Connection
    from websockets.asyncio.server import ServerConnection

#: Batches on their way. Fewer than the 16 messages that `websockets` queues: when its queue is full it reads no pings.
WINDOW = 8
#: Seconds for a message to leave this machine. `websockets` itself would wait for ever, whatever its ``ping_timeout``.
PATIENCE = 10.0


async def send_within(connection: Connection, message: bytes | str, patience: float = PATIENCE) -> None:
    """Send, or hang up if the connection doesn't take the message.

    Raises:
        ConnectionClosed: It was closed, or is now.
    """
    try:
        async with asyncio.timeout(patience):
            await connection.send(message)
    except TimeoutError as error:
        # A closing handshake would wait behind the message, and so would a FIN: an RST doesn't.
        with contextlib.suppress(OSError):  # it may be closed by now
            abort = struct.pack("ii", 1, 0)
            connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, abort)
        connection.transport.abort()
        await connection.wait_closed()
        raise ConnectionClosedError(None, None) from error


@dataclass
class Session:
    """How far one subscriber has come."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    #: The last batch that was sent at all, and the last one that the subscriber has.
    sent: int = 0
    acknowledged: int = 0


@dataclass
class Export:
    """One node of the service. Nodes share their sessions, in a database say."""

    #: How many batches there are, and what is in each; from 1 on.
    batches: int
    rows: Callable[[int], Sequence[Any]]
    sessions: dict[str, Session]
    codec: Codec = JSON
    #: Told of each batch when it is sent for the first time.
    on_send: Callable[[int], None] = lambda _: None

    async def handle(self, connection: ServerConnection) -> None:
        """Send a subscriber all batches that it hasn't acknowledged, and hang up when it has them all."""
        with contextlib.suppress(ConnectionClosed):
            asked = self.codec.decode(await connection.recv())
            session = self.sessions.get(asked["session"]) or Session()
            self.sessions[session.id] = session
            await send_within(connection, self.codec.encode({"session": session.id}))
            await self._stream(connection, session)

    async def _stream(self, connection: ServerConnection, session: Session) -> None:
        sent = session.acknowledged
        while session.acknowledged < self.batches:
            while sent < min(session.acknowledged + WINDOW, self.batches):
                sent += 1
                if sent > session.sent:
                    session.sent = sent
                    self.on_send(sent)
                await send_within(connection, self.codec.encode({"batch": sent, "rows": self.rows(sent)}))
            acknowledged = self.codec.decode(await connection.recv())["acknowledged"]
            # What comes late, from a connection that is over, takes nothing back.
            session.acknowledged = max(session.acknowledged, acknowledged)


class Subscriber:
    """Applies each batch once, in order, however many connections that takes."""

    def __init__(
        self,
        url: str,
        apply: Callable[[int, Sequence[Any]], Awaitable[None]],
        on_connect: Callable[[str], None],
        codec: Codec = JSON,
        **options: Any,
    ) -> None:
        self._apply = apply
        self._on_connect = on_connect
        self._codec = codec
        self._connect = connect(url, **{"reconnect_delays": lambda: itertools.repeat(0.05), **options})
        self._session: str | None = None
        self._last = 0

    async def run(self) -> None:
        """Return when all batches were applied."""
        # Without `aclosing`, a task that is cancelled leaves the closing of its connection to another one.
        async with contextlib.aclosing(aiter(self._connect)) as connections:
            async for connection in connections:
                with contextlib.suppress(ConnectionClosed):
                    await self._receive(connection)
                # A node that goes away says 1001, which is no error either: `ConnectionClosedOK` is not the end.
                if connection.close_code == CloseCode.NORMAL_CLOSURE:
                    return

    async def _receive(self, connection: Connection) -> None:
        await send_within(connection, self._codec.encode({"session": self._session}))
        self._session = self._codec.decode(await connection.recv())["session"]
        self._on_connect(self._session)
        while True:
            message = self._codec.decode(await connection.recv())
            if self._is_new(message["batch"]):
                await self._apply(message["batch"], message["rows"])
                self._last = message["batch"]
            await send_within(connection, self._codec.encode({"acknowledged": self._last}))

    def _is_new(self, batch: int) -> bool:
        return batch > self._last
