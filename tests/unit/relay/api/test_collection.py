from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from pytest_netchaos.relay.api import resolver


def port_of(sock):
    return sock.getsockname()[1]


@pytest.fixture
def upstream():
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)
        yield made


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield f"127.0.0.1:{made.getsockname()[1]}"


@pytest.fixture
def proxy(api, upstream):
    status, said = api.call("POST", "/proxies", {"name": "a", "upstream": f"127.0.0.1:{port_of(upstream)}"})
    assert status == 201
    return said


def where(proxy):
    host, _, port = proxy["listen"].rpartition(":")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def through(proxy, upstream):
    with socket.create_connection(where(proxy), 10) as client, upstream.accept()[0] as server:
        server.settimeout(10)
        yield client, server


def carries(proxy, upstream):
    with through(proxy, upstream) as (client, server):
        client.sendall(b"ping")
        assert server.recv(9) == b"ping"
        server.sendall(b"pong")
        return client.recv(9) == b"pong"


def is_reset(address):
    try:
        with socket.create_connection(address, 30) as client:
            client.recv(1)
    except ConnectionResetError:  # maybe before connect() has returned
        return True
    return False


def test_a_proxy_carries_traffic(proxy, upstream):
    assert proxy["listen"].startswith("127.0.0.1:")
    assert carries(proxy, upstream)


def test_disabling_closes_with_a_fin_and_refuses(api, proxy, upstream):
    with through(proxy, upstream) as (client, server):
        assert api.call("PATCH", "/proxies/a", {"enabled": False})[1]["enabled"] is False
        assert client.recv(1) == b""
        assert server.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where(proxy), 10)
    assert api.call("PATCH", "/proxies/a", {"enabled": True})[1] == proxy
    assert carries(proxy, upstream)


def test_a_toxic_reaches_live_connections_and_leaves_them(api, proxy, upstream):
    with through(proxy, upstream) as (client, server):
        api.call("POST", "/proxies/a/toxics", {"type": "bandwidth", "stream": "upstream"})
        client.sendall(b"x")
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.recv(1)
        server.settimeout(10)
        assert api.call("DELETE", "/proxies/a/toxics/bandwidth_upstream")[0] == 204
        assert server.recv(1) == b"x"


def test_a_toxic_is_changed_in_place(api, proxy, upstream):
    api.call("POST", "/proxies/a/toxics", {"type": "limit_data", "attributes": {"bytes": 100}})
    with through(proxy, upstream) as (client, server):
        server.sendall(b"abc")
        assert client.recv(3) == b"abc"
        api.call("PATCH", "/proxies/a/toxics/limit_data_downstream", {"attributes": {"bytes": 5}})
        server.sendall(b"defg")
        assert client.recv(9, socket.MSG_WAITALL) == b"de"


def test_another_upstream_ends_connections_and_keeps_the_port(api, proxy, upstream):
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(10)
        with through(proxy, upstream) as (client, _):
            status, said = api.call("PATCH", "/proxies/a", {"upstream": f"localhost:{port_of(other)}"})
            assert client.recv(1) == b""
        assert (status, said["listen"]) == (200, proxy["listen"])
        assert carries(said, other)


def test_toxics_survive_another_port(api, proxy, upstream):
    api.call("POST", "/proxies/a/toxics", {"type": "limit_data", "attributes": {"bytes": 1}})
    status, said = api.call("PATCH", "/proxies/a", {"listen": "127.0.0.1:0"})
    assert status == 200
    assert said["listen"] != proxy["listen"]
    with through(said, upstream) as (client, server):
        server.sendall(b"abc")
        assert client.recv(9, socket.MSG_WAITALL) == b"a"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where(proxy), 10)


def test_a_port_that_is_taken_leaves_everything_as_it_was(api, proxy, upstream, taken):
    with through(proxy, upstream) as (client, server):
        status, said = api.call("PATCH", "/proxies/a", {"listen": taken, "upstream": "u:1"})
        assert (status, said["error"]) == (500, f"listen tcp {taken}: bind: address already in use")
        client.sendall(b"x")
        assert server.recv(1) == b"x"
    assert api.call("GET", "/proxies/a") == (200, proxy)


def test_its_own_port_at_every_interface_can_be_had(api, proxy, upstream):
    port = where(proxy)[1]
    assert api.call("PATCH", "/proxies/a", {"listen": f":{port}"})[1]["listen"] == f"[::]:{port}"
    assert carries(proxy, upstream)
    for same in (f"0.0.0.0:{port}", f"[::]:{port}"):
        with through(proxy, upstream) as (client, server):
            assert api.call("PATCH", "/proxies/a", {"listen": same})[0] == 200
            client.sendall(b"x")
            assert server.recv(1) == b"x"


def test_ipv6(api):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as upstream:
        upstream.settimeout(10)
        body = {"name": "six", "upstream": f"[::1]:{port_of(upstream)}", "listen": "[::1]:0"}
        assert carries(api.call("POST", "/proxies", body)[1], upstream)


def test_an_upstream_that_refuses_resets_and_is_logged_once(api, capsys):
    body = {"name": "a", "upstream": "127.0.0.1:1"}
    proxy = api.call("POST", "/proxies", body)[1]
    assert is_reset(where(proxy))
    assert is_reset(where(proxy))
    assert capsys.readouterr().err.count("ECONNREFUSED") == 1  # nobody may read what is logged


@pytest.mark.parametrize("upstream", ["nobody.invalid:80", "no port", ":::", "a:b:c"])
def test_an_upstream_that_cant_be_found_resets_and_says_why(api, capsys, upstream):
    proxy = api.call("POST", "/proxies", {"name": "a", "upstream": upstream})[1]
    assert is_reset(where(proxy))
    assert "proxy 'a': upstream: " in capsys.readouterr().err
    assert api.call("GET", "/version")[0] == 200


def test_a_lookup_keeps_nobody_waiting(api, monkeypatch, upstream):
    asked, go_on = resolver._ask, threading.Event()

    def slowly(host, port, flags=0):
        if host == "slow.test":
            assert go_on.wait(30)
            return asked("127.0.0.1", port, flags)
        return asked(host, port, flags)

    monkeypatch.setattr(resolver, "_ask", slowly)
    monkeypatch.setattr(resolver, "numeric", lambda h, p: [] if h == "slow.test" else [(socket.AF_INET, (h, p))])
    address = f"slow.test:{port_of(upstream)}"
    monkeypatch.setattr("pytest_netchaos.relay.api.live.numeric", resolver.numeric)
    proxy = api.call("POST", "/proxies", {"name": "a", "upstream": address})[1]
    with socket.create_connection(where(proxy), 10) as client:
        client.sendall(b"x")
        for _ in range(20):
            assert api.call("GET", "/proxies/a")[0] == 200
        assert api.call("POST", "/proxies/a/toxics", {"type": "noop"})[0] == 200
        go_on.set()
        with upstream.accept()[0] as server:
            assert server.recv(1) == b"x"


def test_a_host_to_listen_at_is_looked_up(api, monkeypatch):
    monkeypatch.setattr(resolver, "numeric", lambda *_: [])
    monkeypatch.setattr(
        resolver, "_ask", lambda *_: [(socket.AF_INET6, ("::1", 0)), (socket.AF_INET, ("127.0.0.1", 0))]
    )
    status, said = api.call("POST", "/proxies", {"name": "a", "upstream": "u:1", "listen": "some.host:0"})
    assert (status, said["listen"].rpartition(":")[0]) == (201, "127.0.0.1")


def test_a_host_that_cant_be_found_is_a_500(api):
    status, said = api.call("POST", "/proxies", {"name": "a", "upstream": "u:1", "listen": "nobody.invalid:0"})
    assert status == 500
    assert said["error"].startswith("listen tcp: lookup nobody.invalid: ")
    assert api.call("GET", "/proxies")[1] == {}


def test_populate_leaves_alone_what_is_the_same(api, proxy, upstream):
    same = {key: proxy[key] for key in ("name", "listen", "upstream")}
    with through(proxy, upstream) as (client, server):
        status, said = api.call("POST", "/populate", [same, {"name": "b", "upstream": "u:1"}])
        assert (status, [p["name"] for p in said["proxies"]]) == (201, ["a", "b"])
        client.sendall(b"x")
        assert server.recv(1) == b"x"


def test_a_populate_that_is_wrong_changes_nothing(api, proxy):
    for bad in ({"name": "b"}, {"name": "b", "upstream": "u:1", "listen": "nonsense"}, 5):
        status, said = api.call("POST", "/populate", [{"name": "a", "upstream": "else:1"}, bad])
        assert status == 400
        assert "at proxy 2" in said["error"]
    assert api.call("GET", "/proxies")[1] == {"a": proxy}


def test_reset_goes_on_after_a_failure(api, proxy, upstream, taken):
    api.call("POST", "/proxies", {"name": "0", "upstream": "u:1", "listen": taken, "enabled": False})
    api.call("PATCH", "/proxies/a", {"enabled": False})
    api.call("POST", "/proxies/a/toxics", {"type": "noop"})
    api.call("POST", "/proxies/0/toxics", {"type": "noop"})
    status, said = api.call("POST", "/reset")
    assert status == 500
    assert said["error"].startswith(f"proxy 0: listen tcp {taken}: bind: ")
    assert api.call("GET", "/proxies/a")[1] == proxy
    assert api.call("GET", "/proxies/0")[1]["toxics"] == []
    assert carries(proxy, upstream)


def test_deleting_gives_the_port_back(api, proxy, upstream):
    with through(proxy, upstream) as (client, _):
        assert api.call("DELETE", "/proxies/a")[0] == 204
        assert client.recv(1) == b""
    with socket.create_server(where(proxy)):
        pass


def test_counters_are_live_and_outlive_an_update(api, proxy, upstream):
    def count(what, direction):
        lines = api.call("GET", "/metrics")[1].splitlines()
        (line,) = [
            x
            for x in lines
            if x.startswith(f'toxiproxy_proxy_{what}_bytes_total{{direction="{direction}"') and proxy["upstream"] in x
        ]
        return int(line.rpartition(" ")[2])

    with through(proxy, upstream) as (client, server):
        client.sendall(b"12345")
        assert server.recv(9) == b"12345"
        server.sendall(b"123")
        assert client.recv(9) == b"123"
        assert [count(w, d) for w in ("received", "sent") for d in ("upstream", "downstream")] == [5, 3, 5, 3]
        api.call("POST", "/proxies/a/toxics", {"type": "bandwidth"})
        server.sendall(b"45")
        deadline = time.monotonic() + 10
        while count("received", "downstream") < 5:
            assert time.monotonic() < deadline
        assert count("sent", "downstream") == 3
    api.call("PATCH", "/proxies/a", {"upstream": "u:1"})
    assert [count(w, d) for w in ("received", "sent") for d in ("upstream", "downstream")] == [5, 5, 5, 3]


def test_the_same_seed_hits_the_same_connections(api, proxy, upstream):
    def hit():
        api.call("DELETE", "/proxies/b")
        made = api.call("POST", "/proxies", {"name": "b", "upstream": proxy["upstream"]})[1]
        api.call("POST", "/proxies/b/toxics", {"type": "limit_data", "toxicity": 0.5})
        drawn = ""
        for _ in range(16):
            with through(made, upstream) as (client, server):
                server.sendall(b"x")
                drawn += client.recv(1).decode() or "-"
        return drawn

    first = hit()
    assert set(first) == {"x", "-"}
    assert hit() == first


def test_a_peer_that_doesnt_read_keeps_no_call_waiting(api, proxy, upstream):
    with through(proxy, upstream) as (client, _):
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                client.send(b"x" * 65536)
        begin = time.monotonic()
        for type_ in ("latency", "bandwidth", "slow_close", "timeout", "limit_data"):
            assert api.call("POST", "/proxies/a/toxics", {"type": type_, "stream": "upstream"})[0] == 200
        assert api.call("PATCH", "/proxies/a/toxics/latency_upstream", {"attributes": {"latency": 9}})[0] == 200
        assert api.call("GET", "/proxies")[0] == 200
        assert api.call("POST", "/reset")[0] == 204
        assert api.call("DELETE", "/proxies/a")[0] == 204
        assert time.monotonic() - begin < 10


@pytest.mark.parametrize(
    ("type_", "attributes"),
    [
        ("latency", ["latency", "jitter"]),
        ("bandwidth", ["rate"]),
        ("slow_close", ["delay"]),
        ("timeout", ["timeout"]),
        ("reset_peer", ["timeout"]),
        ("slicer", ["average_size", "delay"]),
        ("limit_data", ["bytes"]),
    ],
)
@pytest.mark.parametrize("number", [1, (1 << 31), (1 << 63) - 1])
def test_no_number_in_range_ends_the_loop(api, proxy, upstream, type_, attributes, number):
    with through(proxy, upstream) as (client, server):
        body = {"type": type_, "attributes": dict.fromkeys(attributes, number)}
        assert api.call("POST", "/proxies/a/toxics", body)[0] == 200
        with contextlib.suppress(ConnectionError):
            server.sendall(b"x" * 100)
            client.sendall(b"x" * 100)
        assert api.call("PATCH", f"/proxies/a/toxics/{type_}_downstream", {"toxicity": 0.5})[0] == 200
    assert api.call("GET", "/proxies/a")[0] == 200
