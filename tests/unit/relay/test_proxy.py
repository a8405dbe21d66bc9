from __future__ import annotations

import contextlib
import errno
import select
import socket
from time import monotonic

import pytest
from tests.loopback import await_arrival
from tests.unit.relay.proxied import BACKGROUND, assemble, dialler, fault, said, take_down

from pytest_netchaos.relay import proxy as module
from pytest_netchaos.relay.fault import DOWN, UP


@pytest.fixture
def made(loop, sockets, reserve):
    made = assemble(loop, sockets, reserve)
    yield made
    take_down(made)


@pytest.fixture
def dial(made, sockets, spin):
    return dialler(made, sockets, spin)


def is_refused(made):
    try:
        socket.create_connection(made.address, 10.0).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_dial_is_told_and_then_its_connection(made, dial):
    client = dial()
    peer = "{}:{}".format(*client.getsockname())
    assert [event[0] for event in made.events] == ["dial", "open"]
    assert {event[2] for event in made.events} == {5}
    assert said(made, "dial") == [(1, peer)]
    assert said(made, "open") == [(1, 1)]


def test_the_end_of_a_connection_is_told_with_what_it_carried(made, dial, spin):
    client = dial()
    client.sendall(b"hello")
    connection = made.proxy.connections[1]
    spin(lambda: connection.up.carried == 5)
    made.proxy.count_all()
    assert made.events[-1] == ("count", 5, 1, 5, 0, 0, 0)
    made.proxy.start(fault("reset"))
    assert said(made, "close") == [(1, "fault", "RST", "reset")]
    assert made.events[-3] == ("count", 5, 1, 5, 0, 0, 0)
    assert made.proxy.connections == {}


def test_counts_are_told_where_they_are_news(made, dial, spin):
    clients = [dial() for _ in range(3)]
    clients[1].sendall(b"hello")
    spin(lambda: made.proxy.connections[2].up.carried == 5)
    told = len(made.events)
    made.proxy.count_all()
    made.proxy.count_all()
    assert made.events[told:] == [("count", 5, 2, 5, 0, 0, 0)]


def test_a_cut_resets_who_is_there_and_refuses_who_comes(made, dial, read_all, spin):
    clients = [dial() for _ in range(3)]
    cut = fault("cut")
    made.proxy.start(cut)
    assert said(made, "on") == [(1, 1, "1,2,3")]
    assert [read_all(client) for client in clients] == [(b"", "RST")] * 3
    assert is_refused(made)
    made.proxy.end(cut)
    dial()
    assert said(made, "open")[-1] == (4, 4)


def test_a_refusal_leaves_live_connections_alone(made, dial, spin):
    client = dial()
    made.proxy.start(fault("refuse"))
    assert said(made, "on") == [(1, 1, "")]
    assert is_refused(made)
    client.sendall(b"still here")
    spin(lambda: made.proxy.connections[1].up.carried == 10)


def test_the_port_opens_when_the_last_fault_that_closed_it_is_healed(made, dial):
    cut, refuse = fault("cut", 1), fault("refuse", 2)
    made.proxy.start(cut)
    made.proxy.start(refuse)
    made.proxy.end(cut)
    assert is_refused(made)
    made.proxy.end(refuse)
    made.proxy.end(refuse)
    dial()


def test_a_dial_that_meets_a_closed_port_is_told_where_it_is_seen(made):
    made.proxy.start(fault("cut", 1))
    made.proxy.start(fault("refuse", 2))
    made.watch.coming.append("127.0.0.1:9")
    made.watch.catch_up(socket.AF_INET)
    assert said(made, "dial") == [(1, "127.0.0.1:9")]
    assert said(made, "refused") == [(1, "cut and refuse")]
    assert [event[1] for event in made.events if event[0] in ("dial", "refused")] == [1.5, 1.5], "when it arrived"


def arrive(client):
    """Wait until the other side has a byte: then it has the handshake's last packet, too."""
    select.select([], [client], [], 10)
    client.send(b"!")
    await_arrival(client)


def test_a_dial_that_came_when_the_port_opened_is_not_refused(made, sockets, spin):
    cut = fault("cut")
    made.proxy.start(cut)
    with contextlib.ExitStack() as stack:
        early = stack.enter_context(socket.socket())
        early.bind(("127.0.0.1", 0))
        early.setblocking(False)
        looks = iter(range(2))
        real_look = made.watch.catch_up

        def look(family):  # before the port's opening; between that and the acceptance of who came
            if next(looks) == 1:
                with contextlib.suppress(BlockingIOError):
                    early.connect(made.address)
                arrive(early)
                made.watch.coming += ["{}:{}".format(*early.getsockname()), "127.0.0.1:9"]
            real_look(family)

        made.watch.catch_up = look
        made.proxy.end(cut)
        made.watch.catch_up = real_look
        spin(lambda: said(made, "open"))
        sockets.keep(made.server.accept()[0])
    assert said(made, "refused") == [(1, "cut")]
    assert said(made, "dial")[0] == (1, "127.0.0.1:9")
    assert said(made, "open") == [(2, 1)]
    assert made.watch.wanted == {}


def test_a_dial_whose_handshake_goes_on_when_the_port_has_opened_is_not_refused(made):
    """Its SYN has been seen, and there is nobody yet to accept."""
    cut = fault("cut")
    made.proxy.start(cut)
    real_look = made.watch.catch_up

    def look(family):
        has_opened = made.proxy._port._unsorted is not None
        made.watch.coming.append("127.0.0.1:9" if has_opened else "127.0.0.1:8")
        made.watch.at = monotonic()
        real_look(family)

    made.watch.catch_up = look
    made.proxy.end(cut)
    assert said(made, "dial") == [(1, "127.0.0.1:8")], "9 came when the port was open"
    assert said(made, "refused") == [(1, "cut")]


def test_a_fault_with_a_toxicity_meets_those_that_the_seed_says(made, dial):
    clients = [dial() for _ in range(8)]
    each = fault("reset", seed=3, toxicity=0.5)
    hit = [n for n in range(1, 9) if each.hits(n)]
    assert 0 < len(hit) < len(clients)
    made.proxy.start(each)
    assert said(made, "on") == [(1, 1, ",".join(map(str, hit)))]
    assert sorted(made.proxy.connections) == [n for n in range(1, 9) if n not in hit]


@pytest.mark.parametrize("refused", [0, 1, 5])
def test_who_is_hit_does_not_hang_on_how_many_were_refused_before(made, dial, refused):
    cut = fault("cut")
    made.proxy.start(cut)
    made.watch.coming += [f"127.0.0.1:{n}" for n in range(1, 1 + refused)]
    made.proxy.end(cut)
    assert len(said(made, "refused")) == refused
    delay = fault("delay", 2, seed=3, toxicity=0.5, values=(9.0, 0.0))
    reset = fault("reset", 3, seed=3, toxicity=0.5)
    made.proxy.start(delay)
    for _ in range(8):
        dial()
    late = [n for n, connection in enumerate(made.proxy.connections.values(), 1) if connection.up.chain]
    assert late == [n for n in range(1, 9) if delay.hits(n)]
    made.proxy.start(reset)
    assert said(made, "on")[-1] == (3, 1, ",".join(str(n) for n in range(1, 9) if reset.hits(n)))


@pytest.mark.parametrize(
    "direction",
    [
        "both",
        UP,
    ],
)
def test_a_stall_holds_who_is_there_and_who_comes_until_the_end(made, dial, sockets, spin, direction):
    client = dial()
    stall = fault("stall", direction=direction)
    made.proxy.start(stall)
    late = sockets.keep(socket.create_connection(made.address, 10.0))
    client.sendall(b"held")
    spin(lambda: len(said(made, "dial")) == 2)
    rounds = []
    spin(lambda: rounds.append(1) or len(rounds) > 5)
    assert made.proxy.connections[1].up.carried == 0
    assert len(said(made, "open")) == 1
    late.sendall(b"too")
    made.proxy.end(stall)
    spin(lambda: len(said(made, "open")) == 2)
    spin(lambda: [made.proxy.connections[n].up.carried for n in (1, 2)] == [4, 3])
    sockets.keep(made.server.accept()[0])


def test_a_delay_has_a_stage_in_its_direction_on_every_connection(made, dial):
    dial()
    made.proxy.start(fault("delay", direction=DOWN, values=(9.0, 0.0)))
    dial()
    assert [(bool(c.up.chain), bool(c.down.chain)) for c in made.proxy.connections.values()] == [(False, True)] * 2


def test_an_upstream_that_does_not_listen_refuses_the_dial(made, spin, sockets, read_all):
    address = made.server.getsockname()
    made.server.close()
    client = sockets.keep(socket.create_connection(made.address, 10.0))
    spin(lambda: said(made, "refused"))
    assert said(made, "refused") == [(1, f"upstream 127.0.0.1:{address[1]}: ECONNREFUSED")]
    assert read_all(client) == (b"", "RST")
    assert made.proxy.connections == {}


def test_the_cycles_of_a_fault_are_counted(made):
    stall = fault("stall")
    for cycle in (1, 2):
        made.proxy.start(stall)
        assert said(made, "on")[-1] == (1, cycle, "")
        assert stall.on
        made.proxy.end(stall)
        assert not stall.on


def test_a_closed_proxy_hangs_up_and_gives_its_port_back(made, dial, read_all):
    client = dial()
    made.proxy.start(fault("stall"))
    made.proxy.close()
    assert said(made, "close") == [(1, "link", "FIN", "the link was closed")]
    assert read_all(client) == (b"", "FIN")
    assert is_refused(made)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(made.address)


@pytest.fixture
def dial_in_background(made, sockets, spin):
    """Dial from a host that isn't a client's; returns both ends, once the upstream has accepted."""

    def call():
        before = sum(c.is_open for c in made.proxy.connections.values())
        peer = sockets.keep(socket.create_connection(made.address, 10.0, (BACKGROUND, 0)))
        spin(lambda: sum(c.is_open for c in made.proxy.connections.values()) > before)
        return peer, sockets.keep(made.server.accept()[0])

    return call


def test_the_background_is_served_and_not_told(made, dial_in_background, spin):
    peer, server = dial_in_background()
    peer.sendall(b"hello")
    spin(lambda: made.proxy.connections[-1].up.carried == 5)
    assert server.recv(5) == b"hello"
    made.proxy.count_all()
    peer.close()
    server.close()
    spin(lambda: not made.proxy.connections)
    assert made.events == []


def test_the_background_is_hit_by_faults_and_is_no_hit(made, dial, dial_in_background, read_all):
    peer, _ = dial_in_background()
    client = dial()
    made.proxy.start(fault("cut"))
    assert [read_all(each) for each in (client, peer)] == [(b"", "RST")] * 2
    assert said(made, "on") == [(1, 1, "1")]
    made.watch.coming += [f"{BACKGROUND}:9", "127.0.0.1:9"]
    made.watch.catch_up(socket.AF_INET)
    assert said(made, "dial")[1:] == [(2, "127.0.0.1:9")]
    assert said(made, "refused") == [(2, "cut")]


def test_the_background_shifts_no_number(made, dial, dial_in_background):
    dial()
    dial_in_background()
    dial()
    assert said(made, "open") == [(1, 1), (2, 2)]
    assert sorted(made.proxy.connections) == [-1, 1, 2]


def test_the_background_is_under_faults_from_the_start(made, dial_in_background):
    made.proxy.start(fault("delay", values=(9.0, 0.0)))
    dial_in_background()
    (connection,) = made.proxy.connections.values()
    assert connection.up.chain


def test_the_background_is_refused_in_silence_where_nobody_listens(made, spin, sockets, read_all):
    made.server.close()
    peer = sockets.keep(socket.create_connection(made.address, 10.0, (BACKGROUND, 0)))
    spin(lambda: made.proxy._background._dials and not made.proxy.connections)
    assert read_all(peer) == (b"", "RST")
    assert made.events == []


def test_a_closed_proxy_hangs_up_on_the_background_too(made, dial_in_background, read_all):
    peer, _ = dial_in_background()
    made.proxy.close()
    assert read_all(peer) == (b"", "FIN")
    assert made.events == []


FULL = OSError(errno.EMFILE, "Too many open files")


def troubles(made):
    return [event[3] for event in made.events if event[0] == "trouble"]


def test_a_cut_is_in_force_although_nobody_who_is_refused_can_be_seen(made, dial, read_all):
    client = dial()
    made.watch.fails_with = PermissionError(errno.EPERM, "Operation not permitted")
    for _ in range(2):
        cut = fault("cut")
        made.proxy.start(cut)
        assert is_refused(made)
        made.proxy.end(cut)
        made.watch.fails_with = None  # it's not tried again: dials would be told by two
    assert read_all(client) == (b"", "RST")
    assert said(made, "blind") == [("[Errno 1] Operation not permitted",)]
    assert troubles(made) == []
    assert len(said(made, "on")) == 2
    dial()


def test_that_no_descriptor_is_left_to_see_who_is_refused_is_a_trouble(made):
    made.watch.fails_with = FULL
    made.proxy.start(fault("refuse"))
    assert said(made, "on") == [(1, 1, "")]
    assert troubles(made) == ["can't see who is refused: [Errno 24] Too many open files"]


def test_a_proxy_is_closed_although_no_descriptor_is_left(made, dial, read_all):
    client = dial()
    made.watch.fails_with = FULL
    made.proxy.close()
    assert read_all(client) == (b"", "FIN")
    assert is_refused(made)
    assert not made.proxy._port.is_open
    kept = made.proxy._port._keeper._sock
    assert kept is None or kept.fileno() == -1
    assert troubles(made) == []


def test_while_descriptors_are_short_it_says_so_once_and_tries_again_in_one_row(made, monkeypatch, spin, sockets):
    real, tries = module.sockets.accept, []

    def accept(_):
        tries.append(1)
        raise FULL

    monkeypatch.setattr(module.sockets, "accept", accept)
    waiting = [sockets.keep(socket.create_connection(made.address, 10.0)) for _ in range(3)]
    for _ in range(50):
        made.proxy._port.accept()
    pending = [timer for *_, timer in made.proxy._loop._timers if timer.call == made.proxy._port.accept]
    assert len(pending) == 1
    spin(lambda: len(tries) > 52)
    assert troubles(made) == ["can't accept a connection: [Errno 24] Too many open files"]
    monkeypatch.setattr(module.sockets, "accept", real)
    spin(lambda: len(said(made, "open")) == len(waiting))
    for _ in waiting:
        sockets.keep(made.server.accept()[0])
    monkeypatch.setattr(module.sockets, "accept", accept)
    made.proxy._port.accept()
    assert len(troubles(made)) == 2, "another time"


def test_who_waits_to_be_accepted_is_hung_up_on_too(made, sockets, read_all):
    client = sockets.keep(socket.create_connection(made.address, 10.0))
    made.proxy.hang_up()
    assert read_all(client) == (b"", "FIN")
