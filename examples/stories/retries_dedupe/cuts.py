"""The four places between a click and its receipt at which the link can break."""

from __future__ import annotations

import asyncio
import functools
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from examples.stories.retries_dedupe.customers import Place
    from pytest_netchaos import Ledger, Link


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


async def before_the_send(link: Link, till: Till, place: Place) -> asyncio.Future[int]:
    with link.stall():
        link.cut().heal()
        await link.wait_for_dial_async(2)  # the customer has noticed, and is kept waiting
        return await place(1)


async def in_the_request(link: Link, till: Till, place: Place) -> asyncio.Future[int]:
    with link.blackhole(direction="upstream"):  # when it heals, a connection that has lost something is reset
        receipt = await place(1)
        await link.wait_for_async(lambda seen: seen.connections[0].lost_up > 0)
    return receipt


async def before_the_acknowledgement(link: Link, till: Till, place: Place) -> asyncio.Future[int]:
    till.behind_the_effect = functools.cache(lambda: link.cut(for_=0.05))  # the first time only
    return await place(1)


async def in_the_acknowledgement(link: Link, till: Till, place: Place) -> asyncio.Future[int]:
    with link.blackhole(direction="downstream"):
        receipt = await place(1)
        await link.wait_for_async(lambda seen: seen.connections[0].lost_down > 0)
    return receipt


ALL = [before_the_send, in_the_request, before_the_acknowledgement, in_the_acknowledgement]
