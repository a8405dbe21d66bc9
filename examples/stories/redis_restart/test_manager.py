"""The manager by itself, as an external process uses it: its waits, its memory, its health and its logs."""

from __future__ import annotations

import contextlib
import logging
import re
import tracemalloc

import pytest

from examples.stories.redis_restart.manager import BufferedRedisManager
from pytest_netchaos import backoff, eventually_async

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def manager(url, **options):
    made = BufferedRedisManager(url, write_only=True, logger=logging.getLogger("manager"), **options)
    try:
        yield made
    finally:
        await made.aclose()


async def test_it_backs_off_and_says_how_it_is(redis_link, caplog):
    async with manager(redis_link.url("redis"), waits=(0.05, 0.2)) as made:
        await made.emit("tick", 0)
        with redis_link.cut():
            await made.emit("tick", 1)
            assert made.health[:4] == (False, False, 1, 0)
            await redis_link.wait_for_dial_async(6)
        await eventually_async(lambda: made.health.publishing, within=30)
    assert redis_link.dials == backoff(first=0.05, factor=2, cap=0.2, jitter=0.2, at_once=True, late=5.0)
    lines = [record.message for record in caplog.records if record.name == "manager"]
    assert re.fullmatch(r"Redis takes no events \(.+\): 1 wait, 0 were dropped; next try in 0\.0\d s", lines[0])
    assert re.fullmatch(r"Redis is back after \d\.\d s, and has every event that was kept", lines[-1])


async def test_its_memory_is_bounded_however_long_redis_is_away(redis_link):
    kilobyte = "x" * 1024
    async with manager(redis_link.url("redis"), max_events=100) as made:
        await made.emit("tick", 0)
        with redis_link.cut():
            await made.emit("tick", kilobyte)
            tracemalloc.start()
            try:
                for _ in range(2000):
                    await made.emit("tick", kilobyte)
                _, most = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert made.health[2:4] == (100, 1901)
    assert most < 1024 * 1024, "100 events, and not 2,000"
