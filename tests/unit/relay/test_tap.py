"""The tap: who belongs to whom, and what a cut does to them."""

from __future__ import annotations

import errno
import socket

import pytest
from tests.unit.relay.tapped import BACKGROUND, fault

from pytest_netchaos.relay import tap as module

# The way through


def test_a_connection_goes_through_the_other_proxy_and_is_told_like_any_other(world):
    peers = world.pair()
    assert world.sends(peers.client, peers.near, b"up") == b"up"
    assert world.sends(peers.far, peers.server, b"UP") == b"UP"
    assert world.sends(peers.server, peers.far, b"down") == b"down"
    assert world.sends(peers.near, peers.client, b"DOWN!") == b"DOWN!"
    assert [event[0] for event in world.events] == ["dial", "open"]
    assert world.said("dial") == [(1, "{}:{}".format(*peers.client.getsockname()))]
    assert world.said("open") == [(1, 1)]


def test_bytes_are_counted_where_they_are_delivered(world):
    peers = world.pair()
    world.sends(peers.client, peers.near, b"four")
    world.sends(peers.near, peers.client, b"eight by")
    world.tap.count_all()
    assert world.events[-1] == ("count", 5, 1, 0, 8, 0, 0)
    world.sends(peers.far, peers.server, b"12")
    world.tap.count_all()
    assert world.events[-1] == ("count", 5, 1, 2, 8, 0, 0)
    told = len(world.events)
    world.tap.count_all()
    assert len(world.events) == told


def test_what_the_client_sends_before_there_is_a_server_is_not_lost(world):
    client = world.dial()
    client.sendall(b"early")
    near = world.taken()
    assert world.receives(near, 5) == b"early"
    far = world.come_back()
    world.spin(lambda: world.said("open"))
    server = world.serve()
    assert world.sends(far, server, b"early") == b"early"


# One at a time


def test_one_dial_is_under_way_at_a_time(world):
    clients = [world.dial() for _ in range(3)]
    for number, client in enumerate(clients, 1):
        near = world.taken()
        world.other.setblocking(False)
        with pytest.raises(BlockingIOError):
            world.other.accept()
        world.other.settimeout(10.0)
        far = world.come_back()
        world.spin(lambda number=number: len(world.said("open")) == number)
        server = world.serve()
        word = f"client {number}".encode()
        assert world.sends(client, near, word) == word
        assert world.sends(far, server, word) == word
        assert world.tap.connections[number].totals()[0] == len(word), "the halves belong together"
    assert world.said("open") == [(1, 1), (2, 2), (3, 3)]


def test_who_comes_back_although_nobody_is_under_way_is_hung_up_on(world):
    world.pair()
    stranger = world.come_back()
    assert world.ends_with(stranger) == "FIN"
    world.server.setblocking(False)
    with pytest.raises(BlockingIOError):
        world.server.accept()


def test_a_client_that_has_hung_up_before_its_turn_is_passed_over(world, send_rst):
    first, second, third = (world.dial() for _ in range(3))
    world.tap.connections[2].reset("client", "")
    world.taken()
    world.come_back()
    world.spin(lambda: world.said("open"))
    world.taken()
    world.come_back()
    world.spin(lambda: len(world.said("open")) == 2)
    assert world.said("open") == [(1, 1), (3, 2)]
    assert [sock.fileno() >= 0 for sock in (first, second, third)] == [True] * 3


def test_descriptors_that_run_out_are_waited_for(world, monkeypatch):
    accept, failures = module.sockets.accept, [OSError(errno.EMFILE, "Too many open files")]

    def scarce(listener):
        if listener is world.tap._inner and failures:
            raise failures.pop()
        return accept(listener)

    monkeypatch.setattr(module.sockets, "accept", scarce)
    world.pair()
    assert failures == []


# Cuts


def test_a_cut_ends_the_live_ones_at_both_ends(world, read_all):
    peers = world.pair()
    world.tap.start(fault("cut"))
    assert world.said("on") == [(1, 1, "1")]
    assert world.said("close") == [(1, "fault", "RST", "cut")]
    assert read_all(peers.client) == read_all(peers.server) == (b"", "RST")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(world.address, 10.0)


def test_a_cut_forgets_who_is_under_way_and_who_waits_for_his_turn(world, read_all):
    clients = [world.dial() for _ in range(3)]
    near = world.taken()
    cut = fault("cut")
    world.tap.start(cut)
    assert world.said("refused") == [(1, "cut"), (2, "cut"), (3, "cut")]
    assert [read_all(client) for client in clients] == [(b"", "RST")] * 3
    assert read_all(near) == (b"", "FIN"), "the other proxy must not meet an error"
    assert world.tap._patience is None


def test_who_comes_back_after_a_cut_is_nobodys_other_half(world, read_all):
    world.dial()
    world.taken()
    cut = fault("cut")
    world.tap.start(cut)
    stale = world.come_back()
    world.tap.end(cut)
    assert read_all(stale) == (b"", "FIN")
    peers = world.pair()
    assert world.sends(peers.far, peers.server, b"new") == b"new"
    assert world.said("open") == [(2, 1)]


# Background


def test_the_background_goes_through_and_is_told_to_nobody(world, read_all):
    peers = world.pair(BACKGROUND)
    assert world.sends(peers.client, peers.near, b"x") == b"x"
    assert world.sends(peers.far, peers.server, b"x") == b"x"
    world.tap.count_all()
    assert world.events == []
    world.tap.start(fault("cut"))
    assert [event[0] for event in world.events] == ["on"]
    assert world.said("on") == [(1, 1, "")]
    assert read_all(peers.client) == (b"", "RST")


def test_clients_and_background_take_turns(world):
    ours, theirs = world.dial(), world.dial(BACKGROUND)
    for count in (1, 2):
        world.taken()
        world.come_back()
        world.spin(lambda count=count: sum(pair.is_open for pair in world.tap._pairs) == count)
        world.serve()
    assert world.said("open") == [(1, 1)]
    assert [sock.fileno() >= 0 for sock in (ours, theirs)] == [True] * 2
