"""Who ended a pair, how and why, as its two halves tell it; and a server that answers late."""

from __future__ import annotations

import contextlib
import socket

import pytest
from tests.unit.relay.tapped import World, fault


@pytest.fixture
def full():
    """A server whose system answers nobody, until the test lets one in: its queue of one is full."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        server.settimeout(10.0)
        stack.enter_context(socket.create_connection(server.getsockname(), 10.0))
        yield server


def finish(peers, ends):
    """Do what an honest proxy does: pass an end on, on its other side."""
    for end in ends:
        getattr(peers, end).close()


def test_a_client_that_closes(world):
    peers = world.pair()
    peers.client.close()
    assert world.ends_with(peers.near) == "FIN"
    assert world.said("hup") == [(1, "client", "")]
    finish(peers, ["near", "far"])
    assert world.ends_with(peers.server) == "FIN"
    world.spin(lambda: world.said("close"))
    peers.server.close()
    assert world.said("close") == [(1, "client", "FIN", "")]


def test_a_client_that_resets(world, send_rst):
    peers = world.pair()
    send_rst(peers.client)
    world.spin(lambda: world.said("close"))
    assert world.said("close") == [(1, "client", "RST", "")]
    assert world.ends_with(peers.near) == "FIN", "the other proxy must not meet an error"
    finish(peers, ["near", "far"])
    assert world.ends_with(peers.server) == "FIN", "what the other proxy makes of it"


def test_a_server_that_closes(world):
    peers = world.pair()
    peers.server.close()
    assert world.ends_with(peers.far) == "FIN"
    finish(peers, ["far", "near"])
    assert world.ends_with(peers.client) == "FIN"
    peers.client.close()
    world.spin(lambda: world.said("close"))
    assert world.said("close") == [(1, "server", "FIN", "")]
    assert world.said("hup") == [(1, "server", "")]


def test_a_server_that_resets_is_known_although_the_other_proxy_makes_a_fin_of_it(world, send_rst):
    peers = world.pair()
    send_rst(peers.server)
    assert world.ends_with(peers.far) == "FIN", "the other proxy must not meet an error"
    finish(peers, ["far", "near"])
    assert world.ends_with(peers.client) == "FIN"
    peers.client.close()
    world.spin(lambda: world.said("close"))
    assert world.said("close") == [(1, "server", "RST", "")]


def test_another_proxy_that_hangs_up_by_itself(world):
    peers = world.pair()
    finish(peers, ["near", "far"])
    for sock in (peers.client, peers.server):
        assert world.ends_with(sock) == "FIN"
        sock.close()
    world.spin(lambda: world.said("close"))
    assert world.said("close") == [(1, "link", "FIN", "the proxy behind the link hung up")]


def test_another_proxy_that_dies(world, send_rst):
    peers = world.pair()
    send_rst(peers.near)
    send_rst(peers.far)
    assert world.ends_with(peers.client) == world.ends_with(peers.server) == "RST"
    assert world.said("close") == [(1, "link", "RST", "the proxy behind the link hung up")]


def test_both_peers_close_and_the_first_one_has_ended_it(world):
    peers = world.pair()
    peers.server.close()
    assert world.ends_with(peers.far) == "FIN"
    peers.client.close()
    assert world.ends_with(peers.near) == "FIN"
    finish(peers, ["near", "far"])
    world.spin(lambda: world.said("close"))
    assert world.said("close") == [(1, "server", "FIN", "")]


def test_a_half_that_is_over_is_counted_once_more(world, send_rst):
    """Bytes that are late reach the server after the client has gone."""
    peers = world.pair()
    assert world.sends(peers.client, peers.near, b"late") == b"late"
    send_rst(peers.client)
    world.spin(lambda: world.said("close"))
    peers.far.sendall(b"late")
    peers.far.close()
    assert world.receives(peers.server, 4) == b"late"
    peers.server.close()
    world.spin(lambda: not world.tap._pairs)
    assert world.events[-1] == ("count", 5, 1, 4, 0, 0, 0)


def test_a_server_that_refuses(loop, sockets, spin, reserve, read_all):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        made = World(loop, sockets, spin, reserve, upstream=nobody.getsockname())
        client, near, far = made.dial(), made.taken(), made.come_back()
        made.spin(lambda: made.said("refused"))
        host, port = nobody.getsockname()
    assert made.said("refused") == [(1, f"upstream {host}:{port}: ECONNREFUSED")]
    assert [read_all(sock) for sock in (client, near, far)] == [(b"", "RST"), (b"", "FIN"), (b"", "FIN")]
    assert made.tap._pairs == set()
    made.close()


@pytest.mark.parametrize("server_answers", [True, False])
def test_what_a_server_does_after_its_client_has_gone_is_not_told(
    loop, sockets, spin, reserve, send_rst, full, server_answers
):
    made = World(loop, sockets, spin, reserve, upstream=full.getsockname())
    client, near, far = made.dial(), made.taken(), made.come_back()
    spin(lambda: made.tap.connections[1].back is not None)
    pair = made.tap.connections[1]
    send_rst(client)
    spin(lambda: made.said("refused"))
    assert not pair.is_open, "the server has not answered"
    if server_answers:
        full.accept()[0].close()  # room for one: the next SYN that is sent again gets in
        spin(lambda: pair.is_open)
        far.close()
        served = sockets.keep(full.accept()[0])
        assert made.ends_with(served) == "FIN"
        served.close()
    else:
        pair.back._dial_next("connection timed out")  # what its system would say after minutes
    assert near.fileno() >= 0
    assert made.said("refused") == [(1, "client hung up")]
    assert made.said("open") == []
    made.close()
    assert made.said("close") == []


def test_a_hold_that_is_repeated_changes_nothing(world):
    peers = world.pair()
    pair = world.tap.connections[1]
    both = {"upstream", "downstream"}
    for entrances in (set(), {"upstream"}, {"upstream"}, both, set(), set()):
        for exits in (entrances, set(), both, both, entrances):
            pair.hold(entrances, exits)
    assert world.sends(peers.client, peers.near, b"x") == b"x"
    assert world.sends(peers.server, peers.far, b"x") == b"x"


def test_a_reset_by_the_tap_is_told_with_its_reason(world, read_all):
    peers = world.pair()
    world.tap.connections[1].reset("fault", "reset")
    assert world.said("close") == [(1, "fault", "RST", "reset")]
    assert [read_all(sock) for sock in (peers.client, peers.server)] == [(b"", "RST")] * 2


def test_before_there_is_another_half_nothing_is_lost_and_nothing_is_delivered(world):
    client = world.dial()
    world.tap.start(fault("blackhole"))
    client.sendall(b"waits")
    near = world.taken()
    assert world.receives(near, 5) == b"waits"
    assert world.tap.connections[1].totals() == (0, 0, 0, 0)
