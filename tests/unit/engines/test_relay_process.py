"""How the relay's process starts and ends, in each of its ways."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from pytest_netchaos.engines import relay_process as module
from pytest_netchaos.engines.relay_process import RelayProcess
from pytest_netchaos.errors import EngineError
from pytest_netchaos.patience import eventually
from pytest_netchaos.relay.wire import encode


@pytest.fixture(params=["linux", "portable", "select"])
def process(request):
    made = RelayProcess(request.param)
    yield made
    made.sock.close()
    made.stop()


def ask(process, *command):
    process.sock.settimeout(10.0)
    process.sock.sendall(encode(*command))
    return process.sock.recv(65536)


def test_it_answers_at_its_channel(process):
    assert ask(process, "sync", 1).startswith(b"ok\t1\t")
    assert process.is_alive


def test_it_ends_with_its_channel(process):
    ask(process, "sync", 1)
    process.sock.close()
    process.wait(10.0)
    assert process._process.returncode == 0


def test_how_it_ended_is_told(process):
    ask(process, "sync", 1)
    os.kill(process.pid, signal.SIGKILL)
    assert process.obituary() == f"relay process {process.pid}: killed by SIGKILL\nits log ends with:\n(nothing)"
    assert not process.is_alive


def test_a_relay_that_does_not_start_says_why(monkeypatch):
    monkeypatch.setattr(module, "_BOOT", "raise SystemExit('no such luck')  # {module}")
    with pytest.raises(EngineError, match=r"^the relay has not started(?s:.*)exit code 1\n(?s:.*)no such luck$"):
        RelayProcess("portable")


def test_a_relay_that_never_dials_is_given_up_and_ended(monkeypatch):
    monkeypatch.setattr(module, "_BOOT", "import time; time.sleep(60)  # {module}")
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    pids, real = [], RelayProcess._spawn
    monkeypatch.setattr(RelayProcess, "_spawn", lambda *a, **k: (made := real(*a, **k), pids.append(made.pid))[0])
    with pytest.raises(EngineError, match="has not started within"):
        RelayProcess("portable")
    assert not Path(f"/proc/{pids[0]}").exists()


@pytest.mark.parametrize("shown", [b"x" * 32, b"short", b""], ids=["a-guess", "too-short", "nothing"])
def test_who_does_not_know_the_token_is_sent_away(monkeypatch, shown):
    strangers, real = [], socket.create_server

    def dialled_by_a_stranger(address):
        listener = real(address)
        strangers.append(socket.create_connection(listener.getsockname(), 10.0))
        strangers[0].sendall(shown)
        strangers[0].shutdown(socket.SHUT_WR)
        return listener

    monkeypatch.setattr(module.socket, "create_server", dialled_by_a_stranger)
    process = RelayProcess("portable")
    try:
        assert ask(process, "sync", 1).startswith(b"ok\t1\t")
        with strangers[0]:
            assert strangers[0].recv(1) == b""
    finally:
        process.sock.close()
        process.stop()


def test_the_token_is_for_nobody_else_to_read(process):
    assert not any(len(word) == 32 for word in Path(f"/proc/{process.pid}/cmdline").read_text().split("\0"))


@pytest.mark.parametrize("kind", ["portable", "select"])
def test_a_stalled_and_unread_connection_costs_no_time(kind):
    """As the engine sees it, with everything between."""
    process = RelayProcess(kind)
    with process.sock, socket.create_server(("127.0.0.1", 0)) as server:
        told = ask(process, "bind", 1, 1, "front", "4", "127.0.0.1", 0).decode().split("\n")[0].split("\t")
        ask(process, "link", 2, 1, "", "4", *server.getsockname())
        with socket.create_connection((told[4], int(told[5])), 10.0) as client, server.accept()[0]:
            ask(process, "fault", 3, 1, 1, 7, "stall", "both", 1.0, "", "once", "inf")
            client.sendall(b"unread")
            before = used(process.pid)
            threading.Event().wait(1.0)
            assert used(process.pid) - before <= 0.1
    process.stop()


def used(pid):
    """The processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


OWNER = """
import os, sys, time
from pytest_netchaos.engines.relay_process import RelayProcess
process = RelayProcess(sys.argv[1])
pid = os.fork()
if pid == 0:
    time.sleep(60)
print(process.pid, pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("kind", ["linux", "portable"])
def test_it_ends_with_its_owner_although_a_child_of_that_one_keeps_the_channel(kind):
    read, write = os.pipe()
    owner = os.posix_spawn(
        module.sys.executable,
        [module.sys.executable, "-c", OWNER, kind],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)],
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        relay, child = map(int, pipe.readline().split())
        os.waitpid(owner, 0)
        try:
            eventually(lambda: not is_running(relay), 30)
            assert is_running(child)
        finally:
            os.kill(child, signal.SIGKILL)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
