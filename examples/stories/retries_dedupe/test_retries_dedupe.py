"""A client that sends again until it is answered, and a handler that charges: for each order once?"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from examples.stories.needs import node_modules
from examples.stories.retries_dedupe import cuts
from examples.stories.retries_dedupe.customers import Place, javascript, python
from examples.stories.retries_dedupe.cuts import Till
from examples.stories.retries_dedupe.idempotent import Idempotent, open_redis
from examples.stories.retries_dedupe.shop import careful_shop, open_shop, shop
from pytest_netchaos import (
    Ledger,
    Link,
    attempts,
    deduplicated,
    eventually_async,
    exactly_once,
    record_socketio_server,
)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def till(ledger: Ledger) -> Till:
    return Till(ledger)


@pytest_asyncio.fixture
async def idempotent(redis_server) -> AsyncIterator[Idempotent]:
    async with open_redis(redis_server.url()) as redis:
        yield Idempotent(redis)


@pytest.fixture(params=["javascript", "python"])
def customer(request):
    """A customer with either client, see `customers`."""
    return python if request.param == "python" else functools.partial(javascript, node_modules())


async def order_unanswered(link: Link, place: Place) -> None:
    """Place two orders while no answer gets through, until the customer gives up."""
    with link.stall(direction="downstream"):
        receipts = await asyncio.gather(*[await place(1), await place(2)], return_exceptions=True)
    assert [type(receipt) for receipt in receipts] == [TimeoutError, TimeoutError]


async def test_a_handler_runs_four_times_and_the_customer_hears_that_it_failed(netchaos, ledger, till, customer, page):
    server = shop(till.charge)
    record_socketio_server(server, ledger, id="id", arrivals="send")
    async with open_shop(server) as address:
        link = netchaos.link(address, name="shop")
        async with customer(link.url("http"), retries=3, ack_timeout=0.1) as place:
            before = link.connections[0].bytes_up
            await order_unanswered(link, place)
            await eventually_async(attempts(4), of=ledger)  # once, and three times again
            on_the_wire = link.connections[0].bytes_up - before
    assert [send.id for send in ledger.record().sends] == [1, 1, 1, 1, 2, 2, 2, 2]  # the second order had to wait
    assert on_the_wire == 8 * len('......420["order",{"id":1}]')  # 6 bytes before each WebSocket message of that size
    with pytest.raises(AssertionError) as failure:
        assert ledger == deduplicated()
    assert page.shows(failure)


async def test_an_order_that_comes_again_gets_the_receipt_of_the_first(netchaos, ledger, till, idempotent, customer):
    server = careful_shop(till.charge, idempotent)
    record_socketio_server(server, ledger, id="id", arrivals="send")
    async with open_shop(server) as address:
        link = netchaos.link(address, name="shop")
        async with customer(link.url("http"), retries=3, ack_timeout=0.1) as place:
            await order_unanswered(link, place)
            await eventually_async(attempts(4), of=ledger)
        async with customer(link.url("http"), retries=3, ack_timeout=10) as place:  # tries once more, later
            receipts = [await (await place(order)) for order in (2, 1)]
    assert ledger == attempts(5)
    assert ledger == deduplicated()
    assert receipts == [2, 1]


@pytest.mark.parametrize("cut", cuts.ALL)
async def test_an_order_is_charged_once_wherever_the_link_is_cut(netchaos, ledger, till, idempotent, customer, cut):
    async with open_shop(careful_shop(till.charge, idempotent)) as address:
        link = netchaos.link(address, name="shop")
        async with customer(link.url("http"), retries=9, ack_timeout=0.5) as place:
            with ledger.sending(1):
                receipt = await (await cut(link, till, place))
    assert ledger == exactly_once(strict=True)  # strict: the order, or its answer, has met the cut
    assert receipt == 1


@pytest.mark.parametrize("cut", [cuts.before_the_acknowledgement, cuts.in_the_acknowledgement])
async def test_without_dedupe_a_cut_charges_twice(netchaos, ledger, till, cut, page):
    async with open_shop(shop(till.charge)) as address:
        link = netchaos.link(address, name="shop")
        async with javascript(node_modules(), link.url("http"), retries=9, ack_timeout=10) as place:
            with ledger.sending(1):
                await (await cut(link, till, place))
    with pytest.raises(AssertionError) as failure:
        assert ledger == exactly_once()
    assert page.shows(failure)
