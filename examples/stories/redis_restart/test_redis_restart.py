"""Redis restarts, and two Socket.IO nodes that share it go on: what python-socketio loses, and what a buffer keeps."""

from __future__ import annotations

import asyncio

import pytest

from pytest_netchaos import at_most_once, exactly_once, lost_only_during

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]


@pytest.fixture
def links(netchaos, redis_server):
    """The ways to Redis: of the node that publishes, and of the one that only listens."""
    return netchaos.link(redis_server, name="alice's node"), netchaos.link(redis_server, name="bob's node")


@pytest.fixture
def urls(links):
    return [link.url("redis") for link in links]


# What python-socketio does


async def test_stock_loses_events_even_when_redis_is_back(cluster, urls, links, redis_server, ledger, page):
    async with cluster("stock", *urls) as chat:
        redis_server.kill()
        await chat.tick()
        dials = len(links[1].dials)
        await links[1].wait_for_dial_async(dials + 1)  # in vain: now the listener sleeps for 2 s
        redis_server.restart()
        await chat.tick()
        await chat.listening()
        await chat.tick()
        await chat.caught_up()
    with pytest.raises(AssertionError) as failure:
        assert ledger == exactly_once(in_order=True)
    print(failure.value)
    with pytest.raises(AssertionError) as failure:
        assert ledger == lost_only_during(*redis_server.outages)
    print(failure.value)


async def test_stock_delivers_twice_what_redis_did_not_confirm(cluster, urls, links, ledger, page):
    async with cluster("stock", *urls, redis_options={"socket_timeout": 1.0}) as chat:
        await lose_a_reply(chat, links[0])
        await chat.tick(1)
        await chat.caught_up()
    with pytest.raises(AssertionError) as failure:
        assert ledger == at_most_once()
    print(failure.value)


async def lose_a_reply(chat, link):
    """Let an event through to Redis, and nothing back, until the node has given up and dials again."""
    dials = len(link.dials)
    with link.stall(direction="downstream"):
        tick = asyncio.create_task(chat.tick(1))
        await link.wait_for_dial_async(dials + 1)
    await tick


# The same with a buffer


async def test_redis_is_killed_and_restarted(cluster, urls, redis_server):
    async with cluster("buffered", *urls) as chat:
        redis_server.kill()
        await chat.tick()
        redis_server.restart()
        await chat.tick()
        print(await chat.alice.call("health"), await chat.bob.call("health"))
        await chat.kept_everything()


async def test_redis_is_paused(cluster, urls, redis_server):
    async with cluster("buffered", *urls, silence=0.5) as chat:
        redis_server.pause()
        await chat.tick()
        redis_server.resume()
        await chat.tick()
        await chat.kept_everything()
        print(await chat.alice.call("health"), await chat.bob.call("health"))


@pytest.mark.parametrize("which", ["publisher", "listener"])
async def test_a_link_is_cut(cluster, urls, links, which):
    async with cluster("buffered", *urls) as chat:
        with links[which == "listener"].cut():
            await chat.tick()
        await chat.tick()
        await chat.kept_everything()
        print(await chat.alice.call("health"), await chat.bob.call("health"))


async def test_both_links_flap(cluster, urls, links):
    async with cluster("buffered", *urls) as chat:
        flaps = [link.flap(down=(0.05, 0.3), up=(0.05, 0.3), cycles=5) for link in links]
        while any(flap.healed_at is None for flap in flaps):
            await chat.tick(1)
        await chat.tick()
        await chat.kept_everything()
        print(await chat.alice.call("health"), await chat.bob.call("health"))


async def test_a_reply_is_lost(cluster, urls, links):
    async with cluster("buffered", *urls, silence=1.0) as chat:
        await lose_a_reply(chat, links[0])
        await chat.tick(1)
        await chat.kept_everything()
        print(await chat.alice.call("health"), await chat.bob.call("health"))
        assert (await chat.bob.call("health"))["repeated"] >= 1


async def test_overflow(cluster, urls, links, ledger, page):
    async with cluster("buffered", *urls, max_events=10) as chat:
        with links[0].cut():
            await chat.tick(15)
        await chat.tick()
        await chat.caught_up()
        print(await chat.alice.call("health"), await chat.bob.call("health"))
    with pytest.raises(AssertionError) as failure:
        assert ledger == exactly_once(in_order=True)
    print(failure.value)


async def test_sentinel(cluster, redis_sentinel):
    places = ",".join(f"{host}:{port}" for host, port in redis_sentinel.addresses)
    url = f"redis+sentinel://{places}/0/{redis_sentinel.service_name}"
    old = redis_sentinel.primary
    async with cluster("buffered", url, url, subscribers=old.server.subscribers, silence=0.5) as chat:
        redis_sentinel.kill_primary()
        await chat.tick()
        await redis_sentinel.wait_for_failover_async()
        await chat.tick()
        await chat.kept_everything()
        print(await chat.alice.call("health"), await chat.bob.call("health"))
