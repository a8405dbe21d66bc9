"""toxiproxy-python, from PyPI: all that it can do."""

from __future__ import annotations

import socket

import pytest
from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists


@pytest.fixture
def client(api, monkeypatch):
    monkeypatch.setattr(APIConsumer, "host", api.host)
    monkeypatch.setattr(APIConsumer, "port", api.port)
    return Toxiproxy()


@pytest.fixture
def proxy(client, upstream):
    return client.create(upstream="{}:{}".format(*upstream.getsockname()), name="db")


def dial(proxy):
    host, port = proxy.listen.rsplit(":", 1)
    return socket.create_connection((host, int(port)), 10)


def test_the_server_runs_and_has_a_version(client):
    assert client.running()
    assert b'"version"' in client.version()


def test_a_proxy_is_made_found_and_destroyed(client, proxy, upstream):
    assert (proxy.name, proxy.enabled) == ("db", True)
    assert proxy.upstream == "{}:{}".format(*upstream.getsockname())
    assert list(client.proxies()) == ["db"]
    assert client.get_proxy("db").listen == proxy.listen
    assert client.get_proxy("nobody") is None
    with pytest.raises(ProxyExists):
        client.create(upstream="127.0.0.1:1", name="db")
    client.destroy(proxy)
    assert client.proxies() == {}


def test_bytes_pass_and_a_proxy_that_is_down_refuses(client, proxy, upstream):
    with dial(proxy) as one, upstream.accept()[0] as other:
        one.sendall(b"ping")
        assert other.recv(9) == b"ping"
        with proxy.down():
            assert one.recv(9) == b""
            assert not client.get_proxy("db").enabled
            with pytest.raises(ConnectionRefusedError):
                dial(proxy)
    dial(proxy).close()


def test_toxics_come_and_go(proxy):
    proxy.add_toxic(type="latency", attributes={"latency": 20, "jitter": 3})
    proxy.add_toxic(type="bandwidth", stream="upstream", name="slow", toxicity=0.5, attributes={"rate": 7})
    assert set(proxy.toxics()) == {"latency_downstream", "slow"}
    toxic = proxy.get_toxic("slow")
    assert (toxic.type, toxic.stream, toxic.toxicity, toxic.attributes) == ("bandwidth", "upstream", 0.5, {"rate": 7})
    assert proxy.get_toxic("latency_downstream").attributes == {"latency": 20, "jitter": 3}
    proxy.destroy_toxic("slow")
    assert set(proxy.toxics()) == {"latency_downstream"}
    assert proxy.get_toxic("slow") is None


def test_what_is_wrong_is_an_error_of_its_kind(proxy):
    with pytest.raises(InvalidToxic, match="invalid toxic type"):
        proxy.add_toxic(type="poison")
    with pytest.raises(InvalidToxic, match="stream was invalid"):
        proxy.add_toxic(type="latency", stream="sideways")
    proxy.add_toxic(type="noop")
    with pytest.raises(ProxyExists, match="toxic already exists"):
        proxy.add_toxic(type="noop")
    with pytest.raises(NotFound, match="toxic not found"):
        proxy.destroy_toxic("nobody")
    proxy.destroy()
    with pytest.raises(NotFound, match="proxy not found"):
        proxy.destroy()


def test_reset_takes_the_toxics_and_enables_the_proxies(client, proxy):
    proxy.add_toxic(type="slow_close", attributes={"delay": 1})
    proxy.disable()
    assert client.reset()
    assert proxy.toxics() == {}
    assert client.get_proxy("db").enabled


def test_populate_makes_what_is_missing_and_destroy_all_ends_it(client, proxy):
    client.populate(
        [
            {"name": "db", "upstream": proxy.upstream, "listen": proxy.listen},
            {"name": "cache", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"},
            {"name": "off", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0", "enabled": False},
        ]
    )
    assert {name: each.enabled for name, each in client.proxies().items()} == {"db": True, "cache": True, "off": False}
    client.destroy_all()
    assert client.proxies() == {}
