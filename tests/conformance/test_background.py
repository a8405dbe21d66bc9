"""Peers that are no clients: served and hit like any other, and not logged."""

from __future__ import annotations

import socket

import pytest
from tests.conformance.peers import Peer, silent

BACKGROUND = "127.0.0.2"


@pytest.fixture
def world(worlds):
    return worlds(background=[BACKGROUND])


@pytest.fixture
def background(world):
    """Dial the link from a host that isn't a client's."""

    def dial():
        sock = socket.socket()
        world.peers.append(Peer(sock))
        sock.bind((BACKGROUND, 0))
        sock.connect(world.link.address)
        return world.peers[-1]

    return dial


def test_it_is_served_and_not_logged(world, background):
    peer = background()
    server = world.accept()
    peer.send(b"ping")
    assert server.receives(b"ping")
    server.send(b"pong")
    assert peer.receives(b"pong")
    assert (len(world.link.dials), world.link.connections) == (0, ())


def test_a_cut_meets_it_and_is_said_to_have_met_clients_only(world, background):
    peer = background()
    world.accept()
    client, _ = world.pair()
    with world.link.cut() as cut:
        assert (peer.ends_with(), client.ends_with()) == ("RST", "RST")
        with pytest.raises(ConnectionRefusedError):
            background()
        world.dial_fails_with()
        assert cut.hits == (1,)
    background()
    world.accept()
    world.pair()
    assert [(dial.number, dial.outcome) for dial in world.link.dials] == [(1, "served"), (2, "refused"), (3, "served")]
    assert [connection.number for connection in world.link.connections] == [1, 2]


def test_a_stall_holds_it_back(world, background):
    peer = background()
    server = world.accept()
    with world.link.stall():
        peer.send(b"late")
        assert server.sees() == "silence"
    assert server.receives(b"late")


@pytest.mark.beyond_toxiproxy
def test_toxicity_hits_the_same_clients_whoever_else_is_there(world, background):
    background()
    world.accept()
    peers = [world.pair()[0] for _ in range(8)]
    hits = world.link.reset(toxicity=0.5).hits
    assert 0 < len(hits) < len(peers)
    spared = silent(peers, len(peers) - len(hits))
    assert [number for number, peer in enumerate(peers, 1) if peer not in spared] == list(hits)
    assert {peers[number - 1].ends_with() for number in hits} == {"RST"}


def test_it_does_not_outlive_the_link(world, background):
    peer = background()
    world.accept()
    world.network.close()
    assert peer.ends_with() == "FIN"
    with pytest.raises(ConnectionRefusedError):
        background()
