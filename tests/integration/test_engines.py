"""The engines, as a run is asked for them: a Toxiproxy as a program, in a container, and elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from tests import needs
from tests.docker import left_over, require_docker
from tests.integration.test_leaks import MARK, all_end, marked
from tests.scripted import as_json, http, scripted

from pytest_netchaos.services.docker import daemon
from pytest_netchaos.services.toxiproxy.local import LocalToxiproxy

pytestmark = pytest.mark.timeout(180)

#: A small test file, with a link that is cut, slowed down and black-holed.
SUITE = """
import os, socket, time
import pytest

@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(20)
        yield made

def pair(link, server):
    client = socket.create_connection(link.address, 20)
    return client, server.accept()[0]

@pytest.mark.parametrize("n", range(2))
def test_faults(netchaos, server, n):
    link = netchaos.link(server.getsockname(), name="db")
    client, peer = pair(link, server)
    with client, peer:
        with link.delay(0.05):
            began = time.monotonic()
            client.sendall(b"x")
            assert peer.recv(1) == b"x"
            assert time.monotonic() - began >= 0.05
        with link.cut():
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(link.address)
    client, peer = pair(link, server)
    with client, peer:
        link.wait_for_connection(2)
    assert [c.closed_by for c in link.connections][0] == "fault"
"""

#: Says its worker's pid and its proxies' server, and waits.
VICTIM = """
import os, signal

def test_is_killed(netchaos):
    netchaos.link("127.0.0.1:1")
    with open({ready!r}, "w") as file:
        file.write("ready")
    signal.pause()
"""


@pytest.fixture
def mark(monkeypatch):
    word = os.urandom(8).hex()
    monkeypatch.setenv(MARK, word)
    return word


@pytest.fixture
def elsewhere():
    """A Toxiproxy that isn't the run's own."""
    needs.toxiproxy()
    server = LocalToxiproxy()
    yield server
    server.stop()


def run(pytester, *arguments):
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=120)


# Each engine


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])
def test_a_program_carries_links_and_nothing_is_left(pytester, mark, workers):
    needs.toxiproxy()
    pytester.makepyfile(SUITE)
    result = run(pytester, "--netchaos-engine=toxiproxy", "--netchaos-seed=5", *workers)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["netchaos: engine toxiproxy, --netchaos-seed=5"])
    assert all_end(marked(mark)) == {}


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])
@pytest.mark.parametrize("query", ["", "?ports={first}-{last}&host=127.0.0.1"], ids=["any-port", "a-range"])
def test_one_that_runs_elsewhere_carries_links_and_keeps_its_own_proxies(pytester, mark, elsewhere, workers, query):
    pytester.makepyfile(SUITE)
    elsewhere.api.create("somebody-elses", "127.0.0.1:0", "127.0.0.1:1")
    before = elsewhere.api.proxies()
    own = marked(mark)
    first = 20_000 + os.getpid() % 10_000
    url = f"http://{elsewhere.api.where}" + query.format(first=first, last=first + 20)
    result = run(pytester, f"--netchaos-engine={url}", "--netchaos-redis=redis://:secret@h/1", *workers)
    result.assert_outcomes(passed=2)
    header = next(line for line in result.outlines if line.startswith("netchaos:"))
    assert header.startswith(f"netchaos: engine {url}, redis redis://:***@h/1, --netchaos-seed=")
    assert elsewhere.api.proxies() == before
    assert all_end({pid: command for pid, command in marked(mark).items() if pid not in own}) == {}


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])
def test_a_container_carries_links_and_nothing_is_left(pytester, mark, workers):
    require_docker()
    pytester.makepyfile(SUITE + "\ndef test_run(netchaos):\n    print('run', netchaos._docker_source().owner.run)\n")
    result = run(pytester, "-rP", "--netchaos-engine=docker", "--netchaos-redis=docker", *workers)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["netchaos: engine docker, redis docker, --netchaos-seed=*"])
    run_id = next(line for line in result.outlines if line.startswith("run ")).removeprefix("run ")
    with contextlib.closing(daemon.find().client) as client:
        assert left_over(client, run_id) == []
    assert all_end(marked(mark)) == {}


# Wrong values


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("engine", "toxy", "one of embedded, docker, *"),
        ("engine", "http://h:99999", "an http:// URL of a Toxiproxy's API, *"),
        ("engine", "http://h?hosts=x", "a URL whose query has nothing but ports= and host= (not hosts=)"),
        ("redis", "mysql", "one of embedded, docker, *"),
        ("redis", "redis://h/one", "a redis:// URL with a host, *"),
        ("docker", "perhaps", "auto, require or skip"),
    ],
)
def test_a_wrong_value_ends_the_run_before_any_test(pytester, option, value, allowed):
    pytester.makepyfile("def test_it(): print('it ran')")
    result = pytester.runpytest_inprocess("-s", f"--netchaos-{option}={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --netchaos-{option} must be {allowed}, not '{value}'"])
    result.stdout.no_fnmatch_line("*it ran*")


# Faults that it can't do


def test_a_fault_that_it_can_not_do_fails_at_the_tests_line(pytester):
    needs.toxiproxy()
    pytester.makepyfile(
        """
        def test_refuses(netchaos):
            link = netchaos.link("127.0.0.1:1")
            link.refuse()  # this line
        """
    )
    result = run(pytester, "--netchaos-engine=toxiproxy")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r">\s+link\.refuse\(\)  # this line"])
    result.stdout.fnmatch_lines(
        [
            "E*UnsupportedFault: refuse(): Toxiproxy refuses new connections only by disabling a proxy*",
            "test_*.py:3: UnsupportedFault",
        ]
    )
    result.stdout.no_fnmatch_line("*toxics.py*")


# No Docker

NEEDS_CONTAINER = "def test_it(netchaos): netchaos.container('redis:7')\n"
NEEDS_ENGINE = "def test_it(netchaos): netchaos.link('127.0.0.1:1')\n"
NEEDS_REDIS = "def test_it(redis_server): pass\n"


@pytest.mark.parametrize(
    ("test", "options", "outcome"),
    [
        (NEEDS_CONTAINER, ["--netchaos-docker=auto"], {"skipped": 1}),
        (NEEDS_CONTAINER, ["--netchaos-docker=skip"], {"skipped": 1}),
        (NEEDS_CONTAINER, ["--netchaos-docker=require"], {"failed": 1}),
        (NEEDS_ENGINE, ["--netchaos-docker=auto", "--netchaos-engine=docker"], {"failed": 1}),
        (NEEDS_ENGINE, ["--netchaos-docker=skip", "--netchaos-engine=docker"], {"skipped": 1}),
        (NEEDS_ENGINE, ["--netchaos-docker=require", "--netchaos-engine=docker"], {"failed": 1}),
        (NEEDS_REDIS, ["--netchaos-docker=auto", "--netchaos-redis=docker"], {"errors": 1}),
        (NEEDS_REDIS, ["--netchaos-docker=skip", "--netchaos-redis=docker"], {"skipped": 1}),
        (NEEDS_ENGINE, ["--netchaos-docker=require"], {"passed": 1}),
    ],
)
def test_without_docker_the_option_says_what_becomes_of_a_test(pytester, monkeypatch, tmp_path, test, options, outcome):
    pytest.importorskip("docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    pytester.makepyfile(test)
    result = run(pytester, "-rs", *options)
    result.assert_outcomes(**outcome)
    if "passed" not in outcome:
        result.stdout.fnmatch_lines(["*nobody.sock*"])


def test_a_ci_requires_docker(pytester, monkeypatch, tmp_path):
    pytest.importorskip("docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile(NEEDS_CONTAINER)
    run(pytester).assert_outcomes(failed=1)


# Engines that die


def test_a_toxiproxy_that_is_killed_fails_its_test_with_its_log_and_the_next_one_gets_a_new_one(pytester, mark):
    needs.toxiproxy()
    pytester.makepyfile(
        SUITE
        + """
import signal

def test_a_dies(netchaos, server):
    link = netchaos.link(server.getsockname(), name="doomed")
    toxiproxy = netchaos._engine.server
    with socket.create_connection(link.address):
        link.wait_for_connection()
        os.kill(toxiproxy.pid, signal.SIGKILL)
        toxiproxy._process.wait(20)
        link.delay(0.1)

def test_b_lives(netchaos, server):
    test_faults(netchaos, server, 0)
"""
    )
    result = run(pytester, "-p", "no:randomly", "--netchaos-engine=toxiproxy", "-k", "a_dies or b_lives")
    result.assert_outcomes(failed=1, errors=1, passed=1)
    result.stdout.fnmatch_lines(["E*EngineDied: *toxiproxy-server*SIGKILL*", "E*doomed*"])
    assert all_end(marked(mark)) == {}


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "worker"])
def test_what_a_killed_run_leaves_in_a_toxiproxy_elsewhere_is_taken_away_by_the_next_one(
    pytester, tmp_path, elsewhere, mark, workers
):
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    elsewhere.api.create("somebody-elses", "127.0.0.1:0", "127.0.0.1:1")
    (tmp_path / "test_victim.py").write_text(VICTIM.format(ready=str(ready)))
    engine = f"--netchaos-engine=http://{elsewhere.api.where}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", engine, *workers, "test_victim.py"]
    own = marked(mark)
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert ready.read_text() == "ready"
            victims = {pid: said for pid, said in marked(mark).items() if pid not in own}
        finally:
            process.kill()
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # a worker would take 15 s to notice
    assert all_end(victims) == {}
    assert len(elsewhere.api.proxies()) == 2
    pytester.makepyfile(SUITE)
    run(pytester, engine).assert_outcomes(passed=2)
    assert list(elsewhere.api.proxies()) == ["somebody-elses"]


# Bad input


def fails_soon(pytester, engine, *expected, **outcome):
    pytester.makepyfile(NEEDS_ENGINE)
    began = time.monotonic()
    result = run(pytester, f"--netchaos-engine={engine}")
    assert time.monotonic() - began < 100, "it took too long"
    result.assert_outcomes(**(outcome or {"failed": 1}))
    result.stdout.fnmatch_lines(expected)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            http(200, "<html>hello</html>"),
            "E*what answers at 127.0.0.1:* isn't a Toxiproxy: GET /version says 200*hello*",
        ),
        (http(404, "404 page not found"), "E*isn't a Toxiproxy: GET /version says 404*"),
        (http(200, "2.1.4"), "E*the Toxiproxy at 127.0.0.1:* is version 2.1.4, and 2.6.0 is the oldest that will do"),
        (as_json(200, {"version": "2.5.0"}), "E*is version 2.5.0, and 2.6.0 is the oldest that will do"),
        (b"-ERR unknown command 'GET'\r\n", "E*what answers at 127.0.0.1:* isn't a Toxiproxy: *"),
    ],
    ids=["html", "404", "2.1.4", "2.5.0", "redis"],
)
def test_a_url_of_something_else(pytester, answer, why):
    with scripted(lambda *_: answer) as server:
        fails_soon(pytester, f"http://127.0.0.1:{server.port}", why)


def test_a_url_that_never_answers(pytester):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        fails_soon(pytester, f"http://127.0.0.1:{port}", f"E*no Toxiproxy answers at 127.0.0.1:{port}: timed out")


def test_a_url_where_nobody_listens(pytester):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        fails_soon(pytester, f"http://127.0.0.1:{port}", f"E*no Toxiproxy answers at 127.0.0.1:{port}: *refused*")


def test_a_host_that_nobody_knows(pytester):
    fails_soon(pytester, "http://no..such..host", "E*no Toxiproxy answers at no..such..host:8474: *")


def test_a_program_that_is_not_there(pytester):
    fails_soon(pytester, "toxiproxy:no-such-program", "E*there is no program 'no-such-program' on the PATH: *")


def test_an_image_that_is_not_there(pytester):
    require_docker()
    fails_soon(pytester, "docker:127.0.0.1:1/no-such-image:1", "E*no-such-image*")


def test_an_image_of_something_else(pytester):
    require_docker()
    fails_soon(
        pytester,
        "docker:redis:7",
        "E*the container *toxiproxy* is not ready after*port 8474 refuses, or hangs up*",
        "E*Ready to accept connections*",
    )
