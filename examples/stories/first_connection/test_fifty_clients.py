"""Fifty clients start before their server: do they all come at once when it is there?"""

from __future__ import annotations

import asyncio
import contextlib

import pytest
import socketio

from examples.stories.first_connection.connecting import connecting
from pytest_netchaos import Link, check_async, no_thundering_herd

pytestmark = pytest.mark.asyncio

#: Of 50 clients, 40 at most within a second. They all are in one process here: if a busy machine stands still, those
#: that were to dial meanwhile dial together.
NOT_AT_ONCE = {"clients": 50, "share": 0.8, "window": 1.0}


async def start_fifty_before_their_server(link: Link, jitter: float) -> float:
    """Have them all connected; return when the server came."""
    cut = link.cut()
    async with contextlib.AsyncExitStack() as stack:
        clients = [socketio.AsyncClient(reconnection_delay=1.5, randomization_factor=jitter) for _ in range(50)]
        connected = [await stack.enter_async_context(connecting(client, link, retry=True)) for client in clients]
        await link.wait_for_dial_async(50)
        with link.stall():  # until all have dialled: to serve the first would keep this process from dialling the last
            came_at = cut.heal()
            await link.wait_for_dial_async(100, timeout=20)
        await asyncio.gather(*connected)
    return came_at


async def test_without_jitter_they_come_at_once(link, page):
    came_at = await start_fifty_before_their_server(link, jitter=0)
    with pytest.raises(AssertionError) as failure:
        await check_async(link, no_thundering_herd(**NOT_AT_ONCE, since=came_at))
    assert page.shows(failure)


async def test_with_a_jitter_as_long_as_the_delay_they_do_not(link):
    came_at = await start_fifty_before_their_server(link, jitter=1.5)
    await check_async(link, no_thundering_herd(**NOT_AT_ONCE, since=came_at))
