"""A million rows, and three cuts: each row arrives, once, in order, and nobody keeps them."""

from __future__ import annotations

import json
import sys

import pytest
from examples.stories.long_lived import plain
from examples.stories.long_lived.beside import beside
from examples.stories.long_lived.codecs import JSON, MESSAGE_PACK
from examples.stories.long_lived.export import WINDOW, Export, Subscriber
from websockets.asyncio.server import serve

from pytest_netchaos import AfterBytes, check, eventually_async, exactly_once, resumed

pytestmark = pytest.mark.asyncio

#: Rows of a batch.
SIZE = 1000
#: Memory blocks of the process. A million rows that somebody keeps are two million blocks, and more.
BOUND = 100_000


def rows(batch):
    """Number and value of each row, as a database would give them again and again."""
    return [[row, row % 97] for row in range((batch - 1) * SIZE, batch * SIZE)]


class Warehouse:
    """Where rows arrive: it adds them up, and looks how much memory the process has in use."""

    def __init__(self, ledger):
        self._ledger = ledger
        self._blocks = sys.getallocatedblocks()
        self.count = self.checksum = self.most_blocks = 0

    async def apply(self, batch, rows):
        self._ledger.delivered(batch)
        self.count += len(rows)
        self.checksum += sum(value for _, value in rows)
        if batch % 20 == 0:
            self.most_blocks = max(self.most_blocks, sys.getallocatedblocks() - self._blocks)


async def export_all(netchaos, ledger, warehouse, batches, cut_after, *, codec=JSON, compression=None):
    """Export everything; each of the first three connections is cut behind so many bytes."""
    export = Export(batches, rows, {}, codec, on_send=ledger.sent)
    async with serve(export.handle, "127.0.0.1", 0, compression=compression) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="export")
        for number in (1, 2, 3):
            link.cut(when=AfterBytes(cut_after, "downstream", connection=number), for_=0.05)

        def connected(session):
            ledger.connected(session=session)

        await Subscriber(link.url("ws"), warehouse.apply, connected, codec, compression=compression).run()
    assert len(link.history().outages) == 3
    assert len(link.connections) == 4
    assert export.most_unacknowledged == WINDOW


async def test_a_million_rows_arrive_once_each_across_three_cuts(netchaos, ledger):
    warehouse = Warehouse(ledger)
    await export_all(netchaos, ledger, warehouse, batches=1000, cut_after=2_500_000)
    assert ledger == exactly_once(in_order=True, strict=True)
    assert ledger == resumed()
    assert warehouse.count == 1_000_000
    assert warehouse.checksum == sum(row % 97 for row in range(1_000_000))
    assert warehouse.most_blocks < BOUND


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("codec", [JSON, MESSAGE_PACK], ids=["json", "msgpack"])
async def test_however_rows_are_written_none_is_lost(netchaos, ledger, codec, compression):
    warehouse = Warehouse(ledger)
    # A batch is 3 KB or more, whatever the variant: each connection has had some when it is cut.
    await export_all(netchaos, ledger, warehouse, 60, cut_after=30_000, codec=codec, compression=compression)
    assert ledger == exactly_once(in_order=True, strict=True)
    assert ledger == resumed()
    assert warehouse.count == 60_000


async def test_plain_code_loses_what_was_on_its_way(netchaos, ledger, page):
    everything = range(1, 501)
    export = plain.PlainExport(everything, on_send=ledger.sent)
    # Each row is a frame: 2 bytes, and the number.
    position = sum(2 + len(json.dumps(row)) for row in everything if row <= 251)

    async def apply(row):
        ledger.delivered(row)

    async with serve(export.handle, "127.0.0.1", 0, compression=None) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="export")

        def connected():
            if not ledger.counts().sent:  # the handshake is over, and no row has passed
                handshake = link.connections[0].bytes_down
                link.delay(0.5, direction="downstream")  # so all rows are sent before the 252nd would arrive
                link.blackhole(when=AfterBytes(handshake + position, "downstream"))

        async with beside(plain.subscribe(link.url("ws"), apply, connected, compression=None)):
            await link.wait_for_async(lambda seen: len(seen.faults) == 2)
            link.heal()  # which resets the connection: it has lost bytes
            await link.wait_for_connection_async(2)
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
    warehouse = Warehouse(ledger)
    async with serve(export.handle, "127.0.0.1", 0, compression=None) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="export")

        def connected(session):
            if not ledger.counts().connected:
                link.stall(direction="upstream")  # acknowledgements don't arrive
            ledger.connected(session=session)

        subscriber = Forgetful(link.url("ws"), warehouse.apply, connected, compression=None)
        async with beside(subscriber.run()) as running:
            await eventually_async(lambda: ledger.counts().delivered == WINDOW)
            link.cut(for_=0.05)
            link.heal()
            await running
    with pytest.raises(AssertionError) as failure:
        check(ledger, exactly_once())
    assert page.shows(failure)
