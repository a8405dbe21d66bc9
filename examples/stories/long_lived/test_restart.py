"""What happens in weeks: a subscriber is slow, and nodes are replaced one after the other."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import serve

from examples.stories.long_lived import plain
from examples.stories.long_lived.beside import beside
from examples.stories.long_lived.export import Export, Subscriber
from pytest_netchaos import check, eventually_async, exactly_once, resumed

pytestmark = pytest.mark.asyncio

#: The server's, in seconds. A busy machine may not answer a ping for a second, and isn't meant to fail for that.
PINGS = {"ping_interval": 0.2, "ping_timeout": 2.0, "close_timeout": 0.2}
#: Bytes of the answer to a ping of `websockets`: header, mask, and the four bytes that were asked.
PONG = 2 + 4 + 4


class SlowHandler:
    """Takes as long for its first row as the test wants it to."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.may_go_on = asyncio.Event()

    async def apply(self, number, _rows=()):
        self._ledger.delivered(number)
        await self.may_go_on.wait()


async def test_a_slow_subscriber_is_taken_for_a_dead_one(netchaos, ledger):
    export = plain.PlainExport(on_send=ledger.sent)
    slow = SlowHandler(ledger)
    async with serve(export.handle, "127.0.0.1", 0, **PINGS) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="export")
        async with beside(plain.subscribe(link.url("ws"), slow.apply, ledger.connected, close_timeout=0.2)):
            await eventually_async(lambda: export.subscribers)
            await export.publish(range(500))
            # The queue of `websockets` is full, so it doesn't read on, and never sees the ping.
            await link.wait_for_async(lambda seen: seen.connections[0].server_hung_up_at is not None)
            assert ledger.counts().delivered == 1


async def test_a_slow_subscriber_of_a_window_answers_pings(netchaos, ledger):
    export = Export(500, lambda batch: [batch], {}, on_send=ledger.sent)
    slow = SlowHandler(ledger)
    async with serve(export.handle, "127.0.0.1", 0, **PINGS) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="export")
        async with beside(Subscriber(link.url("ws"), slow.apply, lambda _: None).run()) as running:
            await eventually_async(lambda: ledger.counts().delivered == 1)
            before = link.connections[0].bytes_up
            await link.wait_for_async(lambda seen: seen.connections[0].bytes_up >= before + 4 * PONG)
            assert ledger.counts().delivered == 1
            slow.may_go_on.set()
            await running
    assert len(link.connections) == 1
    assert ledger == exactly_once(in_order=True)


class Rollout:
    """The nodes of a service, one after another at one address: the next one listens before the last one goes."""

    def __init__(self):
        self._nodes = []
        self._port = 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        while self._nodes:
            await self.end_oldest()

    async def start(self, handler):
        """Start another node; return the address of all of them."""
        self._nodes.append(await serve(handler, "127.0.0.1", self._port, reuse_port=True))
        address = self._nodes[-1].sockets[0].getsockname()[:2]
        self._port = address[1]
        return address

    async def end_oldest(self):
        """End the oldest node. It tells its subscribers that it goes away (1001)."""
        node = self._nodes.pop(0)
        node.close()
        await node.wait_closed()


async def test_a_rolling_restart_costs_plain_code_what_was_sent_meanwhile(netchaos, ledger, page):
    old, new = (plain.PlainExport(on_send=ledger.sent) for _ in range(2))

    async def apply(row):
        ledger.delivered(row)

    async with Rollout() as rollout:
        link = netchaos.link(await rollout.start(old.handle), name="export")
        async with beside(plain.subscribe(link.url("ws"), apply, ledger.connected)):
            await eventually_async(lambda: old.subscribers)
            await old.publish(range(1, 251))
            await rollout.start(new.handle)
            await new.publish(range(251, 261))
            await rollout.end_oldest()
            await eventually_async(lambda: new.subscribers)
            await new.publish(range(261, 501))
            await eventually_async(lambda: ledger.counts().delivered == 490)
    with pytest.raises(AssertionError) as failure:
        check(ledger, resumed())
    assert page.shows(failure)


async def test_sessions_outlive_a_rolling_restart(netchaos, ledger):
    sessions = {}

    def node():
        return Export(500, lambda batch: [batch], sessions, on_send=ledger.sent).handle

    async def apply(batch, _rows):
        ledger.delivered(batch)

    async with Rollout() as rollout:
        link = netchaos.link(await rollout.start(node()), name="export")
        subscriber = Subscriber(link.url("ws"), apply, lambda session: ledger.connected(session=session))
        async with beside(subscriber.run()) as running:
            for progress in (100, 200, 300):
                await eventually_async(lambda enough=progress: ledger.counts().delivered >= enough)
                await rollout.start(node())
                await rollout.end_oldest()
            await running
    assert len(link.connections) == 4
    assert ledger == resumed()
    assert ledger == exactly_once(in_order=True)
