"""A primary fails, and an application goes on: redis-py behind sentinels, each server behind a link."""

import time

import pytest

redis = pytest.importorskip("redis")
sentinel = pytest.importorskip("redis.sentinel")


class Counter:
    """Your application: it counts in Redis, and asks the sentinels for the primary whenever it has lost it."""

    def __init__(self, addresses, service):
        self._redis = sentinel.Sentinel(addresses, socket_timeout=1.0).master_for(service)

    def add(self):
        while True:
            try:
                return self._redis.incr("count")
            except redis.RedisError:
                time.sleep(0.05)


@pytest.fixture
def counter(redis_sentinel):
    return Counter(redis_sentinel.addresses, redis_sentinel.service_name)


def test_counting_goes_on_after_the_primary_was_killed(redis_sentinel, counter):
    assert counter.add() == 1
    redis_sentinel.wait_for_replicas()  # what no replica has is lost with the primary
    old = redis_sentinel.primary

    redis_sentinel.kill_primary()
    redis_sentinel.wait_for_failover()
    assert counter.add() == 2

    redis_sentinel.restart(old)  # it comes back as a replica
    assert old in redis_sentinel.replicas


def test_counting_goes_on_while_the_primary_is_cut_off(redis_sentinel, counter):
    counter.add()
    redis_sentinel.wait_for_replicas()
    old = redis_sentinel.primary

    with old.link.cut():  # it runs, but neither clients nor sentinels reach it
        redis_sentinel.wait_for_failover()
        assert counter.add() == 2
        assert redis_sentinel.primary.link.connections  # a link's log is of its clients
