"""A proxy that is switched off and on, or changed, or reset: its port, its connections, its toxics."""

from __future__ import annotations

import socket

import pytest
from tests.conformance.peers import SOON


def is_refused(rig):
    with socket.socket() as sock:
        sock.settimeout(SOON)
        return sock.connect_ex(rig.address) != 0


def test_a_proxy_that_is_disabled_sends_fins_and_refuses_and_comes_back_at_its_port(rig):
    pairs = [rig.live_pair() for _ in range(3)]
    port = rig.address
    rig.set(enabled=False)
    assert [peer.ends_with() for pair in pairs for peer in pair] == ["FIN"] * 6
    assert is_refused(rig)
    rig.set(enabled=True)
    assert rig.address == port
    rig.live_pair()


@pytest.mark.unlike_toxiproxy("it closes a socket that has unread bytes, which sends an RST")
def test_a_client_that_sends_while_the_proxy_is_disabled_gets_a_fin(rig, data):
    client, _ = rig.live_pair()
    rig.add("bandwidth", "upstream", rate=0)
    client.send(data * 20)
    rig.set(enabled=False)
    assert client.ends_with() == "FIN"


def test_what_was_under_way_is_lost_when_a_proxy_is_disabled(rig):
    client, server = rig.live_pair()
    rig.add("latency", latency=30_000)
    server.send(b"held")
    rig.set(enabled=False)
    assert client.ends_with() == "FIN"


def test_toxics_survive_disable_and_enable(rig, stream):
    rig.add("bandwidth", stream, rate=0)
    rig.set(enabled=False)
    assert rig.toxics() == [f"bandwidth_{stream}"]
    rig.set(enabled=True)
    assert rig.toxics() == [f"bandwidth_{stream}"]
    client, server = rig.pair()
    sender, receiver = (client, server) if stream == "upstream" else (server, client)
    sender.send(b"held")
    assert receiver.sees() == "silence"


def test_a_toxic_of_a_disabled_proxy_is_on_its_connections_when_it_is_enabled(rig):
    rig.add("latency", latency=30_000)
    rig.set(enabled=False)
    rig.add("bandwidth", "upstream", rate=0)
    rig.update("latency_downstream", latency=0)
    rig.set(enabled=True)
    client, server = rig.pair()
    server.send(b"at once")
    assert client.receives(b"at once")
    client.send(b"held")
    assert server.sees() == "silence"


def test_another_upstream_ends_connections_and_keeps_port_and_toxics(rig):
    client, server = rig.live_pair()
    port = rig.address
    rig.add("bandwidth", rate=0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(SOON)
        rig.set(upstream="{}:{}".format(*other.getsockname()))
        assert [client.ends_with(), server.ends_with()] == ["FIN", "FIN"]
        assert rig.address == port
        client = rig.dial()
        sock, _ = other.accept()
        with sock:
            client.send(b"to the other one")
            assert sock.recv(99) == b"to the other one"
            sock.send(b"held")
            assert client.sees() == "silence"


def test_another_port_keeps_the_toxics(rig):
    rig.add("bandwidth", rate=0)
    before = rig.address
    rig.set(listen="127.0.0.1:0")
    assert rig.address != before
    client, server = rig.pair()
    server.send(b"held")
    assert client.sees() == "silence"


def test_a_proxy_that_is_deleted_ends_its_connections_and_refuses(serve):
    rig = serve()
    pair = rig.live_pair()
    rig.server.call("DELETE", rig.path)
    assert [peer.ends_with() for peer in pair] == ["FIN", "FIN"]
    assert is_refused(rig)


def test_reset_takes_toxics_away_enables_and_lets_connections_go_on(serve, data):
    rig = serve()
    client, server = rig.live_pair()
    rig.add("latency", latency=30_000)
    rig.add("bandwidth", "upstream", rate=0)
    client.send(data)
    server.send(b"held")
    assert client.sees() == "silence"
    rig.server.call("POST", "/reset")
    assert rig.toxics() == []
    assert server.receives(data)
    assert client.receives(b"held")
    rig.set(enabled=False)
    rig.add("bandwidth", rate=0)
    rig.server.call("POST", "/reset")
    rig.live_pair()


def test_reset_closes_the_connections_of_a_timeout(serve):
    rig = serve()
    pair = rig.live_pair()
    rig.add("timeout", timeout=0)
    rig.server.call("POST", "/reset")
    assert [peer.ends_with() for peer in pair] == ["FIN", "FIN"]


@pytest.mark.unlike_toxiproxy("bytes are counted when a connection ends")
def test_the_counters_move_while_a_connection_lives(serve, data):
    rig = serve()
    client, server = rig.live_pair()
    rig.add("bandwidth", "upstream", rate=0)
    server.send(data)
    assert client.receives(data)
    assert [rig.counted(what, "downstream") for what in ("received", "sent")] == [len(data) + 1] * 2
    client.send(b"held")
    assert server.sees() == "silence"
    assert [rig.counted(what, "upstream") for what in ("received", "sent")] == [5, 1]


def test_the_counters_have_everything_when_a_connection_is_over(serve, data):
    rig = serve()
    client, server = rig.live_pair()
    server.send(data)
    assert client.receives(data)
    rig.set(enabled=False)
    assert client.ends_with() == "FIN"
    assert rig.counted("sent", "downstream") <= len(data) + 1
    rig.set(enabled=True)
    client, server = rig.live_pair()
    server.close()
    assert client.ends_with() == "FIN"
    client.close()
    while rig.counted("sent", "downstream") < len(data) + 2:  # pytest-timeout ends it
        rig.server.call("GET", "/version")
    assert rig.counted("received", "downstream") >= len(data) + 2
