"""Redis restarts, and two Socket.IO nodes that share it go on: what python-socketio loses, and what a buffer keeps."""

from __future__ import annotations

import asyncio

import pytest

from pytest_netchaos import at_most_once, buffered, check_async, eventually_async, exactly_once, lost_only_during

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

#: Each node, as its own manager says, when all is well. What is left out isn't the same in each run.
WELL = {"publishing": True, "listening": True, "waiting": 0, "dropped": 0, "missed": 0}


@pytest.fixture
def links(netchaos, redis_server):
    """The ways to Redis: of Alice's node, which publishes, and of Bob's, which only listens."""
    return netchaos.link(redis_server, name="alice's"), netchaos.link(redis_server, name="bob's")


@pytest.fixture
def urls(links):
    return [link.url("redis") for link in links]


# What python-socketio does


async def test_stock_loses_events_even_when_redis_is_back(cluster, urls, links, redis_server, ledger, page):
    async with cluster("stock", *urls) as chat:
        redis_server.kill()
        await chat.tick()
        # The listener of Bob's node has tried again at once, after 1 s, and after 2 more. Now it sleeps for 4.
        await links[1].wait_for_async(lambda bobs: len(bobs.dials.refused) == 3, timeout=30)
        redis_server.restart()
        await chat.tick()
        await chat.listening()
        await chat.tick()
        await chat.caught_up()
    with pytest.raises(AssertionError) as failure:
        assert ledger == exactly_once(in_order=True)
    assert page.shows(failure)
    with pytest.raises(AssertionError) as failure:
        assert ledger == lost_only_during(*redis_server.outages)
    assert page.shows(failure)


async def test_stock_delivers_twice_what_redis_did_not_confirm(cluster, urls, links, ledger, page):
    async with cluster("stock", *urls, redis_options={"socket_timeout": 2.0}) as chat:
        dials = len(links[0].dials)
        with links[0].stall(direction="downstream"):  # events get through to Redis, and nothing comes back
            tick = asyncio.create_task(chat.tick(1))
            await links[0].wait_for_dial_async(dials + 1, timeout=30)
        await tick
        await chat.tick(1)
        await chat.caught_up()
    with pytest.raises(AssertionError) as failure:
        assert ledger == at_most_once()
    assert page.shows(failure)


# The same with a buffer


async def test_nothing_is_lost_when_redis_restarts(cluster, urls, redis_server):
    async with cluster("buffered", *urls) as chat:
        redis_server.kill()
        await chat.tick()
        assert (await chat.health("alice")).items() >= {"publishing": False, "waiting": 5}.items()
        redis_server.restart()
        await chat.tick()
        await chat.kept_everything()
        await eventually_async(lambda: chat.all_are(WELL), within=30)


async def test_nothing_is_lost_when_redis_is_paused(cluster, urls, redis_server):
    async with cluster("buffered", *urls, silence=0.5) as chat:
        redis_server.pause()
        await chat.tick()
        redis_server.resume()
        await chat.tick()
        await chat.kept_everything()


@pytest.mark.parametrize("whose", [0, 1], ids=["publisher", "listener"])
async def test_nothing_is_lost_when_a_node_is_cut_off(cluster, urls, links, whose):
    async with cluster("buffered", *urls) as chat:
        with links[whose].cut():
            await chat.tick()
        await chat.tick()
        await chat.kept_everything()


async def test_nothing_is_lost_when_a_listener_is_deaf_without_knowing_it(cluster, urls, links):
    async with cluster("buffered", *urls, silence=0.5) as chat:
        dials = len(links[1].dials)
        with links[1].blackhole():
            await chat.tick()
            await links[1].wait_for_dial_async(dials + 1, timeout=30)  # it has asked Redis, and got no answer
        await chat.kept_everything()


async def test_nothing_is_lost_while_both_links_flap(cluster, urls, links):
    async with cluster("buffered", *urls, max_events=10_000) as chat:  # more than the fastest machine sends meanwhile
        flaps = [link.flap(down=(0.05, 0.3), up=(0.05, 0.3), cycles=5) for link in links]
        while any(flap.is_active for flap in flaps):
            await chat.tick(1)
        await chat.tick()
        await chat.kept_everything()


async def test_nothing_comes_twice_when_a_reply_is_lost(cluster, urls, links):
    async with cluster("buffered", *urls, silence=1.0) as chat:
        with links[0].stall(direction="downstream"):
            await chat.tick(1)  # Redis has it; Alice's node has given up waiting for the answer
        await chat.tick(1)
        await chat.kept_everything()
        assert (await chat.health("bob"))["repeated"] >= 1


async def test_a_full_buffer_drops_its_oldest_events_and_counts_them(cluster, urls, links, ledger, page):
    async with cluster("buffered", *urls, max_events=10) as chat:
        with links[0].cut():
            await chat.tick(15)
        await chat.caught_up()
        await chat.tick()
        await chat.caught_up()
        assert (await chat.health("alice"))["dropped"] == (await chat.health("bob"))["missed"] == 5
    await check_async(ledger, buffered(max_size=10))
    with pytest.raises(AssertionError) as failure:
        assert ledger == exactly_once(in_order=True)
    assert page.shows(failure)


async def test_nothing_is_lost_when_sentinels_put_another_redis_in_its_place(cluster, redis_sentinel):
    sentinels = ",".join(f"{host}:{port}" for host, port in redis_sentinel.addresses)
    url = f"redis+sentinel://{sentinels}/0/{redis_sentinel.service_name}"
    first = redis_sentinel.primary.server
    async with cluster("buffered", url, url, subscribers=first.subscribers, silence=0.5) as chat:
        redis_sentinel.kill_primary()
        await chat.tick()
        await redis_sentinel.wait_for_failover_async()
        await chat.tick()
        await chat.kept_everything()
