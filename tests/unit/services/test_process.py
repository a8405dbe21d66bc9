from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from pytest_netchaos.errors import ServiceError
from pytest_netchaos.services.kernel import is_readable, open_pidfd
from pytest_netchaos.services.process import GuardedProcess


@pytest.fixture
def run(tmp_path):
    started = []

    def start(*argv, **options):
        process = GuardedProcess(argv, log=tmp_path / "log", **options)
        started.append(process)
        return process

    yield start
    for process in started:
        process.close()


def test_the_pid_is_the_programs_own(run):
    process = run("sh", "-c", "echo $$; exec sleep 1000")
    while not process.log_tail():
        assert process.wait(0.001) is None  # a file that grows is no event
    assert process.log_tail() == str(process.pid)
    assert process.guard_pid != process.pid


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9), ("kill -TERM $$", -15)])
def test_the_exit_code(run, script, code):
    process = run("sh", "-c", script)
    assert process.wait(5) == code
    assert process.returncode == code
    assert not process.is_running
    assert not process.is_paused


def test_an_end_that_is_reported_with_the_start(run, monkeypatch):
    """A short program may be over before we read that it began."""
    read = GuardedProcess._read

    def late(process, timeout):
        fd = open_pidfd(process.guard_pid)
        is_readable(fd, 5)
        os.close(fd)
        return read(process, timeout)

    monkeypatch.setattr(GuardedProcess, "_read", late)
    assert run("sh", "-c", "exit 3").wait(5) == 3


def test_waiting_has_an_end(run):
    process = run("sleep", "1000")
    assert process.wait(0.01) is None
    assert process.returncode is None
    assert process.is_running


def test_waiting_forever_does_not_hinder_others(run):
    process = run("sleep", "1000")
    codes = []
    waiter = threading.Thread(target=lambda: codes.append(process.wait()))
    waiter.start()
    assert process.is_running
    process.kill()
    waiter.join(5)
    assert codes == [-9]


def test_pause_and_resume(run):
    process = run("sleep", "1000")
    process.pause()
    assert process.is_paused
    assert process.is_running
    process.resume()
    assert not process.is_paused


def test_a_paused_program_can_be_killed(run):
    process = run("sleep", "1000")
    process.pause()
    process.kill()
    assert process.returncode == -signal.SIGKILL


def test_killing_twice_is_once(run):
    process = run("sleep", "1000")
    process.kill()
    process.kill()


def test_a_kill_from_outside_is_seen_at_once(run):
    process = run("sleep", "1000")
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(5) == -signal.SIGKILL


def test_signals(run):
    process = run("sleep", "1000")
    process.signal(signal.SIGTERM)
    assert process.wait(5) == -signal.SIGTERM
    assert "ended with -15" in repr(process)


@pytest.mark.parametrize("call", ["pause", "resume"])
def test_what_has_ended_can_not_be_signalled(run, call):
    process = run("sh", "-c", "echo good bye; exit 7")
    process.wait(5)
    with pytest.raises(ServiceError) as caught:
        getattr(process, call)()
    message = str(caught.value)
    assert "exit code 7" in message
    assert "sh -c echo good bye; exit 7" in message
    assert "    good bye" in message


def test_a_program_that_does_not_exist(run):
    with pytest.raises(ServiceError, match="can't run no-such-program: no such program"):
        run("no-such-program")


def test_a_program_that_can_not_be_executed(run, tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"\x00\x01 no program")
    program.chmod(0o755)
    with pytest.raises(ServiceError, match=r"can't run .*program: Exec format error"):
        run(str(program))


def test_the_log_is_that_of_this_run(run):
    assert run("echo", "first").wait(5) == 0
    second = run("sh", "-c", "echo one; echo two >&2; echo three")
    second.wait(5)
    assert second.log_tail() == "one\ntwo\nthree"
    assert second.log_tail(1) == "three"


def test_where_and_with_what_it_runs(run, tmp_path):
    process = run("/bin/sh", "-c", "pwd; echo $COLOR; cat", cwd=tmp_path, env={"COLOR": "red"})
    assert process.wait(5) == 0  # cat ends, as the input is empty
    assert process.log_tail() == f"{tmp_path}\nred"


def test_closing_leaves_nothing(run, watch):
    process = run("sleep", "1000")
    program, guard = watch(process.pid), watch(process.guard_pid)
    before = len(list(Path("/proc/self/fd").iterdir()))
    process.close()
    process.close()
    assert program.has_ended(0)
    assert guard.has_ended(0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 3


def test_a_forked_copy_does_not_end_it(run):
    process = run("sleep", "1000")
    child = os.fork()
    if not child:
        try:
            process.close()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert process.is_running
