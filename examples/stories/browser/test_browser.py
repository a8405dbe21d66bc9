"""A page in a browser, whose link to the server breaks: does its reader see each message once?"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import socketio
from aiohttp import web

from examples.stories.browser.chromium import showing
from examples.stories.browser.feed import Feed
from examples.stories.needs import chromium, node_modules
from pytest_netchaos import Ledger, Network, check_async, eventually_async, exactly_once, reconnected

pytestmark = pytest.mark.asyncio

PAGE = Path(__file__).with_name("page.html")


@pytest.fixture(scope="module")
def program() -> str:
    return chromium()


@pytest.fixture(scope="module")
def client() -> Path:
    """Socket.IO's client as browsers load it."""
    return node_modules() / "socket.io-client" / "dist" / "socket.io.min.js"


@contextlib.asynccontextmanager
async def serving(server: socketio.AsyncServer, client: Path) -> AsyncIterator[tuple[str, int]]:
    """Serve the page, its script and Socket.IO; yields the address."""
    app = web.Application()
    server.attach(app)
    files = {path.name: path for path in (PAGE, client)}

    async def file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(files[request.match_info["name"]])

    app.router.add_get("/{name}", file)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][:2]
    finally:
        await runner.cleanup()


async def read_the_news(netchaos: Network, ledger: Ledger, program: str, client: Path, **query: str) -> None:
    """Six messages to a page: two, one whose acknowledgement is lost, two during a cut, and one."""
    server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")
    feed = Feed(server)

    async def publish(*numbers: int) -> None:
        for number in numbers:
            with ledger.sending(number):
                await feed.publish(number)

    async def all_acknowledged() -> None:
        await eventually_async(lambda: not feed.unacknowledged, within=20)

    async with serving(server, client) as (host, port):
        link = netchaos.link((host, port), name="feed")  # the page comes past it, its connection goes through it
        page = f"http://{host}:{port}/{PAGE.name}?{urlencode({'server': link.url('http'), **query})}"
        async with showing(program, page):
            await eventually_async(lambda: feed.reader, within=60)
            await publish(1, 2)
            await all_acknowledged()
            with link.blackhole(direction="upstream"):  # when it heals, a connection that has lost something is reset
                await publish(3)
                await link.wait_for_async(lambda seen: seen.connections[0].lost_up > 0)
            await all_acknowledged()
            with link.cut():
                await publish(4, 5)
            await check_async(link, reconnected(within=20))
            await all_acknowledged()
            await publish(6)
            await all_acknowledged()
            for number in await server.call("shown", to=feed.reader):
                ledger.delivered(number)


async def test_a_page_shows_twice_what_it_could_not_acknowledge(netchaos, ledger, program, client, page):
    await read_the_news(netchaos, ledger, program, client)
    with pytest.raises(AssertionError) as failure:
        assert ledger == exactly_once(in_order=True)
    assert page.shows(failure)


async def test_a_page_that_knows_its_last_message_shows_each_once(netchaos, ledger, program, client):
    await read_the_news(netchaos, ledger, program, client, deduplicate="yes")
    assert ledger == exactly_once(in_order=True)
