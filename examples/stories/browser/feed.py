"""A feed that sends each message again until its reader has acknowledged it: at least once, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socketio


class Feed:
    """Keeps what the reader has not acknowledged; whenever the reader subscribes, it gets all of that."""

    def __init__(self, server: socketio.AsyncServer) -> None:
        self._server = server
        self.reader: str | None = None
        self.unacknowledged: dict[int, None] = {}
        server.on("subscribe", self._subscribe)

    async def publish(self, number: int) -> None:
        self.unacknowledged[number] = None
        if self.reader is not None:
            await self._send(number)

    async def _subscribe(self, sid: str) -> None:
        self.reader = sid
        for number in tuple(self.unacknowledged):
            await self._send(number)

    async def _send(self, number: int) -> None:
        def acknowledged() -> None:
            self.unacknowledged.pop(number, None)

        await self._server.emit("news", number, to=self.reader, callback=acknowledged)
