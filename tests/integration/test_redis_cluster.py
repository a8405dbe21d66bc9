"""A cluster as a client sees it, with real servers and redis-py."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest
from tests.integration.redis_programs import MISSING, in_containers_too, servers  # noqa: F401 - a fixture

from pytest_netchaos.errors import ServiceError, WaitTimeout
from pytest_netchaos.patience import eventually
from pytest_netchaos.services.cluster import RedisCluster
from pytest_netchaos.services.resp import Connection, ErrorReply

redis = pytest.importorskip("redis")
#: Seconds for a client that finds nobody to try again, on the busiest machine.
SOON = 30.0
KEYS = [f"key {n}" for n in range(30)]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def start(netchaos, servers):  # noqa: F811
    with contextlib.ExitStack() as stack:
        yield lambda **how: stack.enter_context(RedisCluster(netchaos, servers, **how))


@pytest.fixture
def cluster(start):
    return start()


@pytest.fixture
def client(cluster):
    with redis.RedisCluster.from_url(cluster.url(), socket_timeout=10.0) as made:
        yield made


def insist(call):
    """Call again until it works, as an application does."""
    return eventually(lambda: (call(),), SOON, ignoring=redis.RedisError)[0]


def heard(node):
    """How many messages the other nodes have sent it: they ping each other a few times a second."""
    return int(re.search(rb"cluster_stats_messages_received:(\d+)", node.server.execute("CLUSTER", "INFO"))[1])


def key_of(cluster, node):
    return next(key for key in KEYS if cluster.owner(key) is node)


@in_containers_too
def test_clients_are_told_of_links_only(cluster, client):
    addresses = set(cluster.addresses)
    assert {(node.host, node.port) for node in client.get_nodes()} == addresses
    moved = set()
    for node in cluster.nodes:
        with Connection(node.address) as connection:
            replies = [connection.call("SET", key, "value") for key in KEYS]
            slots = connection.call("CLUSTER", "SLOTS")
        moved |= {reply.message.split()[2] for reply in replies if isinstance(reply, ErrorReply)}
        assert {(host.decode(), port) for _, _, (host, port, *_) in slots} == addresses
    assert moved == {f"{host}:{port}" for host, port in addresses}


def test_every_slot_is_served_by_the_node_that_has_it(cluster, client):
    assert [len(node.slots) for node in cluster.nodes] == [5461, 5461, 5462]
    for key in KEYS:
        client.set(key, key)
        owner = cluster.owner(key)
        found = client.get_node_from_key(key)
        assert (found.host, found.port) == owner.address
        assert client.keyslot(key) in owner.slots
        assert owner.server.execute("GET", key) == key.encode()
    assert {cluster.owner(key) for key in KEYS} == set(cluster.nodes)


def test_the_links_saw_clients_only(cluster):
    links = [node.link for node in cluster.nodes]
    assert [len(link.dials) for link in links] == [0, 0, 0]
    node = cluster.nodes[1]
    with Connection(node.address) as connection:
        assert connection.call("SET", key_of(cluster, node), "value") == "OK"
    assert [len(link.dials) for link in links] == [0, 1, 0]
    with links[2].cut():
        before = [heard(node) for node in cluster.nodes]
        eventually(lambda: all(heard(node) > had + 5 for node, had in zip(cluster.nodes, before, strict=True)), SOON)
        assert [len(link.dials) for link in links] == [0, 1, 0]


def test_a_node_whose_link_is_cut_is_gone_for_clients_only(cluster, client):
    lost, kept = cluster.nodes[1], cluster.nodes[2]
    for key in KEYS:
        client.set(key, key)
    with lost.link.cut() as cut:
        assert cut.hits
        with pytest.raises(redis.RedisError):
            client.get(key_of(cluster, lost))
        assert insist(lambda: client.get(key_of(cluster, kept))) == key_of(cluster, kept).encode()
        cluster.wait_until_ok()
    assert insist(lambda: client.get(key_of(cluster, lost))) == key_of(cluster, lost).encode()


@in_containers_too
def test_a_client_survives_a_kill_and_a_restart(cluster, client):
    node = cluster.nodes[0]
    for key in KEYS:
        client.set(key, key)
    killed = cluster.kill(node)
    assert cluster.restart(node) > killed
    assert [insist(lambda key=key: client.get(key)) for key in KEYS] == [key.encode() for key in KEYS]
    assert {cluster.owner(key) for key in KEYS} == set(cluster.nodes)


@in_containers_too
def test_a_node_that_lost_its_data_has_its_slots_still(cluster, client):
    node = cluster.nodes[2]
    for key in KEYS:
        client.set(key, key)
    cluster.restart(node, keep_data=False)
    assert {key for key in KEYS if insist(lambda key=key: client.get(key)) is None} == {
        key for key in KEYS if cluster.owner(key) is node
    }


def test_a_cluster_may_go_on_without_a_node(start):
    cluster = start(options={"cluster-require-full-coverage": "no"}, node_timeout=0.5)
    node, other = cluster.nodes[:2]
    cluster.kill(node)
    cluster.wait_until_ok()
    assert other.server.execute("SET", key_of(cluster, other), "value") == "OK"
    assert cluster.owner(key_of(cluster, node)) is node


def test_what_does_not_happen_is_explained(cluster):
    cluster.kill(cluster.nodes[0])
    cluster.nodes[0].server.start()
    with pytest.raises(WaitTimeout) as caught:  # it serves nothing for 2 s
        cluster.wait_until_ok(timeout=0.02)
    assert re.match(
        r"waited 0\.02 s for the cluster 'cluster' to be whole: cluster-1 says fail.*; cluster-2 says ok",
        str(caught.value),
    )
    for node in cluster.nodes:
        cluster.kill(node)
    with pytest.raises(WaitTimeout, match=r"cluster-1 is down; cluster-2 is down; cluster-3 is down$"):
        cluster.wait_until_ok(timeout=0.02)
    with pytest.raises(ServiceError, match=r"^no node of the cluster 'cluster' answers: <cluster 'cluster': .* down"):
        cluster.owner("key")


def test_waiting_does_not_stop_the_event_loop(cluster):
    async def scenario():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        await cluster.restart_async(cluster.nodes[0])
        await cluster.wait_until_ok_async()
        ticking.cancel()
        return ticks

    assert asyncio.run(scenario()) > 20


@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_number_of_nodes(start, count):
    cluster = start(nodes=count)
    with redis.RedisCluster.from_url(cluster.url()) as client:
        for key in KEYS:
            client.set(key, key)
    assert len(cluster.nodes) == count


def test_a_start_that_fails_says_why_and_leaves_nothing(netchaos, servers):  # noqa: F811
    made = []

    def make(**how):
        made.append(servers(**how))
        return made[-1]

    with pytest.raises(ServiceError) as caught, RedisCluster(netchaos, make, options={"nonsense": "1"}):
        pytest.fail("it has started")
    assert str(caught.value).startswith("cluster-")
    assert "nonsense" in str(caught.value)
    assert {server.state for server in made} == {"closed"}


@pytest.mark.skipif(bool(MISSING["valkey"]), reason=MISSING["valkey"])
def test_the_fixtures(redis_cluster, redis_cluster_factory):
    assert len(redis_cluster.nodes) == 3
    assert len(redis_cluster_factory(nodes=1, name="small").nodes) == 1
