"""Nothing outlives a run, whatever ends it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MARK = "NETCHAOS_LEAK_TEST"
#: Seconds. A worker of xdist takes up to 15 to end by itself when its controller is gone.
PATIENCE = 60.0

#: Stops in mid-fault, with a relay and a Redis server running, and says so; then it waits to be killed.
VICTIM = """
import signal, socket, sys
import pytest

@pytest.mark.parametrize("n", range({tests}))
def test_is_killed(netchaos, redis_server, redis_link, n):
    client = socket.create_connection(redis_link.address)
    redis_link.wait_for_connection()
    redis_server.{trouble}()
    with redis_link.cut():
        with open({ready!r}, "w") as file:
            file.write("ready")
        {wait}
"""


@pytest.fixture
def mark(monkeypatch) -> str:
    """A word in the environment of every process that a run starts, directly or not."""
    word = uuid.uuid4().hex
    monkeypatch.setenv(MARK, word)
    return word


@pytest.fixture
def ready(tmp_path) -> Iterator[tuple[Path, int]]:
    """A pipe with a name, and its descriptor: open for good, or what is written between two readers would be lost."""
    path = tmp_path / "ready"
    os.mkfifo(path)
    fifo = os.open(path, os.O_RDWR)
    yield path, fifo
    os.close(fifo)


@pytest.fixture
def victim(tmp_path, mark, ready) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a pytest run that stops in mid-fault."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, tests: int = 1, trouble: str = "pause", wait: str = "signal.pause()"):
            code = VICTIM.format(tests=tests, trouble=trouble, wait=wait, ready=str(ready[0]))
            (tmp_path / "test_victim.py").write_text(code)
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, "test_victim.py"],
                cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            stack.enter_context(process)
            stack.callback(process.kill)
            said = b""
            while said.count(b"ready") < tests:
                if select.select([ready[1]], [], [], 1)[0]:
                    said += os.read(ready[1], 1000)
                elif process.poll() is not None:
                    pytest.fail(f"it ended before it was ready: {process.communicate()[0]}")
            return process

        yield start


def marked(mark: str) -> dict[int, str]:
    """The processes that a run has started, by their process id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def all_end(pids: dict[int, str]) -> dict[int, str]:
    """Wait for processes to end; return those that don't."""
    until = time.monotonic() + PATIENCE
    left = {}
    for pid, command in pids.items():
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if not poll.poll(max(0, until - time.monotonic()) * 1000):
                left[pid] = command
            os.close(handle)
    return left


def is_complete(processes: dict[int, str]) -> bool:
    """Whether a relay and a Redis server are among them: else a test of their end proves nothing."""
    commands = " ".join(processes.values())
    return "netchaos_relay" in commands and "valkey-server" in commands


@pytest.mark.parametrize("trouble", ["pause", "is_ready"], ids=["redis-paused", "redis-running"])
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_in_mid_fault_leaves_no_process_behind(victim, mark, name, trouble):
    process = victim(trouble=trouble)
    processes = marked(mark)
    assert is_complete(processes)
    process.send_signal(signal.Signals[name])
    assert all_end(processes) == {}
    assert marked(mark) == {}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_signal_to_a_run_with_workers_leaves_no_process_behind(victim, mark, name):
    process = victim("-n2", tests=2)
    processes = marked(mark)
    assert is_complete(processes)
    process.send_signal(signal.Signals[name])
    assert all_end(processes) == {}
    assert marked(mark) == {}


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_pytest_timeout_leaves_no_process_behind(victim, mark, method):
    # The time is that of the test alone, without the start of its servers, and must not be up before the cut.
    process = victim("-o", "timeout=5", "-o", "timeout_func_only=true", "-o", f"timeout_method={method}")
    processes = marked(mark)
    assert is_complete(processes)
    process.communicate(timeout=PATIENCE)
    assert all_end(processes) == {}
    assert marked(mark) == {}


def test_a_crash_of_the_interpreter_leaves_no_process_behind(victim, mark):
    process = victim(wait="import os; os.abort()")
    process.communicate(timeout=PATIENCE)
    assert all_end(marked(mark)) == {}


def test_a_forked_child_does_not_keep_the_engine_alive(victim, mark, ready):
    wait = "import os; child = os.fork(); signal.pause()"
    process = victim(wait=wait)
    relays = {pid: command for pid, command in marked(mark).items() if "netchaos_relay" in command}
    assert relays
    process.kill()
    assert all_end(relays) == {}
    for pid in marked(mark):  # the child itself is the test's own
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert all_end(marked(mark)) == {}


def test_a_normal_end_leaves_no_process_behind(victim, mark):
    process = victim(wait="pass")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert marked(mark) == {}
