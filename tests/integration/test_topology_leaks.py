"""No member of a topology outlives its run, whatever ends it and whenever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from tests.integration.redis_programs import MISSING
from tests.integration.test_leaks import PATIENCE, all_end, mark, marked, ready  # noqa: F401 - two are fixtures

from pytest_netchaos.patience import eventually

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(MISSING["valkey"]), reason=MISSING["valkey"]),
]

VICTIM = """
import signal

def say(word):
    with open({ready!r}, "w") as file:
        file.write(word)

def test_is_killed(request, netchaos):
    {early}
    sentinel = request.getfixturevalue("redis_sentinel")
    cluster = request.getfixturevalue("redis_cluster")
    sentinel.replicas[0].server.pause()
    with sentinel.primary.link.cut():
        {late}
"""


@pytest.fixture
def victim(tmp_path, mark, ready, monkeypatch):  # noqa: F811
    """Start a run with two topologies; return once it has said that it is where it is to be killed."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    processes = []

    def start(early="", late="pass"):
        code = VICTIM.format(ready=str(ready[0]), early=early or "pass", late=late)
        (tmp_path / "test_victim.py").write_text(code)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_victim.py"]
        processes.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        assert os.read(ready[1], 100) == b"ready"  # blocks until the victim has said it
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def left_in(path):
    return [name for name in os.listdir(path) if name.startswith("pytest-netchaos-")]  # noqa: PTH208


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_signal_leaves_no_member_and_no_file_behind(victim, mark, tmp_path, name):  # noqa: F811
    process = victim(late='say("ready"); signal.pause()')
    processes = marked(mark)
    assert " ".join(processes.values()).count("valkey-server") >= 9, "nine members, and a guard for each"
    process.send_signal(signal.Signals[name])
    assert all_end(processes) == {}
    assert marked(mark) == {}
    assert left_in(tmp_path / "tmp") == []


@pytest.mark.parametrize("delay", [0.01, 0.1, 0.2, 0.4, 0.6])
def test_a_kill_in_the_middle_of_a_start_leaves_no_member_behind(victim, mark, delay):  # noqa: F811
    process = victim(early='say("ready")', late="signal.pause()")
    time.sleep(delay)
    process.kill()
    process.wait()
    eventually(lambda: marked(mark) == {}, PATIENCE)  # a guard that has just been started may yet be


def test_a_test_that_fails_leaves_no_member_and_no_file_behind(victim, mark, tmp_path):  # noqa: F811
    process = victim(late='say("ready"); assert False, "on purpose"')
    said, _ = process.communicate(timeout=PATIENCE)
    assert b"1 failed in" in said
    assert marked(mark) == {}
    assert left_in(tmp_path / "tmp") == []
