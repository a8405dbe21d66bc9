from __future__ import annotations

import threading
import time

import pytest
from tests.unit.conftest import FakeEngine
from tests.unit.services.fakes import FakeMachine, member

from pytest_netchaos.errors import PortInUse, ServiceError, WaitTimeout
from pytest_netchaos.network import Network
from pytest_netchaos.services.cluster import RedisCluster
from pytest_netchaos.services.ports import Reservation
from pytest_netchaos.services.sentinel import RedisSentinel
from pytest_netchaos.services.topology import Topology, ask, check_count, start_member, together, wait_until


@pytest.fixture
def network():
    engine = FakeEngine()
    return Network(lambda: engine, timeout=0.01)


@pytest.fixture
def made():
    return []


@pytest.fixture
def make(made):
    def call(*, name, port, options, files):
        made.append(FakeMachine(name, port=port, options=options, files=files))
        return made[-1]

    return call


# Helpers


def test_calls_are_made_together():
    barrier = threading.Barrier(3, timeout=10)
    assert sorted(together([barrier.wait] * 3)) == [0, 1, 2]
    assert together([]) == []


def test_the_first_error_comes_when_all_is_over():
    done = threading.Event()

    def late():
        time.sleep(0.05)
        done.set()

    with pytest.raises(KeyError):
        together([late, {}.popitem, late])
    assert done.is_set()


def test_a_wait_ends_with_the_time():
    answers = iter([False, False, True])
    before = time.monotonic()
    assert before <= wait_until(lambda: next(answers), 10, lambda: "nothing") <= time.monotonic()


def test_a_wait_in_vain_explains_itself():
    with pytest.raises(WaitTimeout, match=r"^waited 0\.02 s for rain: the sky is blue$"):
        wait_until(lambda: False, 0.02, lambda: "rain: the sky is blue")


def test_a_wait_can_be_cancelled():
    with pytest.raises(WaitTimeout):
        wait_until(lambda: False, 60, lambda: "rain", lambda: True)


def test_a_silent_member_has_no_answer():
    one = member("one", 1, PING="PONG")
    assert (ask(one, "PING"), ask(one, "ROLE")) == ("PONG", None)


def test_a_member_is_where_its_link_is():
    one = member("redis-1", 4711)
    assert one.address == ("127.0.0.1", 4711)
    assert (one.url(), one.url(3)) == ("redis://127.0.0.1:4711/0", "redis://127.0.0.1:4711/3")
    assert repr(one) == "<member 'redis-1' at 127.0.0.1:4711: running>"


@pytest.mark.parametrize("error", [ServiceError, PortInUse])
def test_a_failed_start_says_whose(error):
    one = member("redis-1", 4711)
    one.server.fails_with = error("it ended")
    with pytest.raises(error, match=r"^redis-1: it ended$"):
        start_member(one)


@pytest.mark.parametrize("count", [0, -1, True, 1.0, "3", None])
def test_what_is_no_number_of_members_is_refused(count):
    with pytest.raises(ValueError, match=r"^nodes must be a whole number from 1, not "):
        check_count("nodes", count)


# What is left behind


@pytest.mark.parametrize("kind", [RedisSentinel, RedisCluster])
def test_a_start_that_fails_leaves_nothing(network, make, made, kind):
    topology = kind(network, make)
    made[1].fails_with = ServiceError("it ended")
    with pytest.raises(ServiceError, match=f"^{made[1].name}: it ended"), topology:
        pytest.fail("it has started")
    assert {machine.state for machine in made} == {"closed"}
    for machine in made:
        Reservation(machine.address[1]).close()


@pytest.mark.parametrize("kind", [RedisSentinel, RedisCluster])
def test_a_name_that_is_taken_leaves_nothing(network, make, made, kind):
    first = kind(network, make)
    count = len(made)
    with pytest.raises(ValueError, match="must be unique"):
        kind(network, make)
    assert len(made) == count
    second = kind(network, make, name="other")
    assert len(made) == 2 * count
    for topology in (first, second):
        topology.close()


def test_ports_are_reserved_until_it_is_closed(network, make, made):
    topology = RedisCluster(network, make, nodes=2)
    with pytest.raises(OSError, match="in use"):  # one that doesn't know of the reservation
        network_socket(made[0].address)
    topology.close()
    network_socket(made[0].address).close()


def network_socket(address):
    import socket

    sock = socket.socket()
    try:
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def test_closing_twice_is_closing_once(network, make):
    topology = RedisCluster(network, make)
    topology.close()
    topology.close()


def test_one_member_that_cannot_be_closed_does_not_keep_the_others(network, make, made):
    topology = RedisCluster(network, make)

    def fail():
        raise ServiceError("it survives SIGKILL")

    made[0].close = fail
    with pytest.raises(ServiceError):
        topology.close()
    assert [machine.state for machine in made[1:]] == ["closed", "closed"]
    network_socket(made[0].address).close()


def test_a_topology_of_no_kind_cannot_start(network, make):
    with pytest.raises(NotImplementedError):
        Topology(network, make, "x", 1.0).start()


@pytest.mark.parametrize("how", [{"replicas": 0}, {"sentinels": 0}, {"replicas": "2"}])
def test_a_sentinel_topology_has_at_least_one_of_each(network, make, made, how):
    with pytest.raises(ValueError, match="must be a whole number from 1"):
        RedisSentinel(network, make, **how)
    assert made == []


# What members are told


def test_links_know_the_members_from_the_clients(network, make):
    engine = network._engine_source()
    RedisSentinel(network, make).close()
    RedisCluster(network, make).close()
    assert set(engine.backgrounds) == {("127.0.0.2",)}
    assert [opened[0] for opened in engine.opened] == [
        "redis-1", "redis-2", "redis-3", "redis-sentinel-1", "redis-sentinel-2", "redis-sentinel-3",
        "cluster-1", "cluster-2", "cluster-3",
    ]  # fmt: skip


def test_servers_announce_their_links(network, make, made):
    topology = RedisSentinel(network, make, replicas=1, sentinels=1, options={"hz": "10", "maxmemory": "1mb"})
    primary, replica = made[:2]
    for machine, each in zip(made, (*topology.servers, *topology.sentinels), strict=True):
        assert (machine.name, machine.setup["options"]["bind-source-addr"]) == (each.name, "127.0.0.2")
        assert each.link.upstream == f"127.0.0.1:{machine.address[1]}"
    assert replica.setup["options"]["replica-announce-port"] == str(topology.servers[1].link.port)
    assert (replica.setup["options"]["hz"], replica.setup["options"]["maxmemory"]) == ("10", "1mb")
    assert "replicaof" not in primary.setup["files"]["redis.conf"]
    assert replica.setup["files"] == {"redis.conf": f"replicaof 127.0.0.1 {topology.servers[0].link.port}\n"}
    assert "sentinel.conf" in made[2].setup["files"]
    assert topology.addresses == [topology.sentinels[0].link.address]
    topology.close()


def test_nodes_announce_their_links_and_speak_past_them(network, make, made):
    topology = RedisCluster(network, make, options={"cluster-require-full-coverage": "no"})
    buses = set()
    for machine, node in zip(made, topology.nodes, strict=True):
        options = machine.setup["options"]
        assert options["cluster-announce-port"] == str(node.link.port)
        assert options["cluster-announce-bus-port"] == options["cluster-port"]
        assert options["cluster-require-full-coverage"] == "no"
        buses.add(options["cluster-port"])
    assert len(buses | {str(m.address[1]) for m in made} | {str(n.link.port) for n in topology.nodes}) == 9
    assert topology.url() == f"redis://127.0.0.1:{topology.nodes[0].link.port}/0"
    topology.close()
