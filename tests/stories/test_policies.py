"""Real clients reconnect through a link: do they wait as their presets say?"""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import pytest

from pytest_netchaos.fingerprints import fingerprint
from pytest_netchaos.presets import python_socketio, websockets_default

pytestmark = pytest.mark.asyncio

#: Seconds that a busy machine may be late. Waits that are too short are found on any machine.
LATE = 5.0


async def break_twice(link, connected):
    """Cut the link until the client has dialled five times in vain, and again."""
    for outage in (1, 2):
        await connected.acquire()
        before = len(link.dials)
        with link.cut():
            await link.wait_for_dial_async(before + 5, timeout=20)
        await link.wait_for_connection_async(outage + 1, timeout=20)
    await connected.acquire()


@contextlib.asynccontextmanager
async def socketio_behind(netchaos):
    socketio = pytest.importorskip("socketio")
    web = pytest.importorskip("aiohttp.web")
    app = web.Application()
    socketio.AsyncServer(async_mode="aiohttp").attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield netchaos.link(runner.addresses[0][:2])
    finally:
        await runner.cleanup()


async def test_a_socketio_client_waits_as_its_preset_says(netchaos):
    socketio = pytest.importorskip("socketio")
    async with socketio_behind(netchaos) as link:
        connected = asyncio.Semaphore(0)
        client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.4, randomization_factor=0.03)
        client.on("connect", connected.release)
        await client.connect(link.url("http"), transports=["websocket"])
        await break_twice(link, connected)
        await client.disconnect()
        assert len(link.dials.refused) >= 8
        assert link.dials == python_socketio(0.1, 0.4, 0.03, late=LATE)
        said = python_socketio(2.0, 4.0, 0.03, late=LATE).explain(link)[0]
        assert said.startswith("dial 2 came too soon: backoff(first=2.0, cap=4.0, jitter=additive(0.03), late=5.0)")


@contextlib.asynccontextmanager
async def websocket_client(link, connected, delays):
    """Connects for as long as the block lasts, as the documentation of websockets has it."""
    client = pytest.importorskip("websockets.asyncio.client")
    closed = pytest.importorskip("websockets.exceptions").ConnectionClosed

    async def keep_connected():
        # Without `aclosing`, a task that is cancelled leaves the closing of its connection to another one.
        async with contextlib.aclosing(aiter(client.connect(link.url("ws"), reconnect_delays=delays))) as connections:
            async for connection in connections:
                connected.release()
                with contextlib.suppress(closed):
                    await connection.recv()

    task = asyncio.create_task(keep_connected())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def wait_closed(connection):
    await connection.wait_closed()


async def test_a_websockets_client_waits_as_its_preset_says_and_its_fingerprint_too(netchaos):
    server = pytest.importorskip("websockets.asyncio.server")
    backoff = pytest.importorskip("websockets.client").backoff
    async with server.serve(wait_closed, "127.0.0.1", 0) as served:
        link = netchaos.link(served.sockets[0].getsockname()[:2])
        connected = asyncio.Semaphore(0)
        async with websocket_client(link, connected, lambda: backoff(0.1, 0.15, 0.5, 1.618)):
            await break_twice(link, connected)
        assert link.dials == websockets_default(0.1, 0.15, 0.5, late=LATE)
        assert "came too soon" in websockets_default(0.1, 0.3, 0.5, late=LATE).explain(link)[0]
        found = fingerprint(link)
        assert (found.waits, found.runs) == (len(link.dials) - 1, 2)
        assert link.dials == found.matcher


async def test_a_client_that_does_not_wait_at_all_is_not_taken_for_one_that_does(netchaos):
    server = pytest.importorskip("websockets.asyncio.server")
    async with server.serve(wait_closed, "127.0.0.1", 0) as served:
        link = netchaos.link(served.sockets[0].getsockname()[:2])
        connected = asyncio.Semaphore(0)
        async with websocket_client(link, connected, lambda: itertools.repeat(0.0)):
            await break_twice(link, connected)
        assert "came too soon" in websockets_default(0.1, 0.15, 0.5, late=LATE).explain(link)[0]
