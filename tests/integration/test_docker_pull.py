"""Images come from a real registry through the real daemon: what is said meanwhile, and what of those that fail."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.docker import COMMAND, PATIENCE, REDIS, require_docker, session
from tests.registry import Drops, Gate, Registry, marked, saved

from pytest_netchaos.errors import ServiceError
from pytest_netchaos.opening import open_network
from pytest_netchaos.services.docker import daemon, images
from pytest_netchaos.services.docker.route import Route, survey
from pytest_netchaos.services.ports import Reservation

#: Seconds for an error that needs no waiting. It takes 0.1.
SOON = 15.0
#: Seconds without progress.
STALLED = 2.0
#: Bytes: the daemon notices that nobody listens any more before it has these.
MUCH = 10_000_000

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def found():
    require_docker()
    found = daemon.find()
    if not Route(survey(found.place.url, found.info, "")).is_native:
        pytest.skip("the daemon doesn't share this machine's loopback, where the registry is")
    yield found
    found.client.close()


@pytest.fixture
def registry(found):
    with Registry(found.client) as registry:
        yield registry


@pytest.fixture
def mine(found):
    return images.normalised(found.info["Architecture"])


@pytest.fixture
def other(mine):
    return "arm64" if mine == "amd64" else "amd64"


@pytest.fixture
def runnable(found, mine):
    """Makes images of a Redis that nobody has."""
    redis = saved(found.client, REDIS)
    return lambda: marked(mine, below=redis)


class Listener:
    """Is told how far a pull is, and calls something when it is in the middle for the first time."""

    def __init__(self, midway=lambda: None):
        self.said = []
        self._midway = midway

    def __call__(self, line):
        self.said.append(line)
        if line.endswith(" MB/s"):
            self._midway()
            self._midway = lambda: None


# A pull


@pytest.mark.parametrize("listed", [False, True])
def test_an_image_is_pulled_once_and_its_progress_told(found, registry, mine, listed):
    gate = Gate()
    listener = Listener(gate.open)
    name = registry.push(marked(mine, 2_000_000), "plain", gate, listed=listed)
    images.ensure(found, name, report=listener)
    assert listener.said[0] == f"pulling {name} …"
    assert re.fullmatch(rf"pulling {name}: [01]\.\d of 2\.0 MB, \d+\.\d MB/s", listener.said[1])
    assert re.fullmatch(rf"pulled {name}: 2\.0 MB in \d+\.\d s", listener.said[-1])
    assert registry.stored() == [name]

    before = list(registry.requests)
    assert before.count("GET layer plain") == 1
    images.ensure(found, name, report=pytest.fail)
    assert registry.requests == before


def test_an_image_by_its_digest(found, registry, mine):
    registry.push(marked(mine), "plain")
    name = registry.by_digest("plain")
    images.ensure(found, name, report=lambda _: None)
    assert registry.stored() == [name]
    images.ensure(found, name, report=pytest.fail)


def test_a_container_of_an_image_that_is_not_there(registry, runnable):
    listener = Listener()
    name = registry.push(runnable(), "redis")
    with session(report=listener) as docker:
        assert docker.run(name, command=COMMAND).is_running
        assert docker.run(name, command=COMMAND).is_running
    assert listener.said.count(f"pulling {name} …") == 1
    assert registry.count("GET layer redis") in {1, 2}  # the lower one may be known from before


def test_a_network_s_container_of_an_image_that_is_not_there(registry, runnable):
    name = registry.push(runnable(), "redis")
    with session() as docker, open_network() as network:
        network._docker_source = lambda: docker  # as the fixture has it
        assert network.container(name, port=6379, command=COMMAND).state == "running"
    assert registry.stored() == [name]


def test_two_threads_of_a_session_pull_once(registry, runnable):
    gate = Gate()
    listener = Listener()
    name = registry.push(runnable(), "redis", gate)
    with session(report=listener) as docker:
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(docker.run, name, command=COMMAND) for _ in range(2)]
            reached = gate.reached.wait(PATIENCE)
            gate.open()
        assert reached
        assert all(run.result().is_running for run in runs)
    assert listener.said.count(f"pulling {name} …") == 1
    assert registry.count("HEAD manifests redis") + registry.count("GET manifests redis") <= 2


def test_two_processes_are_both_told(found, registry, mine):
    """As workers of pytest-xdist. That the daemon loads a layer once for both is its own doing."""
    gate = Gate()
    both = threading.Barrier(2, gate.open)
    listeners = [Listener(lambda: both.wait(PATIENCE)) for _ in range(2)]
    name = registry.push(marked(mine), "plain", gate)
    with ThreadPoolExecutor(2) as pool:
        pulls = [pool.submit(images.ensure, found, name, report=listener) for listener in listeners]
    for pull, listener in zip(pulls, listeners, strict=True):
        pull.result()
        assert listener.said[-1].startswith(f"pulled {name}: 0.2 MB")


# Pulls that fail


def given_up(found, name):
    before = time.monotonic()
    with pytest.raises(ServiceError, match=f"^the pull of the image {name} was given up: no progress for 2 s") as error:
        images.ensure(found, name, report=lambda _: None, stalled=STALLED)
    assert STALLED <= time.monotonic() - before < 2 * STALLED + SOON
    return error


def test_a_pull_that_stalls_is_given_up(found, registry, mine):
    gate = Gate()
    name = registry.push(marked(mine, MUCH), "stalls", gate)
    caught = given_up(found, name)
    assert gate.reached.wait(PATIENCE)
    assert_given_up_for_good(found, registry, gate, mine)
    del caught  # an error keeps alive what the pull had, but not its connection


def test_a_pull_that_is_interrupted_is_given_up(found, registry, mine):
    gate = Gate()

    def interrupt():
        raise KeyboardInterrupt

    name = registry.push(marked(mine, MUCH), "interrupted", gate)
    with pytest.raises(KeyboardInterrupt) as caught:
        images.ensure(found, name, report=Listener(interrupt))
    assert_given_up_for_good(found, registry, gate, mine)
    del caught


def assert_given_up_for_good(found, registry, gate, mine):
    """What comes now isn't wanted any more: unlike what is pulled next."""
    gate.open()
    following = registry.push(marked(mine), "following")
    images.ensure(found, following, report=lambda _: None)
    assert registry.stored() == [following]


def test_a_registry_that_accepts_and_says_nothing(found):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        given_up(found, f"127.0.0.1:{silent.getsockname()[1]}/no/image:1")


def test_a_transfer_that_breaks_is_taken_up_again(found, registry, mine):
    """The daemon waits for 5 s first, and says so."""
    listener = Listener()
    name = registry.push(marked(mine), "drops", Drops(1))
    images.ensure(found, name, report=listener)
    assert any(re.search(r" MB/s, retrying in \d seconds?$", line) for line in listener.said)
    assert registry.count("GET layer drops") == 2
    assert registry.stored() == [name]


def test_a_transfer_that_always_breaks_is_given_up(found, registry, mine):
    given_up(found, registry.push(marked(mine), "drops", Drops(100)))
    assert registry.stored() == []


# What can't be had


def refused(name, match):
    """Nothing is left of it either, see `session`."""
    before = time.monotonic()
    with session() as docker, pytest.raises(ServiceError, match=match) as caught:
        docker.run(name)
    assert time.monotonic() - before < SOON
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (404, "MANIFEST_UNKNOWN", "check spelling and tag"),
        (404, "NAME_UNKNOWN", "check"),
        (401, "UNAUTHORIZED", "`docker login`"),
        (403, "DENIED", "`docker login`"),
        (429, "TOOMANYREQUESTS", "limits how often"),
        (500, "UNKNOWN", "500 Internal Server Error"),
    ],
)
def test_a_registry_that_refuses(registry, status, code, advice):
    refused(registry.refuse("thing", status, code), advice)
    assert registry.stored() == []
    assert registry.containers() == []


def test_an_image_that_the_registry_has_not(registry):
    refused(registry.name("thing"), "the registry has none by that name: check spelling and tag")


@pytest.mark.parametrize("challenge", ['Basic realm="us"', 'Bearer realm="http://{}/token",service="us"'])
def test_a_registry_that_only_lets_some_in(found, challenge):
    with Registry(found.client, challenge) as registry:
        refused(registry.name("thing"), "you may not have it: check the spelling, and `docker login` if it is private")
        assert registry.stored() == []


def test_a_registry_that_is_down(found):
    port = Reservation()
    refused(f"127.0.0.1:{port.port}/no/image:1", "the daemon can't reach the registry")
    port.close()


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        (False, "is for {other}, but the Docker daemon's machine is {mine}: the registry has it for no other"),
        (True, "the registry has it for other architectures only"),
    ],
)
def test_an_image_for_other_machines(registry, mine, other, listed, why):
    name = registry.push(marked(other), "foreign", listed=listed)
    refused(name, why.format(mine=mine, other=other))
    assert registry.stored() == []
    assert registry.containers() == []


# Through pytest

TESTS = """
def test_redis(redis_server):
    assert redis_server.container.is_running

def test_container(netchaos):
    command = ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no"]
    assert netchaos.container({name!r}, port=6379, command=command).state == "running"
"""


@pytest.mark.parametrize("capture", ["fd", "sys", "no"])
def test_a_run_tells_at_the_terminal(registry, runnable, tmp_path, monkeypatch, capture):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # what is told has to come at once without it
    gates = [Gate(), Gate()]
    redis, container = (registry.push(runnable(), f"image{n}", gate) for n, gate in enumerate(gates))
    (tmp_path / "test_pulls.py").write_text(TESTS.format(name=container))
    command = (
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--capture={capture}"),
        *(f"--netchaos-redis=docker:{redis}", "--netchaos-docker=require", "test_pulls.py"),
    )
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        watchdog = threading.Timer(2 * PATIENCE, process.kill)
        watchdog.start()
        try:
            said = _read(process.stdout, dict(zip((redis, container), gates, strict=True)))
        finally:
            watchdog.cancel()
            process.kill()
    assert "2 passed" in said, said
    for name in (redis, container):
        assert re.search(rf"^netchaos: pulling {name}: \d+\.\d of \d+\.\d MB, \d+\.\d MB/s$", said, re.MULTILINE)
        assert re.search(rf"^netchaos: pulled {name}: ", said, re.MULTILINE)


def _read(stream, gates):
    """Let each image through only when it was read that it comes."""
    said = ""
    for line in stream:
        said += line
        for name, gate in gates.items():
            if re.search(rf"netchaos: pulling {name}: .* MB/s$", line):
                gate.open()
    return said


def test_a_run_is_told_what_is_wrong(registry, pytester):
    name = registry.name("thing")
    pytester.makepyfile("def test_redis(redis_server): pass")
    result = pytester.runpytest_subprocess(f"--netchaos-redis=docker:{name}", "--netchaos-docker=require")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*ServiceError: can't have the image {name}: *", "*check spelling and tag"])
