from __future__ import annotations

import json
import socket
import time

import pytest
from tests.scripted import as_json, http, scripted

from pytest_netchaos.errors import EngineError
from pytest_netchaos.patience import eventually
from pytest_netchaos.services.toxiproxy import api as module
from pytest_netchaos.services.toxiproxy.api import Api, NotToxiproxy


@pytest.fixture
def serve(request):
    """Have a server that answers with one thing, and its API."""
    made = []

    def start(answer, timeout=10.0):
        manager = scripted(answer if callable(answer) else lambda *_: answer)
        server = manager.__enter__()
        api = Api("127.0.0.1", server.port, timeout)
        made.append((manager, api))
        return server, api

    yield start
    for manager, api in made:
        api.close()
        manager.__exit__(None, None, None)


@pytest.fixture
def nobody():
    """A port where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


# Is it a Toxiproxy?


@pytest.mark.parametrize("version", ["2.12.0", "2.6.0", "v3.0.1-rc1", "git", "10.0.0"])
def test_versions_that_will_do(serve, version):
    _, api = serve(as_json(200, {"version": version}))
    assert api.version() == version


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        (http(200, "2.1.4"), "2.1.4"),
        (http(200, "v2.1.4\n"), "v2.1.4".removeprefix("v")),
        (as_json(200, {"version": "2.5.9"}), "2.5.9"),
        (as_json(200, {"version": "v1.9.9"}), "v1.9.9"),
    ],
)
def test_versions_that_are_too_old(serve, answer, version):
    server, api = serve(answer)
    with pytest.raises(NotToxiproxy) as caught:
        api.version()
    where = f"the Toxiproxy at 127.0.0.1:{server.port}"
    assert str(caught.value) == f"{where} is version {version}, and 2.6.0 is the oldest that will do"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (http(200, "<html>Welcome to nginx</html>"), "200 '<html>Welcome to nginx</html>'"),
        (http(404, "404 page not found"), "404 '404 page not found'"),
        (http(403, ""), "403 ''"),
        (as_json(200, {"status": "ok"}), '200 \'{"status": "ok"}\''),
        (as_json(200, ["version"]), "200 '[\"version\"]'"),
        (as_json(200, "version"), "200 '\"version\"'"),
        (http(200, "x" * 5000), "200 '" + "x" * 80 + "'"),
    ],
    ids=["html", "404", "403", "other-json", "list", "text", "long"],
)
def test_what_is_no_toxiproxy_is_shown(serve, answer, said):
    server, api = serve(answer)
    with pytest.raises(NotToxiproxy) as caught:
        api.version()
    where = f"what answers at 127.0.0.1:{server.port} isn't a Toxiproxy"
    assert str(caught.value) == f"{where}: GET /version says {said}"


@pytest.mark.parametrize(
    "answer", [b"-ERR unknown command\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 " + b"x" * 70_000]
)
def test_what_speaks_no_http_is_no_toxiproxy(serve, answer):
    _, api = serve(answer)
    with pytest.raises(NotToxiproxy, match=r"^what answers at 127\.0\.0\.1:\d+ isn't a Toxiproxy: "):
        api.version()


def test_nobody_listens(nobody):
    with pytest.raises(EngineError, match=rf"^no Toxiproxy answers at 127\.0\.0\.1:{nobody}: .*refused") as caught:
        Api("127.0.0.1", nobody).version()
    assert not isinstance(caught.value, NotToxiproxy), "it may listen yet"


@pytest.mark.parametrize("host", ["a..b", "no-such-host.invalid"])
def test_a_host_that_nobody_knows(host):
    with pytest.raises(EngineError, match=rf"^no Toxiproxy answers at {host}:1: "):
        Api(host, 1).version()


def test_somebody_hangs_up(serve):
    _, api = serve(lambda *_: None)
    with pytest.raises(EngineError, match=r"no Toxiproxy answers at .*without response") as caught:
        api.version()
    assert not isinstance(caught.value, NotToxiproxy), "so does Docker, for a server that starts"


def test_somebody_never_answers(serve):
    server, api = serve(lambda *_: server.go_on.wait(30) and None, timeout=0.05)
    before = time.monotonic()
    with pytest.raises(EngineError, match=r"^no Toxiproxy answers at 127\.0\.0\.1:\d+: timed out$"):
        api.version()
    assert time.monotonic() - before < 10


def test_an_ipv6_address_is_written_in_brackets():
    assert Api("::1", 8474).where == "[::1]:8474"
    assert repr(Api("127.0.0.1", 8474)) == "<Toxiproxy API at 127.0.0.1:8474>"


# Calls


def test_what_is_said_in_each_call(serve):
    server, api = serve(as_json(200, {"listen": "127.0.0.1:4000"}))
    assert api.create("a/b c", "127.0.0.1:0", "127.0.0.1:1") == "127.0.0.1:4000"
    api.enable("a/b c", enabled=False)
    api.add_toxic("p", "t", "latency", "upstream", {"latency": 5})
    api.set_toxicity("p", "t?", 0.0)
    api.remove_toxic("p", "t")
    api.delete("p%2D")
    assert api.proxies() == {"listen": "127.0.0.1:4000"}
    said = [(method, path, json.loads(body) if body else None) for method, path, body in server.requests]
    proxy = {"name": "a/b c", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "enabled": True}
    toxic = {"name": "t", "type": "latency", "stream": "upstream", "attributes": {"latency": 5}, "toxicity": 1.0}
    assert said == [
        ("POST", "/proxies", proxy),
        ("POST", "/proxies/a%2Fb%20c", {"enabled": False}),
        ("POST", "/proxies/p/toxics", toxic),
        ("POST", "/proxies/p/toxics/t%3F", {"toxicity": 0.0}),
        ("DELETE", "/proxies/p/toxics/t", None),
        ("DELETE", "/proxies/p%252D", None),
        ("GET", "/proxies", None),
    ]
    assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (as_json(409, {"error": "proxy already exists", "status": 409}), "409 proxy already exists"),
        (
            as_json(500, {"error": "listen tcp: address already in use", "status": 500}),
            "500 listen tcp: address already",
        ),
        (http(503, "<html>Service Unavailable"), "503 '<html>Service Unavailable'"),
        (http(502, ""), "502 ''"),
        (as_json(400, ["strange"]), "400 '[\"strange\"]'"),
    ],
)
def test_a_refusal_is_told_with_its_reason(serve, answer, said):
    server, api = serve(answer)
    with pytest.raises(EngineError) as caught:
        api.enable("p", enabled=True)
    assert str(caught.value).startswith(f"Toxiproxy at 127.0.0.1:{server.port} refused POST /proxies/p: {said}")


@pytest.mark.parametrize("answer", [http(200, "<html>"), http(302, "elsewhere", "Location: /x\r\n")])
def test_an_answer_that_is_no_json(serve, answer):
    _, api = serve(answer)
    with pytest.raises(EngineError, match=r"answered GET /proxies with (200|302) and no JSON: '"):
        api.proxies()


@pytest.mark.parametrize("answer", [as_json(201, {"name": "p"}), as_json(201, []), http(204)])
def test_a_proxy_of_which_nobody_says_where_it_listens(serve, answer):
    _, api = serve(answer)
    with pytest.raises(EngineError, match="has made a proxy, and doesn't say where"):
        api.create("p", "127.0.0.1:0", "127.0.0.1:1")


@pytest.mark.parametrize("call", [lambda api: api.delete("p"), lambda api: api.remove_toxic("p", "t")])
def test_what_is_gone_need_not_be_taken_away(serve, call):
    _, api = serve(as_json(404, {"error": "proxy not found", "status": 404}))
    call(api)


def test_what_is_not_there_can_not_be_changed(serve):
    _, api = serve(as_json(404, {"error": "proxy not found", "status": 404}))
    with pytest.raises(EngineError, match="404 proxy not found"):
        api.enable("p", enabled=True)


def test_a_server_that_hangs_is_named_with_a_likely_cause(serve):
    server, api = serve(lambda *_: server.go_on.wait(30) and None, timeout=0.05)
    with pytest.raises(EngineError) as caught:
        api.remove_toxic("p", "t")
    assert str(caught.value) == (
        f"Toxiproxy at 127.0.0.1:{server.port} hasn't answered DELETE /proxies/p/toxics/t within 0.05 s: "
        "a peer that doesn't read, or a slow throttle beside another fault, makes it hang"
    )


def test_after_a_call_that_took_too_long_the_next_one_has_its_own_answer(serve):
    def answer(_, path, __):
        if path == "/version":
            server.go_on.wait(30)
            return http(200, "late")
        return as_json(200, {"in": "time"})

    server, api = serve(answer, timeout=0.5)
    with pytest.raises(EngineError, match="timed out"):
        api.version()
    server.go_on.set()
    assert api.proxies() == {"in": "time"}
    assert server.connections == 2


def test_after_a_call_that_hung_the_next_ones_get_less_time_until_one_succeeds(serve, monkeypatch):
    monkeypatch.setattr(module, "_SHORT", 0.5)
    seconds = [9, 9, 0, 1.0, 0]  # the fourth takes longer than the short patience

    def answer(*_):
        server.go_on.wait(seconds[len(server.requests) - 1])
        return as_json(200, {})

    server, api = serve(answer, timeout=3.0)
    for patience in ("3", "0.5"):
        with pytest.raises(EngineError, match=f"hasn't answered GET /proxies within {patience} s"):
            api.proxies()
    for _ in range(3):
        assert api.proxies() == {}, "on a connection that was made in a hurry, too"
    assert len(server.requests) == 5


def test_a_server_that_is_gone(serve):
    server, api = serve(as_json(200, {}))
    api.proxies()
    server.close()
    for _ in range(3):
        with pytest.raises(EngineError, match=r"can't be told GET /proxies: .*refused"):
            api.proxies()


# The connection


def test_a_kept_connection_that_was_dropped_is_made_again(serve):
    server, api = serve(as_json(200, {}))
    for _ in range(3):
        api.proxies()
        server.hang_up()
    assert (server.connections, len(server.requests)) == (3, 3)


def test_a_server_that_drops_each_connection_is_asked_twice_at_most(serve):
    def answer(*_):
        return as_json(200, {}) if len(server.requests) == 1 else None

    server, api = serve(answer)
    api.proxies()
    for _ in range(2):
        with pytest.raises(EngineError, match="can't be told GET /proxies"):
            api.proxies()
    assert len(server.requests) == 1 + 2 + 1, "on the kept connection and on a new one; then on a new one only"


def test_a_call_that_fails_twice_does_not_spoil_the_next_one(serve):
    answers = [as_json(200, {}), None, None, as_json(200, {"fine": 1})]
    server, api = serve(lambda *_: answers[len(server.requests) - 1])
    api.proxies()
    with pytest.raises(EngineError):
        api.proxies()
    assert api.proxies() == {"fine": 1}


def test_whether_it_is_connected(serve):
    server, api = serve(as_json(200, {}))
    assert not api.is_connected
    api.proxies()
    assert api.is_connected
    server.hang_up()
    eventually(lambda: not api.is_connected, 30)
    api.proxies()
    assert api.is_connected
    api.close()
    assert not api.is_connected


def test_a_server_that_keeps_no_connection(serve):
    server, api = serve(http(200, "{}", "Connection: close\r\n"))
    assert api.proxies() == api.proxies() == {}
    assert server.connections == 2
    assert not api.is_connected


def test_threads_may_call_at_once(serve, in_thread):
    server, api = serve(lambda _, path, __: as_json(200, {"path": path}))
    calls = [in_thread(lambda n=n: [api.call("GET", f"/{n}")["path"] for _ in range(50)]) for n in range(4)]
    assert [call() for call in calls] == [[f"/{n}"] * 50 for n in range(4)]
    assert server.connections == 1
