"""What happens in weeks: a subscriber is slow, and nodes are replaced one after the other."""

from __future__ import annotations

import asyncio

import pytest
from examples.stories.long_lived import plain
from examples.stories.long_lived.beside import beside
from examples.stories.long_lived.export import Export, Subscriber
from websockets.asyncio.server import serve

from pytest_netchaos import check, eventually_async, exactly_once, resumed

pytestmark = pytest.mark.asyncio

#: The server's. It hangs up on who doesn't answer a ping for so long, in seconds.
PINGS = {"ping_interval": 0.2, "ping_timeout": 0.2, "close_timeout": 0.2}
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
    export = plain.PlainExport(range(1, 501), on_send=ledger.sent)
    slow = SlowHandler(ledger)
    hung_up = asyncio.Event()

    async def handle(connection):
        await export.handle(connection)
        hung_up.set()

    async with serve(handle, "127.0.0.1", 0, **PINGS) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="export")
        async with beside(plain.subscribe(link.url("ws"), slow.apply, lambda: None, close_timeout=0.2)):
            # The queue of `websockets` is full, so it doesn't read on, and never sees the ping.
            await hung_up.wait()
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
        self._node = None
        self._port = 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self._node.close()
        await self._node.wait_closed()

    async def replace(self, handler):
        """Start a node, and end the one before: it tells its subscribers that it goes away (1001)."""
        last = self._node
        self._node = await serve(handler, "127.0.0.1", self._port, reuse_port=True)
        self._port = self.address[1]
        if last is not None:
            last.close()
            await last.wait_closed()

    @property
    def address(self):
        """Where it listens."""
        return self._node.sockets[0].getsockname()[:2]


async def test_a_rolling_restart_makes_plain_code_begin_anew(netchaos, ledger, page):
    async def apply(row):
        ledger.delivered(row)

    async with Rollout() as rollout:
        await rollout.replace(plain.PlainExport(range(1, 251), on_send=ledger.sent).handle)
        link = netchaos.link(rollout.address, name="export")
        async with beside(plain.subscribe(link.url("ws"), apply, ledger.connected)):
            await eventually_async(lambda: ledger.counts().delivered == 250)
            await rollout.replace(plain.PlainExport(range(1, 251), on_send=lambda _: None).handle)
            await eventually_async(lambda: ledger.counts().delivered == 500)
    with pytest.raises(AssertionError) as failure:
        check(ledger, resumed())
    assert page.shows(failure)


async def test_sessions_outlive_a_rolling_restart(netchaos, ledger):
    sessions = {}

    def node():
        return Export(500, lambda batch: [batch], sessions, on_send=ledger.sent).handle

    async def apply(batch, rows):
        ledger.delivered(batch)

    async with Rollout() as rollout:
        await rollout.replace(node())
        link = netchaos.link(rollout.address, name="export")
        subscriber = Subscriber(link.url("ws"), apply, lambda session: ledger.connected(session=session))
        async with beside(subscriber.run()) as running:
            for progress in (100, 200, 300):
                await eventually_async(lambda enough=progress: ledger.counts().delivered >= enough)
                await rollout.replace(node())
            await running
    assert len(link.connections) == 4
    assert ledger == resumed()
    assert ledger == exactly_once(in_order=True)
