"""No container outlives the process that started it, whatever ends that, nor a daemon that comes and goes."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docker import REDIS, await_nothing_left, left_over, new_run, require_docker

from pytest_netchaos.patience import eventually
from pytest_netchaos.services.docker import daemon
from pytest_netchaos.services.docker.daemon import Place
from pytest_netchaos.services.docker.owner import Owner
from pytest_netchaos.services.docker.session import Docker
from pytest_netchaos.services.docker.sweep import sweep

pytestmark = pytest.mark.timeout(180)

#: Starts a container with a published port and one in the machine's network, says so, and then ends somehow.
VICTIM = f"""
import os, signal, sys
from pytest_netchaos.services.docker.session import Docker

docker = Docker(sys.argv[1], "gw0")
docker.run("{REDIS}", ports=[6379])
docker.run("{REDIS}", network="none")
print(docker._reaper.pid, flush=True)
"""


@pytest.fixture
def client():
    require_docker()
    found = daemon.find().client
    yield found
    found.close()


@pytest.fixture
def victim(client):
    """Start a process that owns containers; returns it, its run's id, and the pid of its reaper."""
    with contextlib.ExitStack() as stack:

        def start(end="signal.pause()", env=None):
            run = new_run()
            process = subprocess.Popen(
                [sys.executable, "-c", VICTIM + end, run],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
            )  # fmt: skip
            stack.enter_context(process)
            stack.callback(process.kill)
            said = process.stdout.readline()
            assert said, process.stderr.read()
            return process, run, int(said)

        yield start


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal(victim, client, name):
    process, run, _ = victim()
    assert len(left_over(client, run)) == 3
    process.send_signal(signal.Signals[name])
    assert await_nothing_left(client, run) == []


@pytest.mark.parametrize(
    "end",
    [
        "pass",
        "docker.close()",
        "raise SystemExit(3)",
        "1 / 0",
        "os._exit(0)",
        "os.abort()",
        "os.execv('/bin/true', ['true'])",
    ],
)
def test_an_end_of_its_own(victim, client, end):
    process, run, reaper = victim(end)
    process.communicate(timeout=60)
    assert await_nothing_left(client, run) == []
    if end == "docker.close()":
        with pytest.raises(ProcessLookupError):
            os.kill(reaper, 0)


def test_a_forked_child_does_not_keep_them_alive(victim, client):
    process, run, _ = victim("child = os.fork(); child and print(child, flush=True); signal.pause()")
    child = int(process.stdout.readline())
    try:
        process.kill()
        assert await_nothing_left(client, run) == []
    finally:
        os.kill(child, signal.SIGKILL)


def test_the_reaper_holds_nothing_of_its_owners(victim):
    """Whoever reads the owner's output (xdist, a pipe) must see its end at once."""
    process, _, reaper = victim()
    held = {int(entry.name): str(entry.readlink()) for entry in Path(f"/proc/{reaper}/fd").iterdir()}
    assert held[1] == held[2] == "/dev/null"
    assert held[0].startswith("pipe:")
    assert all("pidfd" in held[fd] for fd in set(held) - {0, 1, 2})
    assert os.getsid(reaper) == reaper
    assert not {"docker", "requests"} & {
        line.rpartition("/")[2] for line in Path(f"/proc/{reaper}/maps").read_text().split()
    }
    process.kill()


def test_a_dead_owner_and_a_dead_reaper_leave_it_to_the_next_run(victim, client):
    process, run, reaper = victim()
    os.kill(reaper, signal.SIGKILL)
    process.kill()
    process.wait()
    assert len(left_over(client, run)) == 3
    with Docker(new_run(), "main") as mine:
        mine.run(REDIS, network="none")
        assert left_over(client, run) == []


def test_a_sweep_spares_the_living_and_those_that_it_can_not_judge(victim, client):
    _, run, _ = victim()
    elsewhere = Owner(new_run(), "main", 2**22 + 1, "1", "another-machine/boot/4026531836")
    stranger = client.containers.create(REDIS, labels=elsewhere.labels(), network="none")
    plain = client.containers.create(REDIS, network="none")
    try:
        sweep(client)
        assert len(left_over(client, run)) == 3
        assert left_over(client, elsewhere.run) == [f"/{stranger.name}"]
        plain.reload()
    finally:
        stranger.remove()
        plain.remove()


# A daemon that comes and goes


class OwnDaemon:
    """A Docker daemon of the test's own, in a network of its own.

    In the machine's, ``--bridge=none`` would delete ``docker0``, which is another daemon's.
    """

    def __init__(self, home):
        self.home = home
        self.url = f"unix://{home}/docker.sock"
        self._process = None

    def start(self):
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
                    "dockerd", "--data-root", self.home / "data", "--exec-root", self.home / "exec", "-H", self.url,
                    "--pidfile", self.home / "pid", "--bridge=none", "--iptables=false", "--ip-forward=false",
                    "--ip-masq=false",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        eventually(lambda: self.answers() or self._process.poll() is not None, 60)  # it tells nobody
        assert self._process.poll() is None, (self.home / "log").read_text()[-2000:]

    def answers(self):
        with socket.socket(socket.AF_UNIX) as dial:
            return dial.connect_ex(f"{self.home}/docker.sock") == 0

    def stop(self):
        if self._process:
            self._process.terminate()
            self._process.wait(60)
            self._process = None


@pytest.fixture
def own_daemon(client, tmp_path_factory, monkeypatch):
    if os.getuid() != 0 or not (shutil.which("dockerd") and shutil.which("unshare")):
        pytest.skip("a daemon of our own needs root, and dockerd")
    home = Path("/tmp") / new_run()  # the path of a socket is short
    home.mkdir()
    one = OwnDaemon(home)
    interfaces = {path.name for path in Path("/sys/class/net").glob("docker*")}
    try:
        one.start()
        monkeypatch.setenv("DOCKER_HOST", one.url)
        mine = Place(one.url, "a test").client()
        mine.images.load(b"".join(client.images.get(REDIS).save(named=True)))
        mine.close()
        yield one
    finally:
        one.stop()
        for mount in (home / "exec" / "netns" / "default", home / "data"):
            subprocess.run(["umount", mount], capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)
        assert interfaces <= {path.name for path in Path("/sys/class/net").iterdir()}


def test_a_daemon_that_restarts(own_daemon):
    with Docker(new_run(), "main") as docker:
        container = docker.run(REDIS, network="none")
        own_daemon.stop()
        own_daemon.start()
        assert container.state == "down"
        container.start()
        assert container.state == "running"
    mine = Place(own_daemon.url, "a test").client()
    assert left_over(mine, docker.owner.run) == []
    mine.close()


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "closed"])
def test_a_daemon_that_is_down_when_the_owner_ends(own_daemon, victim, killed):
    """The reaper waits for it."""
    code = "signal.signal(signal.SIGUSR1, lambda *_: sys.exit(docker.close())); signal.pause()"
    process, run, reaper = victim(code)
    ended = os.pidfd_open(reaper)
    own_daemon.stop()
    process.send_signal(signal.SIGKILL if killed else signal.SIGUSR1)
    process.wait(60)
    own_daemon.start()
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    assert poll.poll(90_000)
    os.close(ended)
    mine = Place(own_daemon.url, "a test").client()
    assert left_over(mine, run) == []
    mine.close()
