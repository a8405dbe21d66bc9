"""A link without a fault is a wire: bytes, FIN and RST pass as they are, in each direction on its own."""

from __future__ import annotations

import hashlib
import socket
import threading

import pytest
from tests.conformance.peers import all_closed


def test_bytes_pass_both_ways(world):
    client, server = world.pair()
    client.send(b"ping")
    assert server.receives(b"ping")
    server.send(b"pong")
    assert client.receives(b"pong")


@pytest.mark.parametrize("towards", ["server", "client"])
def test_many_bytes_arrive_whole_and_in_order(world, pattern, towards):
    client, server = world.pair()
    sender, receiver = (client, server) if towards == "server" else (server, client)
    data = pattern(32 << 20)
    thread = threading.Thread(target=sender.send, args=(data,))
    thread.start()
    received = receiver.read(len(data))
    thread.join()
    assert hashlib.sha256(received).digest() == hashlib.sha256(data).digest()


def test_both_directions_at_full_speed_do_not_block_each_other(world, pattern):
    client, server = world.pair()
    up, down = pattern(8 << 20), pattern(8 << 20)
    threads = [threading.Thread(target=client.send, args=(up,)), threading.Thread(target=server.send, args=(down,))]
    got: dict[str, bytes] = {}
    threads += [
        threading.Thread(target=lambda: got.update(up=server.read(len(up)))),
        threading.Thread(target=lambda: got.update(down=client.read(len(down)))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got["up"] == up, got["down"] == down) == (True, True)


def test_a_slow_reader_holds_nobody_else_up(world, pattern):
    slow, slow_server = world.pair()
    data = pattern(16 << 20)
    thread = threading.Thread(target=slow_server.send, args=(data,))
    thread.start()
    client, server = world.pair()
    for number in range(200):
        client.send(b"%4d" % number)
        assert server.receives(b"%4d" % number)
    assert slow.read(len(data)) == data
    thread.join()


@pytest.mark.unlike_toxiproxy("a FIN in one direction ends both")
def test_a_half_close_keeps_the_other_direction_open(world):
    client, server = world.pair()
    client.send(b"request")
    client.finish()
    assert server.receives(b"request")
    assert server.ends_with() == "FIN"
    server.send(b"reply")
    server.finish()
    assert client.receives(b"reply")
    assert client.ends_with() == "FIN"


@pytest.mark.unlike_toxiproxy("it passes an RST on as a FIN")
@pytest.mark.parametrize("who", ["client", "server"])
def test_an_rst_arrives_as_an_rst(world, who):
    client, server = world.pair()
    leaver, other = (client, server) if who == "client" else (server, client)
    leaver.reset()
    assert other.ends_with() == "RST"
    closed = world.link.wait_for(all_closed).connections[0]
    assert (closed.closed_by, closed.close_how) == (who, "RST")


def test_bytes_sent_before_a_close_arrive_before_the_fin(world, pattern):
    client, server = world.pair()
    data = pattern(300_000)
    client.send(data)
    client.close()
    assert server.read(len(data)) == data
    assert server.ends_with() == "FIN"


def test_an_upstream_that_does_not_listen_refuses_the_dial(world):
    world.listener.close()
    with pytest.raises(ConnectionResetError):  # in connect() or after it, as it happens
        world.dial().sock.recv(1)
    dial = world.link.wait_for(lambda history: any(history.dials.refused)).dials[0]
    assert dial.outcome == "refused"
    assert dial.reason == f"upstream {world.link.upstream}: ECONNREFUSED"
    assert world.link.connections == ()


def test_an_upstream_may_come_later(netchaos):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        link = netchaos.link(listener.getsockname())
        with pytest.raises(ConnectionResetError), socket.create_connection(link.address) as early:
            early.recv(1)
        listener.listen()
        with socket.create_connection(link.address) as late, listener.accept()[0] as server:
            server.sendall(b"welcome")
            assert late.recv(7) == b"welcome"
        assert [dial.outcome for dial in link.dials] == ["refused", "served"]


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET6, ("::1", 0)), (socket.AF_UNIX, None)],
    ids=["ipv6", "unix"],
)
def test_upstreams_of_every_family_are_reached(worlds, tmp_path, family, address):
    world = worlds(family, address or str(tmp_path / "server.sock"))
    client, server = world.pair()
    client.send(b"hello")
    assert server.receives(b"hello")


def test_a_link_can_listen_on_ipv6(worlds):
    world = worlds(host="::1")
    assert world.link.host == "::1"
    client, server = world.pair()
    client.send(b"hello")
    assert server.receives(b"hello")


def test_a_host_name_with_several_addresses_reaches_the_one_that_listens(netchaos):
    # "localhost" is ::1 and 127.0.0.1 on most machines: whichever listens is found
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = netchaos.link(f"localhost:{listener.getsockname()[1]}")
        with socket.create_connection(link.address) as client, listener.accept()[0] as server:
            client.sendall(b"hello")
            assert server.recv(5) == b"hello"


@pytest.mark.unlike_toxiproxy("a FIN in one direction ends both, so it depends on who is first", run=False)
@pytest.mark.parametrize("who", ["client", "server"])
def test_who_writes_to_a_peer_that_has_closed_gets_an_rst(world, who):
    client, server = world.pair()
    leaver, writer = (client, server) if who == "client" else (server, client)
    leaver.close()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        for _ in range(1000):  # far more than all the buffers on the way hold
            writer.send(bytes(1 << 16))
    closed = world.link.wait_for(all_closed).connections[0]
    assert (closed.closed_by, closed.close_how) == (who, "RST")


def test_an_ipv6_address_is_understood_as_its_socket_gives_it(worlds, netchaos):
    world = worlds(socket.AF_INET6, ("::1", 0))
    link = netchaos.link(world.listener.getsockname(), name="as given")
    client, server = world.dial(link), world.accept()
    client.send(b"hello")
    assert server.receives(b"hello")
