from __future__ import annotations

import itertools
import os
import socket
import threading
import time

import pytest
from tests.docker import COMMAND, REDIS, answers

from pytest_netchaos.errors import PortInUse, ServiceError
from pytest_netchaos.services.docker import container as module
from pytest_netchaos.services.docker import inspection
from pytest_netchaos.services.docker.container import Container, NobodyThere, is_port_in_use
from pytest_netchaos.services.resp import Connection


def found(**state):
    return {"State": {"Running": False, "Paused": False, "Dead": False, "ExitCode": 0, "FinishedAt": "0001", **state}}


# What the daemon's words mean


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (found(Running=True), "running"),
        (found(Running=True, Paused=True), "paused"),
        (found(), "down"),
        (found(Dead=True), "gone"),
        ({}, "gone"),
    ],
)
def test_states(said, expected):
    assert inspection.state(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (found(Running=True), "it is running"),
        (found(ExitCode=1), "it ended with exit code 1"),
        (found(ExitCode=137), "it ended with exit code 137 (SIGKILL)"),
        (found(ExitCode=137, OOMKilled=True), "it ended with exit code 137 (out of memory)"),
        (found(ExitCode=127, Error="exec: no such file"), "it ended with exit code 127: exec: no such file"),
        (found(ExitCode=255), "it ended with exit code 255"),
        ({}, "it is gone"),
    ],
)
def test_endings(said, expected):
    assert inspection.ending(said) == expected


def test_when_it_ended():
    assert inspection.finished_at({}) is None
    assert inspection.finished_at(found(FinishedAt="0001-01-01T00:00:00Z")) is None
    assert inspection.finished_at(found(FinishedAt="1970-01-01T00:00:01.500000999Z")) == 1.5
    assert inspection.finished_at(found(FinishedAt="1970-01-01T00:00:01Z")) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("driver failed: Bind for 127.0.0.1:80 failed: port is already allocated", True),
        ("listen tcp4 127.0.0.1:80: bind: address already in use", True),
        ("Ports are not available: exposing port TCP 127.0.0.1:80", True),
        ("exec: no such file", False),
    ],
)
def test_port_in_use(said, expected):
    assert is_port_in_use(ServiceError(said)) is expected


# How long it may take to be ready


@pytest.fixture
def starting(monkeypatch):
    """A container that runs, and whose start took as long as is said; time passes as it is looked at."""
    clock = itertools.count()
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(module.time, "sleep", lambda _: None)

    class Starting(Container):
        is_running = True

        def failure(self, what):
            return ServiceError(what)

    def make(took):
        made = Starting(None, image="x", host="h", ports={}, release=print)
        made._start_took = took
        return made

    return make


def nobody():
    raise NobodyThere("nobody in it")


def in_turn(*answers):
    """A probe; the last answer is for good."""
    left = itertools.chain(answers, itertools.repeat(answers[-1]))

    def probe():
        return next(left)()

    return probe


@pytest.mark.parametrize(
    ("took", "timeout", "seconds"), [(0.1, 100, 5), (2.5, 100, 25), (60, 100, 100), (0.1, 3, 3)],
    ids=["quiet", "busy", "very-busy", "impatient"],
)  # fmt: skip
def test_where_nobody_listens_the_machine_says_how_long_that_may_take(starting, took, timeout, seconds):
    with pytest.raises(ServiceError, match=rf"^is not ready after {seconds} s \(nobody in it\)$"):
        starting(took).wait_ready(nobody, timeout)


def test_somebody_who_listens_has_all_the_time(starting):
    probe = in_turn(nobody, bool, *[nobody] * 20, bool)
    with pytest.raises(ServiceError, match=r"^is not ready after 50 s$"):
        starting(0.1).wait_ready(probe, 50)


def test_somebody_who_comes_late_is_ready(starting):
    probe = in_turn(nobody, nobody, lambda: True)
    starting(0.1).wait_ready(probe, 50)


# A real one


def test_a_running_container(container, docker):
    assert container.state == "running"
    assert container.is_running
    assert not container.is_paused
    assert container.exit_code is None
    assert container.image == REDIS
    assert container.name == f"netchaos-{docker.owner.run}-main-shared-{container.name[-1]}"
    assert repr(container) == f"<Container {container.name} running>"
    assert container.address(6379)[0] == "127.0.0.1"
    container.wait_ready(lambda: "Ready to accept connections" in container.log_tail())  # the daemon copies it
    assert len(container.log_tail(2).splitlines()) == 2
    assert container.wait(0.05) is None


def test_a_port_that_is_not_published(container):
    with pytest.raises(ServiceError, match=r"port 80 of the container .* isn't published; these are: 6379"):
        container.address(80)


def test_its_labels(container, docker):
    labels = docker.client.containers.get(container.id).labels
    assert labels["pytest-netchaos.run"] == docker.owner.run
    assert labels["pytest-netchaos.owner-pid"] == str(os.getpid())


def test_pause_and_resume(container):
    container.pause()
    container.pause()
    assert container.state == "paused"
    assert container.is_running
    with Connection(container.address(6379), 0.1) as connection, pytest.raises(TimeoutError):
        connection.call("PING")
    container.resume()
    container.resume()
    assert container.state == "running"
    assert answers(container.address(6379))


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("paused", [False, True])
def test_an_end_is_confirmed_by_refused_dials(container, end, paused):
    if paused:
        container.pause()
    before = time.monotonic()
    assert before <= getattr(container, end)() <= time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(container.address(6379))
    assert container.state == "down"
    assert container.exit_code == (137 if end == "kill" else 0)
    assert container.wait(5) == container.exit_code


def test_its_port_and_files_stay(container):
    address = container.address(6379)
    with Connection(address) as connection:
        assert connection.pipeline([("SET", "k", "v"), ("SAVE",)]) == ["OK", "OK"]
    container.kill()
    container.start()
    container.wait_ready(lambda: answers(address))
    assert container.address(6379) == address
    with Connection(address) as connection:
        assert connection.call("GET", "k") == b"v"


def test_its_port_is_nobody_elses_while_it_is_down(container):
    container.kill()
    with pytest.raises(OSError, match="in use"), socket.socket() as thief:
        thief.bind(container.address(6379))


def test_a_log_begins_with_the_last_start(container):
    container.restart()
    container.wait_ready(lambda: answers(container.address(6379)))
    container.wait_ready(lambda: "Ready to accept connections" in container.log_tail(1000))  # the daemon copies it
    assert container.log_tail(1000).count("Redis is starting") == 1


@pytest.mark.parametrize("verb", ["pause", "resume", "kill", "stop"])
def test_what_a_dead_container_can_not_do(container, verb):
    if container.is_running:
        container.kill()
    with pytest.raises(ServiceError, match=r"is down, so it can't be .*: call start\(\) or restart\(\) first"):
        getattr(container, verb)()


def test_what_a_running_container_can_not_do(container):
    with pytest.raises(ServiceError, match=r"is running, so it can't be started: call restart\(\)"):
        container.start()


def test_an_end_that_nobody_asked_for(container):
    with Connection(container.address(6379)) as connection, pytest.raises(OSError, match=r"hung up|reset"):
        connection.call("SHUTDOWN", "NOSAVE")
    assert container.wait(10) == 0
    assert container.state == "down"


def test_a_container_that_ends_fails_at_once(docker):
    broken = docker.run(REDIS, command=["redis-server", "--no-such-setting", "1"])
    before = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        broken.wait_ready(lambda: False, timeout=60)
    assert time.monotonic() - before < 10
    assert f"{broken.name} did not start: it ended with exit code 1.\n  run as: {REDIS} redis-server" in str(
        caught.value
    )
    assert "Bad directive" in str(caught.value).partition("last lines of its log:")[2]
    broken.close()


def test_one_that_never_gets_ready(container):
    with pytest.raises(ServiceError, match=r"(?s)is not ready after 0.05 s: it is running.*last lines"):
        container.wait_ready(lambda: False, timeout=0.05)


def test_one_that_somebody_else_removes(docker):
    lost = docker.run(REDIS, command=COMMAND, ports=[6379])
    docker.client.api.remove_container(lost.id, force=True)
    assert lost.state == "gone"
    assert lost.exit_code is None
    assert "No such container" in lost.log_tail()
    with pytest.raises(ServiceError, match="is gone, so it can't be started: somebody has removed it"):
        lost.start()
    with pytest.raises(ServiceError, match=r"is not ready|did not start: it is gone"):
        lost.wait_ready(lambda: False, 1)
    lost.close()
    lost.close()
    assert repr(lost) == f"<Container {lost.name} closed>"


def test_close_takes_volumes_along(docker):
    with docker.run(REDIS, command=COMMAND, tmpfs={"/scratch": "size=1m"}) as container:
        anonymous = docker.client.volumes.create(labels={"netchaos-test": docker.owner.run})
        anonymous.remove()
        assert container.is_running
    assert container.state == "gone"


def test_a_port_that_somebody_took_while_it_was_down(docker):
    """Only with SO_REUSEPORT or the like can it be taken at all; here, our reservation is given up for the purpose."""
    container = docker.run(REDIS, command=COMMAND, ports=[6379])
    try:
        container.kill()
        for reservation in docker._containers[container]:
            reservation.close()
        with socket.create_server(container.address(6379)), pytest.raises(PortInUse, match=r"in use|allocated"):
            container.start()
    finally:
        container.close()


def test_a_forked_child_lets_it_live(container):
    child = os.fork()
    if not child:
        try:
            container.close()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert container.state == "running"


def test_threads_may_meddle(container):
    errors = []

    def meddle(*calls):
        for call in calls * 2:
            try:
                getattr(container, call)()
            except ServiceError as error:
                if "so it can't be" not in str(error):
                    errors.append(error)

    threads = [threading.Thread(target=meddle, args=calls) for calls in (("pause", "resume"), ("kill", "start"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
