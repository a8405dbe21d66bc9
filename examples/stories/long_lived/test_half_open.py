"""The other side is gone, and nobody says so: who finds out, and when?"""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from examples.stories.long_lived.export import send_within
from examples.stories.long_lived.tcp import keep_alive
from pytest_netchaos import check_async, dead_peer_detected

pytestmark = pytest.mark.asyncio

#: Seconds, of both ends. After their sum, `websockets` has found out; without ``ping_interval`` it never does.
PINGS = {"ping_interval": 0.3, "ping_timeout": 0.3, "close_timeout": 0.3}
NO_PINGS = {"ping_interval": None, "close_timeout": 0.1}
FOUND_OUT = sum(PINGS.values())
#: Seconds that a busy machine may be late.
LATE = 5.0


@contextlib.asynccontextmanager
async def linked(netchaos, handler, **options):
    """A server, and a link in front of it."""
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield netchaos.link(server.sockets[0].getsockname()[:2], name="export")


async def read_all(connection):
    """What a server does to which one uploads."""
    with contextlib.suppress(ConnectionClosed):
        async for _ in connection:
            pass


async def test_a_client_finds_out_that_its_server_is_gone(netchaos):
    async with linked(netchaos, read_all, **NO_PINGS) as link, connect(link.url("ws"), **PINGS):
        link.blackhole()
        await check_async(link, dead_peer_detected(within=FOUND_OUT + LATE))


async def test_a_server_finds_out_that_its_client_is_gone(netchaos):
    async with linked(netchaos, read_all, **PINGS) as link, connect(link.url("ws"), **NO_PINGS):
        link.blackhole()
        await check_async(link, dead_peer_detected(within=FOUND_OUT + LATE, by="server"))


async def test_behind_a_proxy_tcp_keepalive_finds_nothing_out(netchaos, page):
    async with linked(netchaos, read_all, **NO_PINGS) as link, connect(link.url("ws"), **NO_PINGS) as connection:
        keep_alive(connection.transport.get_extra_info("socket"))  # after two seconds, it would know
        link.blackhole()  # the proxy takes all bytes, and its kernel acknowledges them
        with pytest.raises(AssertionError) as failure:
            await check_async(link, dead_peer_detected(within=3.0))
    assert page.shows(failure)


async def upload(send):
    """Send until the connection is closed; a stalled link takes some megabytes before a sender has to wait."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await send(b"x" * 1_000_000)


async def test_a_blocked_sender_finds_nothing_out_though_it_pings(netchaos, page):
    async with linked(netchaos, read_all, **NO_PINGS) as link:
        connection = await connect(link.url("ws"), compression=None, **PINGS)
        link.stall()
        uploading = asyncio.create_task(upload(connection.send))
        with pytest.raises(AssertionError) as failure:
            await check_async(link, dead_peer_detected(within=FOUND_OUT + 1.0))
        assert page.shows(failure)
        assert not uploading.done()
        connection.transport.abort()  # neither would `close` return: it waits behind what is to be sent
        await uploading


async def test_a_sender_that_waits_for_so_long_at_most_finds_out(netchaos):
    async with linked(netchaos, read_all, **NO_PINGS) as link:
        connection = await connect(link.url("ws"), compression=None, **PINGS)
        link.stall()
        uploading = asyncio.create_task(upload(lambda message: send_within(connection, message, patience=0.5)))
        await check_async(link, dead_peer_detected(within=0.5 + LATE))
        await uploading
