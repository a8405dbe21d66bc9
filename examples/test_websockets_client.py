"""A `websockets` client comes back by itself: were its waits those that it was told to wait?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from pytest_netchaos import Link, Network, backoff, check, check_async, reconnected

pytestmark = pytest.mark.asyncio

#: Seconds that a busy machine may be late. No wait may be shorter than it was asked for, however busy that is.
LATE = 5.0


async def echo(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


@contextlib.asynccontextmanager
async def echo_behind(netchaos: Network) -> AsyncIterator[Link]:
    """A WebSocket server, and a link in front of it."""
    async with serve(echo, "127.0.0.1", 0) as server:
        yield netchaos.link(server.sockets[0].getsockname()[:2], name="websocket")


def delays() -> Iterator[float]:
    """200 ms, 400 ms, 800 ms, and from then on 800 ms."""
    yield from (0.2, 0.4)
    while True:
        yield 0.8


async def keep_asking(url: str, answered: asyncio.Event) -> None:
    """Say hello on every connection; `connect` makes the next one."""
    # Without `aclosing`, a task that is cancelled leaves the closing of its connection to another one.
    async with contextlib.aclosing(aiter(connect(url, reconnect_delays=delays))) as connections:
        async for connection in connections:
            with contextlib.suppress(ConnectionClosed):
                await connection.send("hello")
                await connection.recv()
                answered.set()
                await connection.wait_closed()


async def outage(link: Link) -> None:
    """Cut the link until the client has dialled four times in vain; return when it has been answered again."""
    answered = asyncio.Event()
    client = asyncio.create_task(keep_asking(link.url("ws"), answered))
    await answered.wait()
    answered.clear()
    with link.cut():
        await link.wait_for_dial_async(5, timeout=20)
    await answered.wait()
    client.cancel()
    await asyncio.wait([client])  # until it has closed its connection


async def test_reconnects_follow_the_delays_that_were_asked_for(netchaos):
    async with echo_behind(netchaos) as link:
        await outage(link)
        await check_async(link, reconnected(within=LATE))
        # The first dial after a loss comes at once; the delays are those between failed dials.
        assert link.dials == backoff(first=0.2, factor=2, cap=0.8, at_once=True, late=LATE)


async def test_a_wait_that_is_not_as_expected_is_shown_among_its_neighbours(netchaos):
    async with echo_behind(netchaos) as link:
        await outage(link)
        with pytest.raises(AssertionError) as failure:
            check(link.dials[2:], backoff(first=0.2, factor=5, late=LATE))
        verdict, first, second, *_ = str(failure.value).splitlines()
        assert verdict == "dial 4 came too soon: backoff(first=0.2, factor=5, late=5.0)"
        assert "allowed 0.190..5.200s" in first
        assert second.startswith("> dial 4")
        assert "allowed 0.990..6.000s" in second
