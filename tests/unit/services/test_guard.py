from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_netchaos.services import process
from pytest_netchaos.services.process import GuardedProcess

GUARD = process.__file__.replace("process.py", "guard.py")
START = """
import os, signal, sys
from pathlib import Path
from pytest_netchaos.services.kernel import is_readable
from pytest_netchaos.services.process import GuardedProcess
home = Path(sys.argv[1])
server = GuardedProcess(["sleep", "1000"], log=home / "log", litter=home)
"""
WAIT = """
print(server.pid, server.guard_pid, flush=True)
while not is_readable(0, 0.05):  # in slices: Python may take a SIGINT just before it blocks, and then not see it
    pass
"""
FORK = """
child = os.fork()
if not child:
    os.close(1)
    os.read(0, 1)
    os._exit(0)
print(server.pid, server.guard_pid, child, flush=True)
signal.pause()
"""


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    (home / "data" / "deep").mkdir(parents=True)
    (home / "data" / "deep" / "file").write_text("x")
    return home


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGABRT])
def test_nothing_outlives_its_owner(owner, home, number):
    with owner(START + WAIT, home) as one:
        one.end(number)
        assert all(process.has_ended() for process in one.watched)
    assert not home.exists()


def test_a_paused_program_dies_too(owner, home):
    with owner(START + "server.pause()" + WAIT, home) as one:
        one.end(signal.SIGKILL)
        assert all(process.has_ended() for process in one.watched)


def test_a_forked_child_of_the_owner_does_not_keep_it_alive(owner, home):
    with owner(START + FORK, home) as one:
        one.end(signal.SIGKILL)
        server, guard, child = one.watched
        assert server.has_ended()
        assert guard.has_ended()
        assert not child.has_ended(0)


def test_an_owner_that_becomes_another_program(owner, home):
    with owner(START + WAIT + "os.execv('/bin/sleep', ['sleep', '1000'])", home) as one:
        one.go_on()
        assert all(process.has_ended() for process in one.watched)


def test_an_owner_that_ends_without_a_word(owner, home):
    with owner(START + WAIT + "os._exit(0)", home) as one:
        one.go_on()
        assert all(process.has_ended() for process in one.watched)


def test_an_owner_that_is_gone_before_the_guard_looks(home):
    """The pid of somebody who is not the guard's parent: nothing is started."""
    command = [sys.executable, "-I", "-S", GUARD, "1", "0", "", "/bin/echo", "started anyway"]
    guard = subprocess.run(command, capture_output=True, timeout=10, check=True)
    assert guard.stdout == guard.stderr == b""


def test_a_killed_guard_takes_the_program_along(home, watch):
    with GuardedProcess(["sleep", "1000"], log=home / "log") as program:
        sleeper, guard = watch(program.pid), watch(program.guard_pid)
        guard.kill()
        assert sleeper.has_ended()
        assert program.wait(5) == -signal.SIGKILL


def test_the_programs_own_children_are_swept(home, watch):
    script = f"sleep 1000 & echo $! > {home}/pid; kill -STOP $$"
    with GuardedProcess(["sh", "-c", script], log=home / "log") as program:
        while not program.is_paused:
            assert program.wait(0.001) is None  # it stops itself: nobody but its guard is told
        child = watch(int((home / "pid").read_text()))
        program.kill()
        assert child.has_ended()


@pytest.mark.parametrize(("trap", "grace"), [("echo obeyed; exit 0", 10), ("", 0.1)])
def test_grace_is_for_those_who_obey(owner, home, trap, grace):
    """With a grace, SIGTERM comes first; who ignores it is killed all the same."""
    loop = f"trap '{trap}' TERM; echo ready; while :; do sleep 0.05; done"
    script = START.replace('["sleep", "1000"]', repr(["sh", "-c", loop]))
    script = script.replace("litter=home", f"grace={grace}")
    heard = "\nwhile 'ready' not in server.log_tail(): server.wait(0.001)\n"
    with owner(script + heard + WAIT, home) as one:
        one.end(signal.SIGKILL)
        assert all(process.has_ended() for process in one.watched)
    assert ("obeyed" in (home / "log").read_text()) is bool(trap)


def test_the_program_has_no_ignored_or_blocked_signals(home):
    """Python ignores SIGPIPE; the program must not inherit that."""
    with GuardedProcess(["grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"], log=home / "log") as program:
        assert program.wait(5) == 0
        masks = [int(line.split()[1], 16) for line in program.log_tail().splitlines()]
    pipe = 1 << (signal.SIGPIPE - 1)
    assert len(masks) == 2
    assert not any(mask & pipe for mask in masks)


def test_it_imports_nothing_that_costs():
    """Each ms of the guard's start is waited for."""
    source = Path(GUARD).read_text()
    imports = {line.split()[1] for line in source.splitlines() if line.strip().startswith(("import ", "from "))}
    assert imports == {"_signal", "posix", "select", "sys", "_ctypes"}


def test_without_pidfds(tmp_path, home, owner, monkeypatch):
    """An old kernel, or macOS: the guard looks at its parent pid instead."""
    guard = tmp_path / "guard.py"
    guard.write_text(Path(GUARD).read_text().replace("posix.pidfd_open", "posix.no_such_call"))
    use_it = f"from pytest_netchaos.services import process; process._GUARD = Path({str(guard)!r})\n"
    script = START.replace("home = Path", use_it + "home = Path")
    with owner(script + FORK, home) as one:
        one.end(signal.SIGKILL)
        server, guard_process, _ = one.watched
        assert server.has_ended()
        assert guard_process.has_ended()
    monkeypatch.setattr(process, "_GUARD", guard)
    home.mkdir(exist_ok=True)
    with GuardedProcess(["sh", "-c", "exit 4"], log=home / "log") as program:
        assert program.wait(5) == 4
