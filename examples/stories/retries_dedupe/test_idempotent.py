"""`Idempotent` by itself: many at once, owners that fail, die or are too slow, and a Redis whose answers are lost."""

from __future__ import annotations

import asyncio
import itertools

import pytest
import pytest_asyncio

from examples.stories.retries_dedupe.idempotent import Idempotent, open_redis
from pytest_netchaos import eventually_async

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def redis(redis_server):
    async with open_redis(redis_server.url()) as client:
        yield client


class Effect:
    """Returns 1, 2, 3 …, as soon as it may."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self._numbers = itertools.count(1)
        if at_once:
            self.may_end.set()

    async def __call__(self) -> int:
        number = next(self._numbers)
        self.begun.set()
        await self.may_end.wait()
        return number


async def test_of_many_at_once_one_does_it_and_all_get_its_result(redis, redis_server):
    effect = Effect(at_once=False)
    async with open_redis(redis_server.url()) as another:
        servers = [Idempotent(redis), Idempotent(another)] * 10
        asking = [asyncio.create_task(server.once("7", effect)) for server in servers]
        await effect.begun.wait()
        effect.may_end.set()
        assert await asyncio.gather(*asking) == [1] * 20


async def test_what_an_owner_began_that_died_is_done_by_the_next(redis):
    first, second = Effect(at_once=False), Effect()
    dies = asyncio.create_task(Idempotent(redis, claim=0.2).once("7", first))
    await first.begun.wait()
    dies.cancel()
    await asyncio.wait([dies])
    assert await Idempotent(redis).once("7", second) == 1  # once the claim has expired


async def test_what_fails_is_done_by_the_next(redis):
    async def fails() -> int:
        raise ValueError("no funds")

    idempotent = Idempotent(redis)
    with pytest.raises(ValueError, match="no funds"):
        await idempotent.once("7", fails)
    assert await idempotent.once("7", Effect()) == 1


async def test_an_owner_that_is_too_slow_is_found_out(redis, caplog):
    slow, quick = Effect(at_once=False), Effect()
    asked = asyncio.create_task(Idempotent(redis, claim=0.05).once("7", lambda: _after(slow, "slow")))
    await slow.begun.wait()
    assert await Idempotent(redis).once("7", quick) == 1
    slow.may_end.set()
    assert await asked == "slow"
    assert "7 took longer than its claim" in caplog.text
    assert await Idempotent(redis).once("7", quick) == 1  # what was stored first, stays


async def _after(effect: Effect, result: str) -> str:
    await effect()
    return result


async def test_nothing_is_kept_for_ever(redis):
    effect, idempotent = Effect(), Idempotent(redis, remember=0.1)
    assert await idempotent.once("7", effect) == 1
    await eventually_async(_is_empty(redis))
    assert await idempotent.once("7", effect) == 2


def _is_empty(redis):
    async def is_empty() -> bool:
        return await redis.dbsize() == 0

    return is_empty


@pytest.mark.parametrize("lost", ["claim", "result"])
async def test_an_answer_of_redis_that_is_lost_makes_nobody_wait(redis, redis_link, lost):
    """Redis does what it is told, and the connection breaks before it can say so: the same command comes again."""
    numbers = itertools.count(1)

    async def effect() -> int:
        if lost == "result":
            redis_link.stall(direction="downstream")
        return next(numbers)

    async def is_done() -> bool:
        return (await redis.get("event:7") or "").startswith(lost)

    async with open_redis(redis_link.url("redis")) as client:
        idempotent = Idempotent(client)
        await idempotent.once("6", Effect())  # the connection stands now, and Redis knows the scripts
        if lost == "claim":
            redis_link.stall(direction="downstream")
        asked = asyncio.create_task(idempotent.once("7", effect))
        await eventually_async(is_done)
        redis_link.cut()
        redis_link.heal()
        assert await asyncio.wait_for(asked, 10) == 1  # a claim that it took for another's would last for 30 s
        assert len(redis_link.connections) > 1
    assert next(numbers) == 2
