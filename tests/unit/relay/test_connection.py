from __future__ import annotations

import contextlib
import socket

import pytest
from tests.loopback import await_arrival

from pytest_netchaos.relay.flow import DROP, HOLD, OPEN
from pytest_netchaos.relay.stages import Delay
from pytest_netchaos.relay.toxics import Limit

FREE = (OPEN, {})
IPV4 = socket.AF_INET


@pytest.fixture
def closed_port(sockets):
    with socket.socket() as keeper:
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()


def kinds(made):
    return [event[0] for event in made.watcher.events]


def test_bytes_go_both_ways(talk, spin):
    talk.client.sendall(b"ping")
    spin(lambda: talk.connection.up.carried == 4)
    assert talk.server.recv(9) == b"ping"
    talk.server.sendall(b"pong!")
    spin(lambda: talk.connection.down.carried == 5)
    assert talk.client.recv(9) == b"pong!"
    assert talk.watcher.events == [("opened",)]


def test_bytes_that_came_before_the_upstream_accepted_are_carried(dial, spin, sockets):
    made = dial()
    made.client.sendall(b"early")
    made.connection.go_on()
    spin(lambda: made.connection.up.carried == 5)
    assert sockets.keep(made.listener.accept()[0]).recv(9) == b"early"


@pytest.mark.parametrize("first", ["client", "server"])
def test_a_half_closed_connection_carries_the_other_direction(talk, spin, read_all, first):
    one, other = (talk.client, talk.server) if first == "client" else (talk.server, talk.client)
    one.sendall(b"last words")
    one.shutdown(socket.SHUT_WR)
    flow = talk.connection.up if first == "client" else talk.connection.down
    spin(lambda: flow.over)
    assert read_all(other) == (b"last words", "FIN")
    assert not talk.connection.is_over
    other.sendall(b"answer")
    other.close()
    spin(lambda: talk.connection.is_over)
    assert read_all(one) == (b"answer", "FIN")
    assert talk.watcher.events == [("opened",), ("hung up", first), ("ended", first, "FIN", "")]


@pytest.mark.parametrize("first", ["client", "server"])
def test_an_rst_reaches_the_other_side_as_one(talk, spin, read_all, send_rst, first):
    one, other = (talk.client, talk.server) if first == "client" else (talk.server, talk.client)
    send_rst(one)
    spin(lambda: talk.connection.is_over)
    assert read_all(other) == (b"", "RST")
    assert talk.watcher.events[-1] == ("ended", first, "RST", "")
    assert kinds(talk).count("ended") == 1


def test_reset_sends_an_rst_to_both_sides(talk, read_all):
    talk.connection.reset("fault", "cut")
    assert read_all(talk.client) == (b"", "RST")
    assert read_all(talk.server) == (b"", "RST")
    assert talk.watcher.events == [("opened",), ("ended", "fault", "RST", "cut")]
    talk.connection.reset("fault", "again")
    assert kinds(talk).count("ended") == 1


def test_close_sends_what_has_arrived_and_then_a_fin_to_both_sides(talk, spin, read_all):
    talk.client.sendall(b"to the server")
    talk.server.sendall(b"to the client")
    await_arrival(talk.client)
    await_arrival(talk.server)
    talk.connection.close("fault", "close")
    spin(lambda: talk.connection.is_over)
    assert read_all(talk.client) == (b"to the client", "FIN")
    assert read_all(talk.server) == (b"to the server", "FIN")
    assert talk.watcher.events[-1] == ("ended", "fault", "FIN", "close")
    talk.client.close()
    talk.server.close()
    spin(lambda: talk.connection.client.sock is None)


def test_a_link_that_goes_abandons_its_connections_with_a_fin(talk, read_all):
    talk.connection.abandon("the link was closed")
    assert read_all(talk.client) == (b"", "FIN")
    assert read_all(talk.server) == (b"", "FIN")
    assert talk.watcher.events[-1] == ("ended", "link", "FIN", "the link was closed")


def test_an_upstream_that_refuses_is_reported_and_the_client_gets_an_rst(dial, spin, read_all, closed_port):
    made = dial([(IPV4, closed_port)])
    made.connection.go_on()
    spin(lambda: made.watcher.events)
    assert made.watcher.events == [("unreachable", f"upstream 127.0.0.1:{closed_port[1]}: ECONNREFUSED")]
    assert read_all(made.client) == (b"", "RST")
    assert made.connection.is_over


def test_an_upstream_without_addresses_is_reported(dial):
    made = dial([])
    made.connection.go_on()
    assert made.watcher.events == [("unreachable", "no address")]


def test_the_next_address_is_tried(dial, spin, sockets, closed_port):
    listener = sockets.listener()
    made = dial([(socket.AF_UNIX, "/nowhere/at/all"), (IPV4, closed_port), (IPV4, listener.getsockname())])
    made.connection.go_on()
    spin(lambda: made.connection.is_open)
    sockets.keep(listener.accept()[0])
    assert made.watcher.events == [("opened",)]


def test_a_stalled_connection_dials_when_the_stall_is_over(dial, spin, sockets):
    made = dial()
    made.listener.settimeout(0)
    made.client.sendall(b"patience")
    made.connection.set((HOLD, {}), (HOLD, {}))
    rounds = []
    spin(lambda: rounds.append(1) or len(rounds) > 10)
    with pytest.raises(BlockingIOError):
        made.listener.accept()
    made.connection.set(FREE, FREE)
    spin(lambda: made.connection.up.carried == 8)
    made.listener.settimeout(10)
    assert sockets.keep(made.listener.accept()[0]).recv(9) == b"patience"


def test_a_client_that_gives_up_in_a_stall_is_noted_at_once(talk, spin):
    talk.connection.set((HOLD, {}), (HOLD, {}))
    talk.client.close()
    spin(lambda: len(talk.watcher.events) > 1)
    assert talk.watcher.events[1:] == [("hung up", "client")]
    assert not talk.connection.is_over
    talk.server.close()
    talk.connection.set(FREE, FREE)
    spin(lambda: talk.connection.is_over)


@pytest.mark.parametrize("gate", [HOLD, DROP])
@pytest.mark.parametrize("first", ["client", "server"])
def test_both_sides_are_heard_where_neither_knows_of_the_others_end(talk, spin, gate, first):
    one, other = (talk.client, talk.server) if first == "client" else (talk.server, talk.client)
    second = "server" if first == "client" else "client"
    talk.connection.set((gate, {}), (gate, {}))
    one.close()
    spin(lambda: len(talk.watcher.events) > 1)
    other.close()
    spin(lambda: len(talk.watcher.events) > 2)
    assert talk.watcher.events[1:] == [("hung up", first), ("hung up", second)]
    assert (talk.connection.was_told("client"), talk.connection.was_told("server")) == (False, False)


def test_who_was_sent_an_end_was_told(talk, spin):
    talk.client.shutdown(socket.SHUT_WR)
    spin(lambda: talk.connection.up.over)
    assert (talk.connection.was_told("client"), talk.connection.was_told("server")) == (False, True)


@pytest.mark.parametrize("gates", [((DROP, {}), FREE), (FREE, (DROP, {})), ((DROP, {}), (DROP, {}))])
def test_a_black_hole_that_took_nothing_leaves_the_connection_alone(talk, spin, gates):
    talk.connection.set(*gates)
    talk.connection.set(FREE, FREE)
    talk.client.sendall(b"still here")
    spin(lambda: talk.connection.up.carried == 10)
    assert talk.watcher.events == [("opened",)]


@pytest.mark.parametrize(
    ("what", "reason"), [(b"lost", "blackhole took 4 bytes"), (b"", "blackhole took the end of the stream")]
)
def test_a_connection_with_a_hole_is_reset_and_never_spliced(talk, spin, read_all, what, reason):
    talk.connection.set((DROP, {}), FREE)
    talk.client.sendall(what)
    if not what:
        talk.client.shutdown(socket.SHUT_WR)
    spin(lambda: talk.connection.up.has_hole)
    talk.connection.set(FREE, FREE)
    assert talk.watcher.events[-1] == ("ended", "fault", "RST", reason)
    assert read_all(talk.client) == (b"", "RST")
    assert read_all(talk.server) == (b"", "RST")


def test_a_direction_with_a_hole_is_never_spliced_while_the_other_one_still_drops(talk, spin):
    talk.connection.set((DROP, {}), (DROP, {}))
    talk.client.sendall(b"lost")
    spin(lambda: talk.connection.up.lost == 4)
    talk.connection.set(FREE, (DROP, {}))
    if not talk.connection.is_over:
        talk.client.sendall(b"after the hole")
        spin(lambda: talk.connection.up.carried or talk.connection.is_over)
    assert talk.connection.up.carried == 0


@pytest.fixture
def busy_address(sockets):
    """Where a connect goes on for as long as we like: a listener with a full backlog."""
    listener = sockets.listener()
    listener.listen(0)
    for _ in range(3):
        sock = sockets.keep(socket.socket())
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
    return listener.getsockname()


def test_an_upstream_may_take_its_time(dial, busy_address):
    made = dial([(IPV4, busy_address)])
    made.connection.go_on()
    assert made.watcher.events == []
    assert not made.connection.is_over


def test_a_dial_that_goes_on_is_given_up_when_the_connection_is(dial, busy_address, read_all):
    made = dial([(IPV4, busy_address)])
    made.connection.go_on()
    dialling = made.connection._connecting
    made.connection.abandon("the proxy was disabled")
    assert (dialling.fileno(), made.connection._connecting) == (-1, None)
    assert read_all(made.client) == (b"", "FIN")
    assert made.watcher.events == [("ended", "link", "FIN", "the proxy was disabled")]


def test_one_direction_may_heal_while_the_other_one_goes_on_dropping(talk, spin):
    talk.connection.set((DROP, {}), (DROP, {}))
    talk.client.sendall(b"lost")
    spin(lambda: talk.connection.up.lost == 4)
    talk.connection.set((DROP, {}), FREE)
    talk.server.sendall(b"hello")
    spin(lambda: talk.connection.down.carried == 5)
    assert talk.client.recv(9) == b"hello"
    assert talk.watcher.events == [("opened",)]


def test_what_black_holes_took_in_both_directions_is_told(talk, spin):
    talk.connection.set((DROP, {}), (DROP, {}))
    talk.client.sendall(b"lost")
    talk.server.sendall(b"too")
    spin(lambda: (talk.connection.up.lost, talk.connection.down.lost) == (4, 3))
    talk.connection.set(FREE, FREE)
    assert talk.watcher.events[-1] == ("ended", "fault", "RST", "blackhole took 7 bytes")


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_peer_that_reads_slowly_gets_everything(talk, spin, side):
    writer, reader = (talk.client, talk.server) if side == "server" else (talk.server, talk.client)
    flow = talk.connection.up if side == "server" else talk.connection.down
    for sock in (writer, reader):
        sock.setblocking(False)
    data = bytes(range(256)) * 80_000  # 20 MB: more than all buffers on the way hold
    sent, got, was_full = 0, bytearray(), False

    def step():
        nonlocal sent, was_full
        try:
            sent += writer.send(data[sent : sent + 1_000_000]) if sent < len(data) else 0
        except BlockingIOError:
            was_full = was_full or not flow.target.writable
        if was_full or sent == len(data):
            with contextlib.suppress(BlockingIOError):
                got.extend(reader.recv(1_000_000))
        return len(got) == len(data)

    spin(step)
    assert was_full
    assert got == data


def limit_down(count):
    return lambda talk: talk.connection.set(FREE, (OPEN, {1: lambda: Limit(count)}))


@pytest.mark.parametrize(
    ("end", "why"),
    [(lambda talk: talk.connection.close("fault", "close"), "close"), (limit_down(5), "limit")],
    ids=["close", "limit"],
)
def test_what_a_peer_sent_before_its_fin_arrives_although_a_fault_closes_while_the_other_still_sends(
    talk, spin, read_all, end, why
):
    sent = bytes(300_000)
    for sock in (talk.server, talk.client):
        sock.setblocking(False)
    left = sent

    def send():
        nonlocal left
        with contextlib.suppress(BlockingIOError):
            left = left[talk.client.send(left) :]
        return not left

    spin(send)
    talk.client.shutdown(socket.SHUT_WR)
    spin(lambda: talk.connection.up.over)
    talk.server.send(b"more than five")
    end(talk)
    got = []

    def read():
        with contextlib.suppress(BlockingIOError, OSError):
            talk.server.send(b"still talking")
        with contextlib.suppress(BlockingIOError):
            got.append(talk.server.recv(65536))
        return got and not got[-1]

    spin(read)
    assert b"".join(got) == sent
    spin(lambda: talk.connection.is_over)
    assert talk.watcher.events[-1] == ("ended", "fault", "FIN", why)


def test_a_peer_that_has_gone_is_found_by_a_write_although_nobody_tells_who_reads(talk, spin, send_rst, read_all):
    send_rst(talk.client)
    talk.connection.down._break()  # as a write would that comes before any event
    spin(lambda: talk.connection.is_over)
    assert talk.watcher.events[-1] == ("ended", "client", "RST", "")
    assert read_all(talk.server) == (b"", "RST")


def test_a_limit_that_is_healed_does_not_let_bytes_through_that_came_after_it(talk, spin, read_all):
    talk.connection.set((OPEN, {1: lambda: Limit(3), 2: lambda: Delay(0.05, 0, None)}), FREE)
    talk.client.sendall(b"abcdef")
    spin(lambda: talk.connection.up.chain.lost == 3)
    talk.connection.set((OPEN, {2: lambda: Delay(0.05, 0, None)}), FREE)
    talk.client.sendall(b"ghi")
    spin(lambda: talk.connection.is_over)
    assert read_all(talk.server) == (b"abc", "FIN")
    assert talk.connection.totals() == (3, 0, 3, 0)
    assert talk.connection.received() == (6, 0), "the rest was never taken"
