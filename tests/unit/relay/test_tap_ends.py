"""Ends that a tap must keep from the other proxy, and another proxy that is late."""

from __future__ import annotations

import contextlib
import socket

import pytest
from tests.unit.relay.tapped import BIG, fault, pour

from pytest_netchaos.relay import tap as module
from pytest_netchaos.relay.drain import Drain

# Before the other half has come


def test_a_client_that_resets_before_its_other_half_arrives(world, send_rst):
    first, second = world.dial(), world.dial()
    near = world.taken()
    send_rst(first)
    world.spin(lambda: world.said("refused"))
    assert world.said("refused") == [(1, "client hung up")]
    assert world.ends_with(near) == "FIN"
    assert world.nobody_comes(world.other), "the turn is over only when the other half has come, or none will"
    late = world.come_back()
    assert world.ends_with(late) == "FIN", "it is nobody's"
    near, far = world.taken(), world.come_back()
    world.spin(lambda: world.said("open"))
    assert world.said("open") == [(2, 1)]
    server = world.serve()
    assert world.sends(second, near, b"mine") == b"mine"
    assert world.sends(far, server, b"mine") == b"mine"


def test_a_client_that_has_reset_is_no_trouble_when_its_other_half_never_comes(world, send_rst, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    first, second = world.dial(), world.dial()
    near = world.taken()
    send_rst(first)
    world.spin(lambda: world.said("refused"))
    lost = []
    world.loop.call_at(module.monotonic() + 0.3, lambda: lost.append("patience"))
    world.spin(lambda: lost)
    assert world.is_silent(second)
    assert world.nobody_comes(world.other), "it may still come back"
    monkeypatch.setattr(module, "PATIENCE", 10.0)
    near.close()
    world.taken()
    world.come_back()
    world.spin(lambda: world.said("open"))
    assert world.said("trouble") == []
    assert world.said("open") == [(2, 1)]


def test_another_proxy_that_refuses(world, read_all):
    address = world.other.getsockname()
    world.other.close()
    client = world.dial()
    world.spin(lambda: world.said("refused"))
    assert world.said("refused") == [
        (1, f"the proxy behind the link: upstream {address[0]}:{address[1]}: ECONNREFUSED")
    ]
    assert read_all(client) == (b"", "RST")
    world.dial()
    world.spin(lambda: len(world.said("refused")) == 2)
    assert world.tap._pairs == set()


@pytest.mark.parametrize("end", ["FIN", "RST"])
def test_another_proxy_that_hangs_up_lets_the_next_one_have_its_turn(world, send_rst, end):
    first, second = world.dial(), world.dial()
    near = world.taken()
    if end == "RST":
        send_rst(near)
    else:
        near.close()
        first.close()
    world.spin(lambda: world.said("refused"))
    assert world.said("refused")[0][0] == 1
    world.taken()
    world.come_back()
    world.spin(lambda: world.said("open"))
    assert world.said("open") == [(2, 1)]
    assert second.fileno() >= 0


def test_another_proxy_that_never_comes_back(world, read_all, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    first, second = world.dial(), world.dial()
    near = world.taken()
    world.spin(lambda: world.said("refused"))
    monkeypatch.setattr(module, "PATIENCE", 10.0)
    why = "the proxy behind the link has not passed it on"
    assert world.said("refused") == [(1, why)]
    assert [event[2:] for event in world.events if event[0] == "trouble"] == [(5, f"dial 1: {why}")]
    assert read_all(first) == (b"", "RST")
    assert world.ends_with(near) == "FIN"
    assert world.is_silent(second)
    assert world.nobody_comes(world.other), "a turn that nobody has ended"
    near.close()
    world.taken()
    world.come_back()
    world.spin(lambda: world.said("open"))
    assert world.said("open") == [(2, 1)]


@pytest.mark.parametrize("hangs_up_first", [False, True])
def test_a_half_that_is_late_is_never_taken_for_the_next_ones(world, monkeypatch, hangs_up_first):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    world.dial()
    second = world.dial()
    second.sendall(b"mine")
    near = world.taken()
    near.sendall(b"late, down")
    world.spin(lambda: world.said("refused"))
    monkeypatch.setattr(module, "PATIENCE", 10.0)
    late = world.come_back()
    late.sendall(b"late, up")
    if hangs_up_first:  # and the tap hears of both in one round
        near.close()
    assert world.ends_with(late) == "FIN"
    mine, far = world.taken(), world.come_back()
    world.spin(lambda: world.said("open"))
    server = world.serve()
    assert world.receives(mine, 4) == b"mine"
    assert world.sends(far, server, b"mine") == b"mine"
    assert world.sends(mine, second, b"yours") == b"yours"
    assert world.is_silent(server)
    assert world.nobody_comes(world.server)
    assert world.said("open") == [(2, 1)]
    assert len(world.said("trouble")) == 1
    near.close()
    late.close()
    world.spin(lambda: not world.tap._drains)
    assert world.sends(second, mine, b"on") == b"on", "it is nothing to him that the late one hangs up"


def test_when_the_other_proxy_has_come_back_patience_is_no_matter(world, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    peers = world.pair()
    assert world.tap._patience is None
    done = []
    world.tap._loop.call_at(module.monotonic() + 0.4, lambda: done.append(True))
    world.spin(lambda: done)
    assert world.said("trouble") == []
    assert world.sends(peers.client, peers.near, b"x") == b"x"


# The end


def test_closing_ends_everybody_with_a_fin_and_gives_both_ports_back(world, read_all):
    peers, waiting, queued = world.pair(), world.dial(), world.dial()
    near = world.taken()
    pairs = list(world.tap._pairs)
    world.tap.close()
    assert world.said("close") == [(1, "link", "FIN", "the link was closed")]
    assert [reason for _, reason in world.said("refused")] == ["the link was closed"] * 2
    assert [read_all(sock) for sock in (peers.client, peers.server, waiting, queued)] == [(b"", "FIN")] * 4
    for address in (world.address, world.inner_address):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, 10.0)
    world.release(pairs)
    assert [read_all(sock) for sock in (peers.near, peers.far, near)] == [(b"", "FIN")] * 3


# Sockets that face the other proxy


@pytest.mark.parametrize("end", ["cut", "client", "server"])
def test_the_other_proxy_is_sent_a_fin_and_read_from_until_it_hangs_up(world, send_rst, end):
    peers = world.pair()
    if end == "cut":
        world.tap.start(fault("cut"))
    else:
        send_rst(getattr(peers, end))
    facing = {"cut": (peers.near, peers.far), "client": (peers.near,), "server": (peers.far,)}[end]
    for sock in facing:
        assert world.ends_with(sock) == "FIN"
    assert len(world.tap._drains) == len(facing)
    counted = world.tap.in_flight()
    for sock in facing:
        pour(world, sock, BIG)  # more than any buffer holds: somebody reads
    assert (world.tap.in_flight(), len(world.tap._drains)) == (counted, len(facing))
    for sock in facing:
        sock.shutdown(socket.SHUT_WR)
    world.spin(lambda: not world.tap._drains)
    for sock in facing:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_a_drain_is_over_when_the_other_side_hangs_up_and_says_so_once(loop, sockets, spin, send_rst, how):
    ours, theirs = sockets.tcp_pair()
    gone = []
    drain = Drain(loop, ours, gone.append)
    assert theirs.recv(1) == b"", "the FIN comes first"
    theirs.sendall(b"nobody's")
    heard = []
    loop.call_at(module.monotonic() + 0.02, lambda: heard.append(True))
    spin(lambda: heard)
    assert gone == []
    assert ours.fileno() >= 0
    (send_rst if how == "RST" else socket.socket.close)(theirs)
    spin(lambda: gone)
    assert gone == [drain]
    assert ours.fileno() < 0
    assert loop._handlers == {}
    drain._read()
    drain.close()
    assert gone == [drain]


def test_what_was_written_before_a_drain_arrives_before_its_fin(loop, sockets, read_all):
    ours, theirs = sockets.tcp_pair()
    ours.sendall(b"the last words")
    drain = Drain(loop, ours, lambda _: None)
    assert read_all(theirs) == (b"the last words", "FIN")
    drain.close()


def test_a_drain_that_is_closed_reads_no_more_and_says_nothing(fake_loop, sockets):
    ours, theirs = sockets.tcp_pair()
    watched = {}
    fake_loop.watch, fake_loop.forget = watched.__setitem__, watched.pop
    gone = []
    drain = Drain(fake_loop, ours, gone.append)
    theirs.close()
    drain.close()
    fake_loop.run_ready()
    assert (gone, watched, ours.fileno()) == ([], {}, -1)


def test_one_that_pours_into_a_drain_does_not_keep_the_others_waiting(fake_loop, sockets):
    ours, theirs = sockets.pair()  # what is sent is there at once
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 19)
    fake_loop.watch = fake_loop.forget = lambda *_: None
    Drain(fake_loop, ours, lambda _: None)
    theirs.setblocking(False)
    rounds = 0
    for _ in range(20):
        with contextlib.suppress(BlockingIOError):
            while True:
                theirs.send(bytes(65536))
        fake_loop.run_ready()
        rounds += bool(fake_loop.ready)
    assert rounds >= 10, "it asks for another turn while there is more"


def test_drains_are_closed_when_the_link_is(world, send_rst):
    peers = world.pair()
    send_rst(peers.client)
    send_rst(peers.server)
    world.spin(lambda: len(world.tap._drains) == 2)
    drains = list(world.tap._drains)
    world.tap.close()
    assert [drain._sock.fileno() for drain in drains] == [-1, -1]
    assert world.loop._handlers == {}
    assert peers.near.fileno() >= 0, "although the other proxy has not hung up"


def test_a_stranger_is_drained_too(world):
    world.pair()
    stranger = world.come_back()
    assert world.ends_with(stranger) == "FIN"
    pour(world, stranger, BIG)
    stranger.close()
    world.spin(lambda: not world.tap._drains)


@pytest.mark.parametrize("seen_at", ["near", "far"])
@pytest.mark.parametrize("answers", [True, False])
def test_a_limit_is_why_another_proxy_hangs_up_before_any_peer_does(world, seen_at, answers):
    pair = world.pair()
    world.tap.start(fault("limit"))
    getattr(pair, seen_at).shutdown(socket.SHUT_WR)
    peer = pair.client if seen_at == "near" else pair.server
    assert world.ends_with(peer) == "FIN"
    if answers:
        peer.close()
    for sock in (pair.near, pair.far):
        sock.close()
    for sock in (pair.client, pair.server):
        sock.close()
    world.spin(lambda: world.said("close"))
    assert world.said("close") == [(1, "fault", "FIN", "limit")]


def test_a_peer_that_hangs_up_first_is_why_although_there_is_a_limit(world):
    pair = world.pair()
    world.tap.start(fault("limit"))
    pair.server.close()
    assert world.ends_with(pair.far) == "FIN"
    pair.near.close()
    pair.far.close()
    assert world.ends_with(pair.client) == "FIN"
    pair.client.close()
    world.spin(lambda: world.said("close"))
    assert world.said("close") == [(1, "server", "FIN", "")]
