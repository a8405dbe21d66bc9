from __future__ import annotations

import contextlib
import json
import os
import random
import socket
from time import monotonic

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.fuzz.api_process import BUSY, PROMPT, connect
from tests.fuzz.bodies import requests

SEVERAL = os.environ.get("NETCHAOS_FUZZ")
EXAMPLES = settings(
    max_examples=int(SEVERAL or 100),
    deadline=None,
    derandomize=SEVERAL is None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


@pytest.fixture
def proxy(api):
    """A proxy that the test may break."""
    api.clear()
    status, made = api.ask("POST", "/proxies", {"name": "a", "upstream": api.upstream})
    assert status == 201
    yield made
    api.clear()


def test_no_sequence_of_requests_ends_it_and_each_is_answered(api):
    @EXAMPLES
    @given(st.lists(requests(), min_size=1, max_size=6))
    def run(sequence):
        api.clear()
        for method, path, body in sequence:
            status, said = api.ask(method, path, body)
            assert status < 500 or (status == 500 and "listen" in str(said)), (status, said)
            if status == 400:
                assert said["status"] == 400
                assert len(said["error"]) > 10
            assert api.proxies() is not None
        api.carries()

    run()
    api.clear()
    api.carries()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"type": "slicer", "attributes": {"average_size": 0}}, "average_size"),
        ({"type": "slicer", "attributes": {}}, "average_size"),
        ({"type": "slicer", "attributes": {"average_size": 5, "size_variation": 5}}, "size_variation"),
        ({"type": "slicer", "attributes": {"average_size": 5, "size_variation": -1}}, "size_variation"),
        ({"type": "slicer", "attributes": {"average_size": 5, "delay": -1}}, "delay"),
        ({"type": "bandwidth", "attributes": {"rate": -1}}, "rate"),
        ({"type": "latency", "attributes": {"latency": -1}}, "latency"),
        ({"type": "latency", "attributes": {"latency": 1, "jitter": -1}}, "jitter"),
        ({"type": "latency", "attributes": {"latency": 1.5}}, "latency"),
        ({"type": "latency", "attributes": {"latency": "1"}}, "latency"),
        ({"type": "latency", "attributes": {"latency": 2**63}}, "latency"),
        ({"type": "latency", "attributes": {"latency": True}}, "latency"),
        ({"type": "latency", "attributes": [1]}, "attributes"),
        ({"type": "timeout", "attributes": {"timeout": -1}}, "timeout"),
        ({"type": "reset_peer", "attributes": {"timeout": -1}}, "timeout"),
        ({"type": "slow_close", "attributes": {"delay": -1}}, "delay"),
        ({"type": "limit_data", "attributes": {"bytes": -1}}, "bytes"),
        ({"type": "noop", "toxicity": 5}, "toxicity"),
        ({"type": "noop", "toxicity": -0.1}, "toxicity"),
        ({"type": "noop", "toxicity": "1"}, "toxicity"),
        ({"type": "noop", "stream": 1}, "stream"),
        ({"type": "noop", "stream": "both"}, "stream"),
        ({"type": "noop", "name": []}, "name"),
        ({"type": "dance"}, "type"),
        ({}, "type"),
    ],
)
def test_a_toxic_that_would_end_or_hang_toxiproxy_is_a_400_that_names_the_field(api, proxy, change, named):
    status, said = api.ask("POST", "/proxies/a/toxics", change)
    assert (status, said["status"]) == (400, 400)
    assert named in said["error"]
    api.carries(proxy["listen"])
    assert api.proxies()["a"] == proxy, "and nothing has changed"


@pytest.mark.parametrize("value", [0, 1, 2**63 - 1])
@pytest.mark.parametrize(
    "key", ["latency", "jitter", "rate", "delay", "timeout", "bytes", "average_size", "size_variation"]
)
def test_the_largest_and_smallest_numbers_end_nothing(api, proxy, key, value):
    kinds = {
        "latency": ["latency"], "jitter": ["latency"], "rate": ["bandwidth"], "delay": ["slow_close", "slicer"],
        "timeout": ["timeout", "reset_peer"], "bytes": ["limit_data"], "average_size": ["slicer"],
        "size_variation": ["slicer"],
    }  # fmt: skip
    for kind in kinds[key]:
        attributes = {"average_size": 2**63 - 1, key: value} if kind == "slicer" else {key: value}
        status, said = api.ask("POST", "/proxies/a/toxics", {"type": kind, "attributes": attributes})
        assert status == 200 or (status == 400 and key in said["error"]), said
    with contextlib.suppress(ConnectionError), connect(proxy["listen"]) as client:  # it may be reset at once
        client.sendall(b"some bytes")
        client.shutdown(socket.SHUT_WR)
        api.carries()
    assert api.ask("POST", "/reset")[0] == 204
    api.carries(proxy["listen"])


VALID = [
    b"GET /proxies HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b'POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 36\r\n\r\n{"name":"a","upstream":"127.0.0.1:1"}',
    (b'POST /proxies/a/toxics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
    b'5\r\n{"typ\r\na;x=y\r\ne":"noop"}\r\n0\r\n\r\n'),
    b'PATCH /proxies/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n{"enabled": false}',
    b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
    b"DELETE /proxies/a HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 300 + b"\r\n\r\n",
]  # fmt: skip


def mutated(data, rng):
    """Change, drop, double and insert a few bytes."""
    data = bytearray(data)
    for _ in range(rng.randint(0, 6)):
        place = rng.randrange(len(data))
        match rng.randrange(6):
            case 0:
                data[place] = rng.randrange(256)
            case 1:
                del data[place : place + rng.randint(1, 10)]
            case 2:
                data[place:place] = data[place : place + rng.randint(1, 30)]
            case 3:
                data[place:place] = rng.choice([
                    b"\r\n", b"\n", b"\r", b"\0", b": ", b"%", b"%2f", b"\xff", b"{", b'"', b"Content-Length: 3\r\n",
                    b"Transfer-Encoding: chunked\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"-1", b"9" * 40, b"\t",
                ])  # fmt: skip
            case 4:
                data[place:place] = rng.randbytes(rng.randint(1, 30))
            case 5:
                del data[place:]
        data = data or bytearray(b"\r\n")
    return bytes(data)


def torn(data, rng):
    cuts = sorted(rng.sample(range(len(data)), min(len(data), rng.randint(0, 6))))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < end]


def test_no_bytes_end_it_and_what_it_says_is_http(api):
    for seed in range(int(SEVERAL or 250)):
        rng = random.Random(seed)
        data = b"".join(mutated(each, rng) for each in rng.choices(VALID, k=rng.randint(1, 4)))
        for status, _, _ in api.send(torn(data, rng)):
            assert status < 600, (seed, status)
        if seed % 10 == 0:
            api.clear()
            api.carries()


def test_requests_that_are_torn_into_bytes_are_answered_like_whole_ones(api, proxy):
    data = VALID[0] + VALID[3] + b"GET /proxies/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    whole = [status for status, _, _ in api.send([data])]
    api.ask("DELETE", "/proxies/a/toxics/noop_downstream")
    assert (
        [status for status, _, _ in api.send([data[n : n + 1] for n in range(len(data))])] == whole == [200, 200, 200]
    )


def test_many_requests_in_one_go_are_answered_in_their_order(api, proxy):
    paths = [b"/version", b"/proxies/a", b"/nowhere", b"/proxies/none"] * 250
    data = b"".join(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths)
    assert [status for status, _, _ in api.send([data])] == [200, 200, 404, 404] * 250


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /version HTTP/1.1\r\nHost: x\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n", 431),
        (b"GET /version HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100_000 + b"\r\n", 431),
        (b"GET /" + b"y" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + b"0," * 1_000_000, 413),
        (b"POST /proxies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", 413),
        (b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 40 + b"\n", 400),
    ],
)
def test_what_is_too_long_or_malformed_is_refused_and_the_connection_closed(api, data, status):
    assert [answer[0] for answer in api.send([data], is_over=False)] == [status]
    api.carries()


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b"[" + b"0," * 500_000 + b"0]", b"9" * 1_000_000, b'"' + b"\\u0000" * 150_000],
)
def test_a_body_that_is_hard_to_read_is_refused_and_keeps_nobody_waiting(api, body):
    with connect(f"127.0.0.1:{api.port}") as other:
        other.sendall(b"POST /populate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        api.proxies()
        began = monotonic()
        api.carries()
        assert monotonic() - began < PROMPT + BUSY
        assert other.recv(12) == b"HTTP/1.1 400"


def test_slow_ones_and_those_that_read_no_answers_keep_nobody_waiting(api, proxy):
    memory = api.memory()
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(f"127.0.0.1:{api.port}")) for _ in range(50)]
        for sock in slow:
            sock.sendall(b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        deaf = [stack.enter_context(connect(f"127.0.0.1:{api.port}")) for _ in range(5)]
        for sock in deaf:
            sock.setblocking(False)
        data = VALID[0] * 1000
        for _ in range(300):
            for sock in deaf:
                with contextlib.suppress(BlockingIOError):
                    sock.send(data)
            api.proxies()
        api.carries(proxy["listen"])
        assert api.memory() < memory + (20 << 20), "what waits for them is bounded"


def test_more_clients_than_it_takes_are_told_so_and_one_that_goes_makes_room(api):
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(connect(f"127.0.0.1:{api.port}")) for _ in range(600)]
        told = b""
        while data := many[-1].recv(1000):
            told += data
        assert told.startswith(b"HTTP/1.1 503 ")
        assert b"close some" in told
        api.proxies()
    api.carries()
    for _ in range(100):
        with contextlib.suppress(OSError):
            if api.send([VALID[0]])[0][0] == 200:
                break
    else:
        pytest.fail("nobody is let in any more")


def test_a_long_list_is_made_and_taken_away_and_nothing_is_left(api):
    descriptors = api.descriptors()
    body = [{"name": f"p{n}", "upstream": api.upstream, "listen": ""} for n in range(300)]
    status, said = api.ask("POST", "/populate", body)
    assert status == 201
    assert len(said["proxies"]) == 300
    api.carries(said["proxies"][-1]["listen"])
    api.clear()
    api.settle(descriptors)


def test_json_that_python_takes_and_go_does_not_is_refused(api):
    for body in (
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b"nan",
        b"'a'",
        b"{a: 1}",
        b'{"name": "a" "b"}',
        b"",
        b"\xff",
    ):
        status, said = api.ask("POST", "/proxies", body)
        assert status == 400, (body, said)
        assert json.dumps(said)
