"""A million rows, and three cuts: each row arrives, once, in order, and nobody keeps them."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import pytest
from websockets.asyncio.server import serve

from examples.stories.long_lived import plain
from examples.stories.long_lived.beside import beside
from examples.stories.long_lived.codecs import JSON, MESSAGE_PACK
from examples.stories.long_lived.export import WINDOW, Export, Subscriber
from pytest_netchaos import check, eventually_async, exactly_once, resumed

pytestmark = pytest.mark.asyncio

#: Rows of a batch.
SIZE = 1000
#: Seconds. A million rows take 2, and on a busy machine up to 20.
PATIENCE = 60.0
#: Memory blocks of the process. A million rows that somebody keeps are a million blocks, and more.
BOUND = 100_000


def rows(batch):
    """Return the rows of a batch, as a database would give them again and again. Here a row is a number."""
    return list(range((batch - 1) * SIZE, batch * SIZE))


class Warehouse:
    """Where rows arrive: it adds them up, looks how much memory is in use, and sees to it that something happens."""

    def __init__(self, ledger, strikes):
        self._ledger = ledger
        self._strikes = strikes
        self._blocks = sys.getallocatedblocks()
        self.count = self.checksum = self.most_blocks = 0

    async def apply(self, batch, rows):
        self._ledger.delivered(batch)
        self.count += len(rows)
        self.checksum += sum(rows)
        if batch % 20 == 0:
            self.most_blocks = max(self.most_blocks, sys.getallocatedblocks() - self._blocks)
        if strike := self._strikes.pop(batch, None):
            strike()


async def export_all(netchaos, ledger, batches, *, codec=JSON, compression=None):
    """Export everything, and cut three times, while batches are on their way, and one waits for its acknowledgement."""
    export = Export(batches, rows, {}, codec, on_send=ledger.sent)
    async with serve(export.handle, "127.0.0.1", 0, compression=compression) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="export")
        quarters = (batches * quarter // 4 for quarter in (1, 2, 3))
        warehouse = Warehouse(ledger, {batch: lambda: link.cut(for_=0.05) for batch in quarters})

        def connected(session):
            ledger.connected(session=session)

        subscriber = Subscriber(link.url("ws"), warehouse.apply, connected, codec, compression=compression)
        with contextlib.suppress(TimeoutError):  # who waits for ever has lost something, and the ledger says what
            await asyncio.wait_for(subscriber.run(), PATIENCE)
    return warehouse


async def test_a_million_rows_arrive_once_each_across_three_cuts(netchaos, ledger):
    warehouse = await export_all(netchaos, ledger, batches=1000)
    assert ledger == exactly_once(in_order=True, strict=True)
    assert ledger == resumed()
    assert len(netchaos.links["export"].connections) == 4
    assert warehouse.count == 1_000_000
    assert warehouse.checksum == sum(range(1_000_000))
    assert warehouse.most_blocks < BOUND


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("codec", [JSON, MESSAGE_PACK], ids=["json", "msgpack"])
async def test_however_rows_are_written_none_is_lost(netchaos, ledger, codec, compression):
    warehouse = await export_all(netchaos, ledger, batches=60, codec=codec, compression=compression)
    assert ledger == exactly_once(in_order=True, strict=True)
    assert ledger == resumed()
    assert warehouse.count == 60_000


async def test_plain_code_loses_what_was_on_its_way(netchaos, ledger, page):
    export = plain.PlainExport(on_send=ledger.sent)

    async def apply(row):
        ledger.delivered(row)

    async with serve(export.handle, "127.0.0.1", 0) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="export")
        async with beside(plain.subscribe(link.url("ws"), apply, ledger.connected)):
            await eventually_async(lambda: export.subscribers)
            await export.publish(range(1, 252))
            await eventually_async(lambda: ledger.counts().delivered == 251)
            link.delay(10.0, direction="downstream")
            await export.publish(range(252, 501))
            link.cut()
            await netchaos.settle_async()
    with pytest.raises(AssertionError) as failure:
        check(ledger, exactly_once())
    assert page.shows(failure)


class Forgetful(Subscriber):
    """Takes whatever comes for new."""

    def _is_new(self, _batch):
        return True


async def test_without_deduplication_what_was_not_acknowledged_comes_twice(netchaos, ledger, page):
    export = Export(20, rows, {}, on_send=ledger.sent)
    warehouse = Warehouse(ledger, {})
    async with serve(export.handle, "127.0.0.1", 0, compression=None) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="export")

        def connected(session):
            if not ledger.counts().connected:
                link.stall(direction="upstream")  # acknowledgements don't arrive
            ledger.connected(session=session)

        subscriber = Forgetful(link.url("ws"), warehouse.apply, connected, compression=None)
        async with beside(subscriber.run()) as running:
            await eventually_async(lambda: ledger.counts().delivered == WINDOW)
            link.cut()
            link.heal()
            await running
    with pytest.raises(AssertionError) as failure:
        check(ledger, exactly_once())
    assert page.shows(failure)
