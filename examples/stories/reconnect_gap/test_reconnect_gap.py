"""A client whose reconnects take twice as long as they should: caught, and put right without a stampede."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from examples.stories.reconnect_gap.sdk import Wait, constant, growing, halved, released
from examples.stories.reconnect_gap.service import connected, serving
from pytest_netchaos import Dials, Link, check, dial_rate, no_thundering_herd, waits

pytestmark = pytest.mark.asyncio

CLIENTS = 200
#: Seconds that a wait may be longer than was meant, on a busy machine.
LATE = 0.15


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    """Where the server listens."""
    async with serving() as port:
        yield port


async def reconnects(link: Link, wait: Wait) -> Dials:
    """Let a client lose its connection thirty times; return its dials."""
    with link.limit(600, direction="downstream"):  # each connection ends within the greeting
        async with connected(link, wait):
            await link.wait_for_connection_async(31, timeout=60)
    return link.dials[:31]


async def test_the_released_client_waits_twice_as_long_as_it_should_and_the_new_one_does_not(netchaos, port, page):
    slow, quick = await asyncio.gather(
        reconnects(netchaos.link(port), released),
        reconnects(netchaos.link(port), growing),
    )
    with pytest.raises(AssertionError) as failure:
        check(slow, waits(mean=0.1, samples=30, late=LATE))
    assert page.shows(failure)
    with pytest.raises(AssertionError) as failure:
        check(slow, waits(most=0.2, samples=30, late=LATE))
    assert page.shows(failure, whatever_the_counts=True)

    assert quick == waits(mean=0.1, most=0.2, samples=30, late=LATE)


async def outage(link: Link, wait: Wait, in_vain: int) -> float:
    """Let the server be away as in a restart: connections are reset, dials refused. Return when all knew of that."""
    async with connected(link, wait, CLIENTS):
        with link.cut():
            await link.wait_for_dial_async(3 * CLIENTS, timeout=30)  # two in vain for each client, on average
            known_at = time.monotonic()
            await link.wait_for_dial_async(3 * CLIENTS + in_vain, timeout=30)
        await link.wait_for_connection_async(2 * CLIENTS, timeout=10)
    return known_at


@pytest.mark.parametrize("wait", [constant, halved])
async def test_clients_that_are_just_made_faster_are_a_herd(netchaos, port, page, wait):
    link = netchaos.link(port)
    known_at = await outage(link, wait, in_vain=3 * CLIENTS)
    with pytest.raises(AssertionError) as failure:
        check(link, no_thundering_herd(clients=CLIENTS, share=0.75, window=0.5, since=known_at))
    assert page.shows(failure, whatever_the_counts=True)


async def test_clients_that_wait_longer_after_a_dial_in_vain_come_back_one_after_the_other(netchaos, port):
    link = netchaos.link(port)
    known_at = await outage(link, growing, in_vain=50)
    assert link == no_thundering_herd(clients=CLIENTS, share=0.75, window=0.5, since=known_at)
    assert link.dials[CLIENTS:] == dial_rate(3 * CLIENTS)
