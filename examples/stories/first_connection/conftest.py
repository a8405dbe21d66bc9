"""The Socket.IO server of this story, behind a link."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import socketio
from aiohttp import web
from socketio.exceptions import ConnectionRefusedError as Refused

from pytest_netchaos import Link, Network


class Server:
    """Refuses whoever comes before it is ready: with a Socket.IO error, on a connection that it has accepted."""

    def __init__(self) -> None:
        self.address = ("", 0)
        #: How many clients it still refuses, and when it has refused the last of them.
        self.refusals = 0
        self.ready_at = 0.0
        self.socketio = socketio.AsyncServer(async_mode="aiohttp")
        self.socketio.on("connect", self._on_connect)

    def _on_connect(self, *_: object) -> None:
        if self.refusals:
            self.refusals -= 1
            self.ready_at = time.monotonic()
            raise Refused("still starting")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    server.socketio.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.address = runner.addresses[0][:2]
    yield server
    await server.socketio.shutdown()
    await runner.cleanup()


@pytest.fixture
def link(netchaos: Network, server: Server) -> Link:
    return netchaos.link(server.address, name="server")
