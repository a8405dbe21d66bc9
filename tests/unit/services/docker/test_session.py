from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time

import pytest
from tests.docker import COMMAND, REDIS, answers, left_over, new_run, require_docker, session

from pytest_netchaos.errors import PortInUse, ServiceError
from pytest_netchaos.services.docker import publish
from pytest_netchaos.services.docker.publish import Publication, RemotePort
from pytest_netchaos.services.docker.route import Route, Surroundings
from pytest_netchaos.services.docker.session import Docker
from pytest_netchaos.services.kernel import is_readable
from pytest_netchaos.services.ports import Reservation
from pytest_netchaos.services.resp import Connection, ProtocolError

LOCAL = Route(Surroundings("unix:///var/run/docker.sock", {}))
REMOTE = Route(Surroundings("tcp://there:2375", {}))


# Ports


def test_free_ports_are_kept():
    ports, kept = Publication(LOCAL, [80, 81], {}, published=True).choose()
    try:
        assert sorted(ports) == [80, 81]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", ports[80]))
        with pytest.raises(OSError, match="in use"), socket.socket() as thief:
            thief.bind(("127.0.0.1", ports[81]))
    finally:
        publish.give_back(kept)


def test_a_fixed_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"127.0.0.1:{port} is taken"):
            Publication(LOCAL, [], {80: port}, published=True).choose()


def test_remote_ports_are_drawn():
    publication = Publication(REMOTE, [80], {81: 4000}, published=True)
    ports, kept = publication.choose()
    assert ports[81] == 4000
    assert 20000 <= ports[80] < 32000
    assert publication.bindings({80: 25000}) == {"80/tcp": ("0.0.0.0", 25000)}
    assert all(isinstance(port, RemotePort) for port in kept)
    publish.give_back(kept)


def test_nothing_is_published_in_the_machines_own_network():
    assert Publication(LOCAL, [80], {}, published=False).choose() == ({}, [])


# The session


def test_nothing_runs_before_it_is_needed():
    with session() as docker:
        assert docker._reaper is None
        assert left_over(docker.client, docker.owner.run) == []
        assert re.fullmatch(r"<Docker at \S+, 0 containers>", repr(docker))
        assert docker.version


def test_close_removes_everything():
    with session() as docker:
        one = docker.run(REDIS, command=COMMAND, ports=[6379])
        two = docker.run(REDIS, command=COMMAND, network="host")
        reaper = os.pidfd_open(docker._reaper.pid)
        assert len(left_over(docker.client, docker.owner.run)) == 3  # and a network
    assert is_readable(reaper, 10)
    os.close(reaper)
    docker.close()
    Reservation(one._ports[6379]).close()
    with pytest.raises(ServiceError, match="this Docker is closed"):
        docker.run(REDIS)
    assert two._closed is False


def test_containers_start_side_by_side():
    """Each waits until both have been made; one after the other, the first would wait in vain."""
    with session() as docker:
        made, both = [], threading.Barrier(2, timeout=30)
        create = docker._create

        def slow(*arguments):
            handle = create(*arguments)
            both.wait()
            return handle

        docker._create = slow
        threads = [threading.Thread(target=lambda: made.append(docker.run(REDIS, ports=[6379]))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len({container.address(6379) for container in made}) == 2


def test_close_waits_for_a_container_that_another_thread_is_starting(monkeypatch):
    """And for nothing else: one that is pulled for isn't there, and finds out that it won't be."""
    with session() as docker:
        made, go = threading.Event(), threading.Event()
        create, wait_for = docker._create, docker._started.wait_for
        heard = []

        def slow(*arguments):
            handle = create(*arguments)
            made.set()
            assert go.wait(30)
            return handle

        def wait(*arguments):
            go.set()
            return wait_for(*arguments)

        def run():
            with pytest.raises(ServiceError, match="this Docker is closed") as caught:
                docker.run(REDIS)
            heard.append(caught.value)

        monkeypatch.setattr(docker, "_create", slow)
        monkeypatch.setattr(docker._started, "wait_for", wait)
        thread = threading.Thread(target=run)
        thread.start()
        assert made.wait(30)
        docker.close()
        assert not docker._containers
        assert docker._starting == 0
        thread.join(30)
        run()
        assert len(heard) == 2


def test_containers_reach_each_other_by_name_and_alias(docker):
    server = docker.run(REDIS, command=COMMAND, ports=[6379], alias="the-redis")
    replica = docker.run(REDIS, command=[*COMMAND, "--replicaof", "the-redis", "6379"], ports=[6379])

    def is_linked():
        try:
            with Connection(replica.address(6379), 0.5) as connection:
                return b"master_link_status:up" in connection.call("INFO", "replication")
        except (OSError, ProtocolError):
            return False

    replica.wait_ready(is_linked, 30)
    server.close()
    replica.close()


def test_containers_reach_this_machine(docker):
    """By the name and at the address that the route says."""
    way = docker.route.way_back
    with socket.create_server((way.listen, 0)) as server:
        server.settimeout(30)
        port = server.getsockname()[1]
        caller = docker.run(REDIS, command=[*COMMAND, "--replicaof", way.name, str(port)])
        peer, _ = server.accept()
        with peer:
            assert b"PING" in peer.recv(100)
        caller.close()


def test_a_port_that_is_taken_in_the_last_moment(docker, monkeypatch):
    """Docker finds it in use: another one is chosen."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        numbers = iter([taken])

        class Raced(Reservation):
            def __init__(self, port=0, host="127.0.0.1"):
                super().__init__(port, host)
                self.port = next(numbers, self.port)

        monkeypatch.setattr(publish, "Reservation", Raced)
        with docker.run(REDIS, command=COMMAND, ports=[6379]) as container:
            assert container.address(6379)[1] != taken
            container.wait_ready(lambda: answers(container.address(6379)))


def test_a_fixed_port_that_is_taken_is_not_changed(docker, monkeypatch):
    before = len(left_over(docker.client, docker.owner.run))
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(PortInUse, match=str(taken)):
            docker.run(REDIS, fixed_ports={6379: taken})
        monkeypatch.setattr(publish, "reserve", lambda _route, port: RemotePort(port))
        with pytest.raises(PortInUse, match=r"in use|allocated"):
            docker.run(REDIS, fixed_ports={6379: taken})
    assert len(left_over(docker.client, docker.owner.run)) <= max(before, 1)


def test_a_program_that_is_not_there(docker):
    with pytest.raises(ServiceError, match=r"Docker did not start .*no-such-program.*not found"):
        docker.run(REDIS, command=["no-such-program"])


def test_many_ports(docker):
    with docker.run(REDIS, ports=range(7000, 7020)) as container:
        assert len({container.address(port) for port in range(7000, 7020)}) == 20


def test_images_are_reported():
    said = []
    with session(report=said.append) as docker, pytest.raises(ServiceError):
        docker.run("no/such-image:1")
    assert said[0] == "pulling no/such-image:1 …"


def test_two_runs_do_not_touch_each_others():
    with session() as mine, session() as theirs:
        one = mine.run(REDIS, command=COMMAND, ports=[6379])
        theirs.run(REDIS, command=COMMAND, ports=[6379])
        theirs.close()
        assert one.state == "running"


def test_two_of_the_same_name_in_one_run():
    """Names in use are skipped: the daemon decides."""
    with session() as docker, Docker(docker.owner.run, "main") as second:
        names = {docker.run(REDIS, name="x").name, second.run(REDIS, name="x").name}
        assert len(names) == 2


def test_a_forked_child_lets_them_live():
    with session() as docker:
        container = docker.run(REDIS, command=COMMAND, ports=[6379])
        child = os.fork()
        if not child:
            try:
                docker.close()
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert container.state == "running"
        assert container.address(6379)
        os.kill(docker._reaper.pid, 0)


def test_without_its_reaper_it_still_cleans_up():
    with session() as docker:
        docker.run(REDIS)
        os.kill(docker._reaper.pid, signal.SIGKILL)


def test_a_host_that_is_set():
    require_docker()
    with Docker(new_run(), "main", host="192.0.2.7") as docker:
        assert docker.route.way_back.name == "192.0.2.7"
        assert docker.route.extra_hosts == {"host.docker.internal": "192.0.2.7"}


def test_a_failed_wait_leaves_a_handle_that_is_removed():
    before = time.monotonic()
    with session() as docker, pytest.raises(ServiceError, match="did not start"):
        docker.run(REDIS, command=["redis-server", "--nonsense"]).wait_ready(lambda: False)
    assert time.monotonic() - before < 30
