"""A client that sends again until it is answered, and a handler that charges: for each order once?"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import socketio
from examples.stories.needs import node_modules
from examples.stories.retries_dedupe.customers import Place, javascript, python
from examples.stories.retries_dedupe.idempotent import Idempotent
from examples.stories.retries_dedupe.shop import careful_shop, open_shop, shop
from redis.asyncio import Redis

from pytest_netchaos import (
    AfterBytes,
    Ledger,
    Link,
    attempts,
    deduplicated,
    eventually_async,
    exactly_once,
    record_socketio_server,
)

pytestmark = pytest.mark.asyncio

class Till:
    """Charges: the effect that is to happen once. Returns the number of the receipt."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._receipts = itertools.count(1)
        #: Called between the effect and the acknowledgement.
        self.behind_the_effect = lambda: None

    async def charge(self, order: int) -> int:
        self._ledger.delivered(order)
        self.behind_the_effect()
        return next(self._receipts)


@pytest.fixture
def till(ledger: Ledger) -> Till:
    return Till(ledger)


@pytest_asyncio.fixture
async def idempotent(redis_server) -> AsyncIterator[Idempotent]:
    async with Redis.from_url(redis_server.url(), decode_responses=True) as redis:
        yield Idempotent(redis)


@pytest.fixture(params=["javascript", "python"])
def customer(request):
    """Opens a customer's client: ``async with customer(url, retries=…, ack_timeout=…) as place``."""
    return python if request.param == "python" else functools.partial(javascript, node_modules())


async def order_unanswered(link: Link, place: Place) -> int:
    """Place two orders while no answer gets through, until the customer gives both up; return the bytes that it sent."""
    before = link.connections[0].bytes_up
    with link.stall(direction="downstream"):
        receipts = await asyncio.gather(*[await place(1), await place(2)], return_exceptions=True)
        assert [type(receipt) for receipt in receipts] == [TimeoutError, TimeoutError]
        return link.connections[0].bytes_up - before


async def test_a_handler_runs_four_times_and_the_customer_hears_that_it_failed(netchaos, ledger, till, customer, page):
    server = shop(till.charge)
    record_socketio_server(server, ledger, id="id", arrivals="send")
    async with open_shop(server) as address:
        link = netchaos.link(address, name="shop")
        async with customer(link.url("http"), retries=3, ack_timeout=0.1) as place:
            sent = await order_unanswered(link, place)
            await eventually_async(attempts(4), of=ledger)  # once, and three times again
    assert [send.id for send in ledger.record().sends] == [1, 1, 1, 1, 2, 2, 2, 2]  # the second order had to wait
    assert sent == 8 * len('......420["order",{"id":1}]')  # a WebSocket message of this size begins with 6 bytes more
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
            assert [await (await place(order)) for order in (2, 1)] == [2, 1]
    assert ledger == attempts(5)
    assert ledger == deduplicated()


async def before_the_send(link: Link, till: Till, place: Place) -> asyncio.Future[int]:
    with link.stall():
        link.cut().heal()
        await link.wait_for_dial_async(2)  # the customer has noticed, and is kept waiting
        return await place(1)


async def in_the_request(link: Link, till: Till, place: Place) -> asyncio.Future[int]:
    link.cut(when=AfterBytes(link.connections[0].bytes_up + 10), for_=0.05)
    return await place(1)


async def behind_the_effect(link: Link, till: Till, place: Place) -> asyncio.Future[int]:
    till.behind_the_effect = functools.cache(lambda: link.cut(for_=0.05))  # the first time only
    return await place(1)


async def in_the_acknowledgement(link: Link, till: Till, place: Place) -> asyncio.Future[int]:
    link.cut(when=AfterBytes(link.connections[0].bytes_down + 3, "downstream"), for_=0.05)
    return await place(1)


@pytest.mark.parametrize("cut", [before_the_send, in_the_request, behind_the_effect, in_the_acknowledgement])
async def test_an_order_is_charged_once_wherever_the_link_is_cut(netchaos, ledger, till, idempotent, customer, cut):
    async with open_shop(careful_shop(till.charge, idempotent)) as address:
        link = netchaos.link(address, name="shop")
        async with customer(link.url("http"), retries=9, ack_timeout=0.5) as place:
            with ledger.sending(1):
                assert await (await cut(link, till, place)) == 1
    assert ledger == exactly_once()


@pytest.mark.parametrize("cut", [behind_the_effect, in_the_acknowledgement])
async def test_without_dedupe_a_cut_charges_twice(netchaos, ledger, till, cut, page):
    async with open_shop(shop(till.charge)) as address:
        link = netchaos.link(address, name="shop")
        async with javascript(node_modules(), link.url("http"), retries=9, ack_timeout=10) as place:
            with ledger.sending(1):
                assert await (await cut(link, till, place)) == 2
    with pytest.raises(AssertionError) as failure:
        assert ledger == exactly_once()
    assert page.shows(failure)
