"""Sentinels as a client sees them, with real servers and redis-py."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import pytest
from tests.integration.redis_programs import MISSING, in_containers_too, servers  # noqa: F401 - a fixture

from pytest_netchaos.errors import ServiceError, WaitTimeout
from pytest_netchaos.patience import eventually
from pytest_netchaos.services.resp import Connection
from pytest_netchaos.services.sentinel import RedisSentinel

sentinel = pytest.importorskip("redis.sentinel")
#: Seconds for a client that finds nobody to try again, on the busiest machine.
SOON = 30.0

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def start(netchaos, servers):  # noqa: F811
    """Make topologies of the program that this test is about."""
    with contextlib.ExitStack() as stack:
        yield lambda **how: stack.enter_context(RedisSentinel(netchaos, servers, **how))


@pytest.fixture
def topology(start):
    return start()


@pytest.fixture
def client(topology):
    """A client that asks the sentinels where the primary is."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # Its own patience would cost seconds with each sentinel that isn't there.
    impatient = {"socket_timeout": 10.0, "retry": Retry(NoBackoff(), 0)}
    made = sentinel.Sentinel(topology.addresses, sentinel_kwargs=impatient)
    yield made
    for each in made.sentinels:
        each.close()


@pytest.fixture
def primary(topology, client):
    """The same client, speaking with the primary."""
    with client.master_for(topology.service_name, socket_timeout=10.0) as made:
        yield made


def insist(call):
    """Call again until it works, as an application does."""
    import redis

    return eventually(lambda: (call(),), SOON, ignoring=redis.RedisError)[0]


def role(member):
    return member.server.execute("ROLE")[0].decode()


@in_containers_too
def test_clients_are_told_of_links_only(topology, client):
    assert topology.primary is topology.servers[0]
    assert client.discover_master("mymaster") == topology.primary.address
    assert sorted(client.discover_slaves("mymaster")) == sorted(replica.address for replica in topology.replicas)
    with Connection(topology.sentinels[0].address) as connection:
        others = connection.call("SENTINEL", "SENTINELS", "mymaster")
    ports = {int(each[each.index(b"port") + 1]) for each in others}
    assert ports == {member.link.port for member in topology.sentinels[1:]}
    assert [role(member) for member in topology.servers] == ["master", "slave", "slave"]


def test_the_links_saw_clients_only(topology, client, primary):
    links = [member.link for member in (*topology.servers, *topology.sentinels)]
    assert [len(link.dials) for link in links] == [0] * 6
    primary.set("key", "value")
    cut = topology.sentinels[1].link.cut()  # it meets the other sentinels
    topology.failover()
    assert cut.hits == ()
    for link in links[1:3] + links[4:]:
        assert len(link.dials) <= 1, "a client may look for the new primary at once"
    assert len(links[0].dials) == len(links[3].dials) == 1
    assert {dial.peer.rpartition(":")[0] for link in links for dial in link.dials} == {"127.0.0.1"}


@in_containers_too
def test_a_primary_whose_link_is_cut_is_replaced(topology, primary):
    old = topology.primary
    primary.set("before", 1)
    topology.wait_for_replicas()
    with old.link.cut() as cut:
        switched = topology.wait_for_failover()
        assert switched > cut.at
        assert topology.primary is not old
        insist(lambda: primary.set("during", 2))
        assert (primary.get("before"), primary.get("during")) == (b"1", b"2")
        assert role(old) == "master", "nobody could tell it"
    topology.wait_for_replicas()
    assert old in topology.replicas
    assert (role(old), old.server.execute("GET", "during")) == ("slave", b"2")


@in_containers_too
def test_a_primary_that_is_killed_is_replaced_and_comes_back_as_a_replica(topology, primary):
    old = topology.primary
    primary.set("key", "value")
    topology.wait_for_replicas()
    killed = topology.kill_primary()
    assert topology.wait_for_failover() > killed
    assert insist(lambda: primary.get("key")) == b"value"
    primary.set("late", 1)
    topology.restart(old)
    assert topology.primary is not old
    assert (role(old), old.server.execute("GET", "late")) == ("slave", b"1")


def test_a_failover_on_demand(topology, primary):
    old = topology.primary
    primary.set("key", "value")
    before = time.monotonic()
    done = topology.failover()
    assert before < done <= time.monotonic()
    new = topology.primary
    assert new is not old
    assert role(new) == "master"
    assert insist(lambda: primary.get("key")) == b"value"
    topology.wait_for_replicas()
    assert role(old) == "slave"
    topology.failover()
    assert topology.primary is not new


def test_a_replica_lags_behind_by_the_delay_of_the_link(start):
    topology = start(down_after=10.0)
    primary = topology.primary
    topology.wait_for_replicas()
    with primary.link.delay(0.2, direction="downstream"):
        before = time.monotonic()
        primary.server.execute("SET", "key", "value")
        assert topology.wait_for_replicas() - before >= 0.2
    assert {member.server.execute("GET", "key") for member in topology.servers} == {b"value"}


def test_a_sentinel_whose_link_is_cut_is_left_out_by_clients(topology, client):
    with topology.sentinels[0].link.cut():
        assert client.discover_master("mymaster") == topology.primary.address
        topology.kill_primary()
        topology.wait_for_failover()
        assert insist(lambda: client.discover_master("mymaster")) == topology.primary.address


def test_a_sentinel_that_is_down_has_no_say(topology):
    topology.sentinels[2].server.kill()
    topology.failover()
    new = topology.primary
    topology.restart(topology.sentinels[2])
    topology.sentinels[0].server.kill()
    assert topology.primary is new


def test_a_promoted_replica_is_a_primary_after_a_restart_too(topology):
    topology.failover()
    new = topology.primary
    new.server.restart()
    assert role(new) == "master"


def test_two_topologies_in_one_test(start):
    first = start(replicas=1, sentinels=1)
    second = start(replicas=1, sentinels=1, name="other", service_name="orders")
    second.failover()
    assert first.primary is first.servers[0]
    assert second.primary is second.servers[1]
    assert first.primary.name == "redis-1"
    assert second.primary.name == "other-2"


def test_what_does_not_happen_is_explained(topology):
    with pytest.raises(WaitTimeout) as caught:
        topology.wait_for_failover(timeout=0.02)
    assert str(caught.value).startswith(
        "waited 0.02 s for another primary than redis-1: redis-sentinel-1 names redis-1 (master); "
    )
    assert "redis-1 is a primary with 2 replicas at " in str(caught.value)
    topology.servers[1].server.kill()
    topology.wait_for_replicas()
    with topology.servers[0].link.stall(), pytest.raises(WaitTimeout, match="for the replicas to follow: "):
        topology.servers[0].server.execute("SET", "key", "value")
        topology.wait_for_replicas(timeout=0.1)


def test_waiting_does_not_stop_the_event_loop(topology):
    async def scenario():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        await topology.failover_async()
        old = topology.primary
        topology.kill_primary()
        await topology.wait_for_failover_async()
        await topology.restart_async(old)
        await topology.wait_for_replicas_async()
        ticking.cancel()
        return ticks

    assert asyncio.run(scenario()) > 20


def test_a_wait_that_is_cancelled_leaves_no_thread(topology):
    async def scenario():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(topology.wait_for_failover_async(), 0.05)

    before = threading.active_count()
    asyncio.run(scenario())
    eventually(lambda: threading.active_count() <= before, SOON)


def test_a_start_that_fails_says_why_and_leaves_nothing(netchaos, servers):  # noqa: F811
    made = []

    def make(**how):
        made.append(servers(**how))
        return made[-1]

    with pytest.raises(ServiceError) as caught, RedisSentinel(netchaos, make, options={"nonsense": "1"}):
        pytest.fail("it has started")
    assert str(caught.value).startswith("redis-1: ")
    assert "nonsense" in str(caught.value)
    assert {server.state for server in made} == {"closed"}


@pytest.mark.skipif(bool(MISSING["valkey"]), reason=MISSING["valkey"])
def test_the_fixtures(redis_sentinel, redis_sentinel_factory):
    assert len(redis_sentinel.replicas) == 2
    small = redis_sentinel_factory(replicas=1, sentinels=1, name="small")
    assert len(small.servers) == 2
