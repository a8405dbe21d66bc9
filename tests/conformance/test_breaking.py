"""Cut, reset, close and refuse: what live and new connections see, at both ends."""

from __future__ import annotations

import socket
import threading

import pytest
from tests.conformance.peers import silent


def test_cut_resets_live_connections_at_both_ends_and_refuses_new_ones(world):
    client, server = world.pair()
    client.send(b"x")
    assert server.receives(b"x")
    with world.link.cut():
        assert (client.ends_with(), server.ends_with()) == ("RST", "RST")
        assert world.dial_fails_with() == "ECONNREFUSED"


def test_cut_resets_idle_connections_too(world):
    pairs = [world.pair() for _ in range(5)]
    fault = world.link.cut()
    assert [(c.ends_with(), s.ends_with()) for c, s in pairs] == [("RST", "RST")] * 5
    assert fault.hits == (1, 2, 3, 4, 5)


def test_after_a_cut_the_same_port_serves_again(world):
    port = world.link.port
    world.link.cut().heal()
    client, server = world.pair()
    client.send(b"back")
    assert server.receives(b"back")
    assert world.link.port == port


def test_cut_is_in_force_when_it_returns(world):
    for _ in range(20):
        client, _ = world.pair()
        with world.link.cut():
            assert world.dial_fails_with() == "ECONNREFUSED"
            assert client.ends_with() == "RST"


def test_cut_catches_a_connection_that_the_upstream_has_not_accepted_yet(world):
    client = world.dial()
    world.link.cut()
    assert client.ends_with() == "RST"


@pytest.mark.beyond_toxiproxy
def test_reset_resets_live_connections_and_serves_new_ones(world):
    client, server = world.pair()
    fault = world.link.reset()
    assert (client.ends_with(), server.ends_with()) == ("RST", "RST")
    assert fault.hits == (1,)
    client, server = world.pair()
    client.send(b"x")
    assert server.receives(b"x")
    assert (client.sees(), server.sees()) == ("silence", "silence")


@pytest.mark.beyond_toxiproxy
def test_reset_hits_a_share_of_the_connections(world):
    pairs = [world.pair() for _ in range(30)]
    fault = world.link.reset(toxicity=0.5)
    clients = [client for client, _ in pairs]
    spared = silent(clients, len(clients) - len(fault.hits))
    assert {clients.index(client) + 1 for client in spared} == set(range(1, 31)) - set(fault.hits)
    assert 1 <= len(spared) <= 29


@pytest.mark.beyond_toxiproxy
def test_close_delivers_what_was_sent_and_then_a_fin(world):
    client, server = world.pair()
    client.hand_over(b"last words")
    server.hand_over(b"last reply")
    world.link.close()
    assert server.receives(b"last words")
    assert client.receives(b"last reply")
    assert (client.ends_with(), server.ends_with()) == ("FIN", "FIN")
    client, server = world.pair()
    client.send(b"x")
    assert server.receives(b"x")


@pytest.mark.beyond_toxiproxy(run=False)  # it has a thread that waits for the end
def test_close_ends_a_connection_whose_sender_does_not_stop(world):
    client, server = world.pair()

    def send_on() -> None:
        with pytest.raises(OSError, match=r"reset|pipe"):
            while True:
                client.sock.sendall(bytes(65536))

    thread = threading.Thread(target=send_on)
    thread.start()
    assert len(server.read(1 << 20)) == 1 << 20
    world.link.close()
    while server.sock.recv(1 << 20):  # to the FIN: an RST would raise
        pass
    server.close()
    thread.join()


@pytest.mark.beyond_toxiproxy
def test_close_does_not_destroy_bytes_that_the_peer_has_not_read(world, pattern):
    client, server = world.pair()
    data = pattern(100_000)
    server.hand_over(data)
    client.send(b"unread by the server")
    world.link.close()
    assert client.read(len(data)) == data
    assert client.ends_with() == "FIN"


@pytest.mark.beyond_toxiproxy
def test_refuse_leaves_live_connections_alone(world):
    client, server = world.pair()
    with world.link.refuse():
        assert world.dial_fails_with() == "ECONNREFUSED"
        client.send(b"still here")
        assert server.receives(b"still here")
    assert world.dial_fails_with() == ""


@pytest.mark.parametrize("verb", ["cut", pytest.param("refuse", marks=pytest.mark.beyond_toxiproxy)])
def test_refused_dials_are_logged_with_their_reason(world, verb):
    world.pair()
    getattr(world.link, verb)()
    assert [world.dial_fails_with() for _ in range(3)] == ["ECONNREFUSED"] * 3
    assert world.link.wait_for_dial(4).number == 4
    dials = world.link.dials
    assert [dial.outcome for dial in dials] == ["served", "refused", "refused", "refused"]
    assert {dial.reason for dial in dials.refused} == {verb}


def test_while_a_port_is_refusing_nobody_else_can_take_it(world):
    world.link.cut()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(world.link.address)
