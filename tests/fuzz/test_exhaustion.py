"""What is left to use up: descriptors, buffers, patience. It answers all the time, and says what it can not do."""

from __future__ import annotations

import contextlib
import resource
import select
import socket
from time import monotonic

import pytest
from tests.fuzz.api_process import BUSY, PROMPT, ApiProcess, connect
from tests.fuzz.relay_process import HEALTHY, RelayProcess

from pytest_netchaos.engines.ports import listen
from pytest_netchaos.relay.wire import encode

MEBIBYTE = 1 << 20


@contextlib.contextmanager
def few_descriptors(pid, count):
    """Let a process have no more descriptors than so many."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def is_echoed(sock, timeout):
    """Whether what was sent has come back."""
    readable, _, _ = select.select([sock], [], [], timeout)
    return bool(readable) and sock.recv(10) == b"hello"


def prompt(call):
    """Do something, in time."""
    began = monotonic()
    result = call()
    assert monotonic() - began < PROMPT + BUSY
    return result


@pytest.fixture
def many(relay):
    """Dial a link more often than there are descriptors left; what is sent waits."""
    relay.carries()
    relay.settle(relay.first_descriptors)
    relay.events.clear()
    with contextlib.ExitStack() as stack, few_descriptors(relay.process.pid, relay.descriptors() + 9):
        clients = []
        for _ in range(20):
            clients.append(stack.enter_context(socket.create_connection(("127.0.0.1", relay.ports[HEALTHY]), 10.0)))
            clients[-1].sendall(b"hello")
        assert is_echoed(clients[0], 10.0)
        yield clients


def test_without_descriptors_faults_work_it_says_so_and_who_waits_is_served_when_there_are_some(relay, many):
    for number, kind in enumerate(("delay", "stall", "cut"), 1):
        values = "0.01,0" if kind == "delay" else ""
        told = encode("fault", 1, HEALTHY, number, 7, kind, "both", 1.0, values, "once", "inf")
        assert prompt(lambda told=told: relay.say(told)) == [["ok", "1"]]
        assert prompt(lambda number=number: relay.say(encode("heal", 1, HEALTHY, number))) == [["ok", "1"]]
    with pytest.raises(ConnectionResetError):  # by the cut
        many[0].recv(10)
    for sock in many:
        sock.close()
    relay.carries()


def test_without_descriptors_accepting_pauses_is_told_once_and_goes_on(relay, many):
    relay.say(b"\n")
    assert sum(event[0] == "trouble" and "Too many open files" in event[-1] for event in relay.events) == 1
    served = [sock for sock in many[1:] if is_echoed(sock, 0.0)]
    assert len(served) < len(many) - 1, "there are not enough for all"
    waiting = [sock for sock in many[1:] if sock not in served]
    served.append(many[0])
    while waiting:  # each one that goes makes room for the next one
        served.pop().close()
        if not served:
            served, _, _ = select.select(waiting, [], [], PROMPT + BUSY)
            assert served, "nobody is served any more"
            waiting = [sock for sock in waiting if sock not in served]


@pytest.mark.parametrize("kind", ["slice", "limit", "slow_close", "timeout", "reset_peer", "delay"])
def test_a_fault_whose_module_cannot_be_read_is_refused_or_in_force_and_the_relay_lives(relay, kind):
    values = {"slice": "10,0,0", "limit": "1000000", "delay": "0.01,0"}.get(kind, "1000")
    relay.carries()
    with (
        socket.create_connection(("127.0.0.1", relay.ports[HEALTHY])) as client,
        few_descriptors(relay.process.pid, 3),
    ):
        client.sendall(b"hello")
        answers = relay.say(encode("fault", 1, HEALTHY, 1, 7, kind, "both", 1.0, values, "once", "inf"))
        assert answers[0][0] == "ok" or "descriptor" in answers[0][2] or "open files" in answers[0][2], answers
        assert relay.say(encode("heal", 1, HEALTHY, 1)) == [["ok", "1"]]
    relay.carries()


@pytest.mark.parametrize("kind", ["slice", "limit", "slow_close", "timeout", "reset_peer"])
def test_the_last_descriptor_is_for_a_connection_and_not_for_what_its_fault_needs(server, kind):
    relay = RelayProcess(server.port)  # a fresh one: it has loaded no fault yet
    try:
        fault = encode(
            "fault", 1, HEALTHY, 1, 7, kind, "both", 1.0, "10,0,0" if kind == "slice" else "9", "once", "inf"
        )
        assert relay.say(fault) == [["ok", "1"]]
        with few_descriptors(relay.process.pid, relay.limit_for_one_more()):
            for _ in range(3):
                with contextlib.suppress(ConnectionResetError):  # there is no descriptor for its upstream
                    socket.create_connection(("127.0.0.1", relay.ports[HEALTHY])).close()
                relay.say(b"\n")
        assert relay.say(encode("heal", 1, HEALTHY, 1)) == [["ok", "1"]]
        relay.carries()
    finally:
        relay.kill()


def test_an_api_without_descriptors_answers_its_first_request_all_the_same(server):
    api = ApiProcess(server.port, is_silent=True)
    try:
        with connect(f"127.0.0.1:{api.port}") as client:
            client.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            with few_descriptors(api.process.pid, 3):
                client.sendall(b"GET /proxies HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.recv(12) in (b"HTTP/1.1 200", b"HTTP/1.1 500")
        assert api.ask("GET", "/proxies") == (200, {})
    finally:
        api.kill()


def test_a_link_whose_descriptors_find_no_room_is_refused_and_says_why(relay):
    listener, keeper = listen("127.0.0.1", 0)
    with listener, keeper, few_descriptors(relay.process.pid, 3):
        fds = [listener.fileno(), keeper.fileno()]
        ((answer, _, reason),) = relay.say(encode("link", 1, 2, "", *relay.server), fds)
    assert answer == "no"
    assert "no more are left" in reason
    relay.carries()


def test_the_api_answers_without_descriptors_and_its_proxies_go_on(api):
    with contextlib.ExitStack() as stack:
        descriptors = api.descriptors()
        with few_descriptors(api.process.pid, descriptors + 7):
            for _ in range(15):
                with contextlib.suppress(ConnectionResetError):  # accepted, and there is no descriptor for the upstream
                    stack.enter_context(connect(api.healthy))
            prompt(api.proxies)
            for name in "abcd":  # each has two descriptors, of the seven that those clients may not have yet
                body = {"name": name, "upstream": "127.0.0.1:1"}
                status, said = prompt(lambda body=body: api.ask("POST", "/proxies", body))
                if status == 500:
                    break
            assert status == 500, said
            assert "too many open files" in said["error"]
            toxic = {"type": "slicer", "attributes": {"average_size": 10}}
            assert prompt(lambda: api.ask("POST", "/proxies/healthy%20one/toxics", toxic))[0] in (200, 500)
            assert prompt(lambda: api.ask("POST", "/reset"))[0] == 204
    assert "EMFILE" in api.log() or "Too many open files" in api.log()
    api.carries()
    api.settle(descriptors)


def test_who_never_reads_costs_no_more_than_the_buffers(api):
    memory = api.memory()
    with socket.create_server(("127.0.0.1", 0)) as deaf, contextlib.ExitStack() as stack:
        body = {"name": "deaf", "upstream": f"127.0.0.1:{deaf.getsockname()[1]}"}
        status, made = api.ask("POST", "/proxies", body)
        assert status == 201, made
        for _ in range(10):
            client = stack.enter_context(connect(made["listen"]))
            stack.enter_context(deaf.accept()[0])
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(64):
                    client.send(bytes(MEBIBYTE))
        prompt(api.proxies)
        api.carries()
        assert api.memory() - memory < 20 * MEBIBYTE
        assert prompt(lambda: api.ask("DELETE", "/proxies/deaf"))[0] == 204


def test_an_upstream_that_never_accepts_keeps_nobody_waiting(api):
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # its backlog is full: the SYNs of all others are dropped
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        body = {"name": "full", "upstream": f"127.0.0.1:{full.getsockname()[1]}"}
        made = api.ask("POST", "/proxies", body)[1]
        for _ in range(20):
            stack.enter_context(connect(made["listen"])).sendall(b"hello?")
        prompt(api.proxies)
        for toxic in ({"type": "latency", "attributes": {"latency": 10}}, {"type": "timeout"}, {"type": "reset_peer"}):
            assert prompt(lambda toxic=toxic: api.ask("POST", "/proxies/full/toxics", toxic))[0] == 200
        api.carries()
        assert prompt(lambda: api.ask("POST", "/reset"))[0] == 204
        assert prompt(lambda: api.ask("PATCH", "/proxies/full", {"enabled": False}))[0] == 200
        assert prompt(lambda: api.ask("DELETE", "/proxies/full"))[0] == 204


def test_two_thousand_connections_come_and_go_and_nothing_is_left(relay):
    relay.carries()
    descriptors = relay.descriptors()
    began = monotonic()
    for number in range(2000):
        sock = socket.create_connection(("127.0.0.1", relay.ports[HEALTHY]), PROMPT + BUSY)
        if number % 3:
            sock.sendall(b"hello")
        if number % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        if number % 200 == 0:
            prompt(lambda: relay.say(b"\n"))
    assert monotonic() - began < 40
    relay.carries()
    relay.settle(descriptors)
