"""Whole runs on containers: they leave nothing behind, whatever ends them, and don't touch each other's."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.docker import await_nothing_left, left_over, require_docker

from pytest_netchaos.services.docker import daemon
from pytest_netchaos.services.docker.owner import RUN

#: Seconds. A worker of xdist takes up to 15 to end by itself when its controller is gone.
PATIENCE = 90.0
#: Its proxies would listen in the container, at a port that nobody has published.
NOT_IN_CONTAINERS = "test_toxiproxy_client.py"
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
OPTIONS = ("--netchaos-engine=docker", "--netchaos-redis=docker", "--netchaos-docker=require")

#: Stops in mid-fault, with containers running, and says whose they are; then it waits to be killed.
VICTIM = """
import json, signal, socket
import pytest

@pytest.mark.parametrize("n", range({tests}))
def test_is_killed(netchaos, redis_server, redis_link, n):
    client = socket.create_connection(redis_link.address)
    redis_link.wait_for_connection()
    container = redis_server.container
    redis_server.pause()
    with redis_link.cut():
        with open({ready!r}, "w") as file:
            file.write(container.name + "\\n")
        {wait}
"""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def client():
    require_docker()
    found = daemon.find().client
    yield found
    found.close()


@pytest.fixture
def victim(tmp_path, client) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Start a pytest run that stops in mid-fault; give its process and its run's id."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, tests: int = 1, wait: str = "signal.pause()"):
            place = tmp_path / uuid.uuid4().hex
            place.mkdir()
            ready = place / "ready"
            os.mkfifo(ready)
            # Open for good: what a worker writes between two readers would be lost.
            fifo = os.open(ready, os.O_RDWR)
            stack.callback(os.close, fifo)
            (place / "test_victim.py").write_text(VICTIM.format(tests=tests, ready=str(ready), wait=wait))
            process = subprocess.Popen(
                [*PYTEST, *OPTIONS, *arguments, "test_victim.py"],
                cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            stack.enter_context(process)
            stack.callback(process.kill)
            said = b""
            while said.count(b"\n") < tests:
                said += os.read(fifo, 1000)
            return process, client.containers.get(said.decode().split()[0]).labels[RUN]

        yield start


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_signal_in_mid_fault_leaves_no_container_behind(victim, client, name, workers):
    process, run = victim(*([f"-n{workers}"] if workers else []), tests=workers or 1)
    assert len(left_over(client, run)) >= 2 * (workers or 1)  # a Toxiproxy and a Redis for each worker, and networks
    process.send_signal(signal.Signals[name])
    assert await_nothing_left(client, run, PATIENCE) == []


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_pytest_timeout_leaves_no_container_behind(victim, client, method):
    _, run = victim("-o", "timeout=10", "-o", "timeout_func_only=true", "-o", f"timeout_method={method}")
    assert await_nothing_left(client, run, PATIENCE) == []


def test_a_normal_end_leaves_no_container_behind(victim, client):
    process, run = victim(wait="pass")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert left_over(client, run) == []


def test_two_runs_side_by_side_do_not_touch_each_others(victim, client):
    one, its_run = victim()
    other, others_run = victim()
    before = sorted(left_over(client, others_run))
    one.kill()
    assert await_nothing_left(client, its_run, PATIENCE) == []
    assert sorted(left_over(client, others_run)) == before
    other.send_signal(signal.SIGINT)
    assert await_nothing_left(client, others_run, PATIENCE) == []


def test_what_the_readme_shows_runs_on_containers_as_it_does_without(client, monkeypatch):
    monkeypatch.delenv("PYTEST_ADDOPTS")  # the examples use the plugins that it switches off
    top = Path(__file__).parents[2]
    done = subprocess.run(
        [*PYTEST, *OPTIONS, "examples", f"--ignore=examples/{NOT_IN_CONTAINERS}", "--ignore=examples/stories"],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
        cwd=top,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_the_workers_of_a_run_share_its_id(client, tmp_path):
    (tmp_path / "test_run.py").write_text(
        "import json, pytest\n"
        "@pytest.mark.parametrize('n', range(2))\n"
        "def test_run(redis_server, n, worker_id):\n"
        "    with open(f'{worker_id}.json', 'w') as file:\n"
        "        json.dump(redis_server.container.name, file)\n"
    )
    command = [*PYTEST, "-n2", "--dist=each", *OPTIONS]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE, cwd=tmp_path)
    names = [json.loads((tmp_path / f"gw{n}.json").read_text()) for n in range(2)]
    runs = [name.split("-gw")[0] for name in names]
    assert runs[0] == runs[1]
    assert names[0] != names[1]
