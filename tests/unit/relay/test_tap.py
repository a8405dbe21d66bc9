"""The tap in this process, with another proxy that does what the test says."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace

import pytest

from pytest_netchaos.relay import tap as module
from pytest_netchaos.relay.fault import Fault
from pytest_netchaos.relay.rhythm import once
from pytest_netchaos.relay.sockets import listen
from pytest_netchaos.relay.tap import Tap

#: What dials from here is no client.
BACKGROUND = "127.0.0.2"
BIG = 8 << 20


class Watch:
    """Sees no SYN."""

    def add(self, *_):
        pass

    def remove(self, *_):
        pass

    def catch_up(self, _):
        pass


class World:
    """A tap, the listeners on both sides of it, and words for what happens."""

    def __init__(self, loop, sockets, spin, upstream=None):
        self.bag, self.spin, self.events = sockets, spin, []
        self.server, self.other, inner = (sockets.listener() for _ in range(3))
        for listener in (self.server, self.other):
            listener.settimeout(10.0)
        inner.setblocking(False)
        self.inner = inner
        self.inner_address = inner.getsockname()
        keeper = sockets.keep(socket.socket())
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        self.address = keeper.getsockname()
        self.tap = Tap(
            loop,
            Watch(),
            lambda *fields: self.events.append(fields),
            5,
            listen(socket.AF_INET, self.address),
            keeper,
            inner,
            (socket.AF_INET, self.other.getsockname()),
            [(socket.AF_INET, upstream or self.server.getsockname())],
            frozenset({BACKGROUND}),
        )

    def said(self, kind):
        return [event[3:] for event in self.events if event[0] == kind]

    @property
    def dials(self):
        return self.tap._dials - self.tap._background._dials

    def dial(self, source="127.0.0.1"):
        """A client's socket, once the tap knows of it."""
        known = self.dials
        client = self.bag.keep(socket.create_connection(self.address, 10.0, source_address=(source, 0)))
        self.spin(lambda: self.dials > known)
        return client

    def taken(self):
        """The other proxy's end of the dial that is under way."""
        return self.bag.keep(self.other.accept()[0])

    def come_back(self):
        """The other proxy's way back to the tap."""
        return self.bag.keep(socket.create_connection(self.inner_address, 10.0))

    def serve(self):
        """The server's end of a connection that has come all the way."""
        sock = self.bag.keep(self.server.accept()[0])
        sock.settimeout(10.0)
        return sock

    def pair(self, source="127.0.0.1"):
        """Client, the other proxy's two ends, and the server, of a connection that is open."""
        opened = len(self.said("open"))
        client = self.dial(source)
        near, far = self.taken(), self.come_back()
        if source == BACKGROUND:
            self.spin(lambda: any(pair.is_open for pair in self.tap._pairs if pair.dial < 0))
        else:
            self.spin(lambda: len(self.said("open")) > opened)
        for sock in (near, far):
            sock.settimeout(10.0)
        return SimpleNamespace(client=client, near=near, far=far, server=self.serve())

    def sends(self, source, target, data):
        """What arrives at ``target`` when ``source`` sends."""
        source.sendall(data)
        return self.receives(target, len(data))

    def receives(self, target, count):
        target.setblocking(False)
        got = bytearray()

        def has_come():
            try:
                while len(got) < count and (chunk := target.recv(65536)):
                    got.extend(chunk)
            except BlockingIOError:
                pass
            return len(got) >= count

        self.spin(has_come)
        target.settimeout(10.0)
        return bytes(got)

    def ends_with(self, sock):
        """Wait for the end of a socket that is read empty: ``"FIN"`` or ``"RST"``."""
        sock.setblocking(False)
        found = []

        def has_ended():
            try:
                while sock.recv(65536):
                    pass
                found.append("FIN")
            except BlockingIOError:
                return False
            except ConnectionResetError:
                found.append("RST")
            return True

        self.spin(has_ended)
        return found[0]

    def close(self):
        """Close the tap, and don't wait for those that linger."""
        pairs = list(self.tap._pairs)
        if self.inner.fileno() >= 0:
            self.tap.close()
        self.release(pairs)

    @staticmethod
    def release(pairs):
        for pair in pairs:
            for half in (pair.front, pair.back):
                if half is not None:
                    half._release(with_rst=True)


@pytest.fixture
def world(loop, sockets, spin):
    made = World(loop, sockets, spin)
    yield made
    made.close()
    assert loop._handlers == {}, "a descriptor is watched still"


def fault(kind, id_=1, **more):
    return Fault(id_, kind, once(), **more)


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


def test_a_client_that_resets_before_its_other_half_arrives(world, send_rst):
    first, second = world.dial(), world.dial()
    near = world.taken()
    send_rst(first)
    world.spin(lambda: world.said("refused"))
    assert world.said("refused") == [(1, "client hung up")]
    assert world.ends_with(near) == "RST"
    late = world.come_back()
    assert world.ends_with(late) == "FIN", "it is nobody's"
    near, far = world.taken(), world.come_back()
    world.spin(lambda: world.said("open"))
    assert world.said("open") == [(2, 1)]
    server = world.serve()
    assert world.sends(second, near, b"mine") == b"mine"
    assert world.sends(far, server, b"mine") == b"mine"


def test_a_client_that_has_reset_is_no_trouble_when_its_other_half_never_comes(world, send_rst, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    first = world.dial()
    world.taken()
    send_rst(first)
    world.spin(lambda: world.said("refused"))
    world.spin(lambda: world.tap._under_way is None)
    assert world.said("trouble") == []
    world.pair()


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
    world.taken()
    world.spin(lambda: world.said("refused"))
    why = "the proxy behind the link has not passed it on"
    assert world.said("refused")[0] == (1, why)
    assert [event[2:] for event in world.events if event[0] == "trouble"] == [(5, f"dial 1: {why}")]
    assert read_all(first) == (b"", "RST")
    world.taken()
    world.come_back()
    world.spin(lambda: world.said("open"))
    assert world.said("open") == [(2, 1)]
    assert second.fileno() >= 0


def test_when_the_other_proxy_has_come_back_patience_is_no_matter(world, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.03)
    peers = world.pair()
    assert world.tap._patience is None
    done = []
    world.tap._loop.call_at(module.monotonic() + 0.1, lambda: done.append(True))
    world.spin(lambda: done)
    assert world.said("trouble") == []
    assert world.sends(peers.client, peers.near, b"x") == b"x"


def test_descriptors_that_run_out_are_waited_for(world, monkeypatch):
    accept, failures = module.sockets.accept, [OSError(errno.EMFILE, "Too many open files")]

    def scarce(listener):
        if listener is world.tap._inner and failures:
            raise failures.pop()
        return accept(listener)

    monkeypatch.setattr(module.sockets, "accept", scarce)
    world.pair()
    assert failures == []


# Faults


def test_a_cut_ends_the_live_ones_at_both_ends(world, read_all):
    peers = world.pair()
    world.tap.start(fault("cut"))
    assert [event[3:] for event in world.events if event[0] == "on"] == [(1, 1, "1")]
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
    assert read_all(near) == (b"", "RST")
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


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_a_hold_keeps_bytes_out_of_the_other_proxy(world, direction):
    peers = world.pair()
    source, near = (peers.client, peers.near) if direction == "upstream" else (peers.server, peers.far)
    back, far = (peers.server, peers.far) if direction == "upstream" else (peers.client, peers.near)
    hold = fault("hold", -1, direction=direction)
    world.tap.start(hold)
    source.sendall(b"held")
    assert world.sends(back, far, b"free") == b"free"
    near.setblocking(False)
    with pytest.raises(BlockingIOError):
        near.recv(1)
    world.tap.end(hold)
    assert world.receives(near, 4) == b"held"


def test_a_hold_keeps_new_dials_back_too(world):
    hold = fault("hold", -1, direction="both")
    world.tap.start(hold)
    world.dial()
    world.other.setblocking(False)
    with pytest.raises(BlockingIOError):
        world.other.accept()
    world.other.settimeout(10.0)
    world.tap.end(hold)
    world.taken()
    world.come_back()
    world.spin(lambda: world.said("open"))


@pytest.mark.parametrize("kind", ["stall", "delay", "throttle", "blackhole"])
def test_what_the_other_proxy_does_is_noted_and_not_done_twice(world, kind):
    peers = world.pair()
    made = fault(kind, a=5.0, b=0.0)
    world.tap.start(made)
    assert [event[3:] for event in world.events if event[0] == "on"] == [(1, 1, "1")]
    assert world.sends(peers.client, peers.near, b"at once") == b"at once"
    assert world.sends(peers.near, peers.client, b"at once") == b"at once"


# Black holes


def test_after_a_black_hole_who_lost_bytes_is_reset_and_who_did_not_goes_on(world, read_all):
    loser, lucky = world.pair(), world.pair()
    hole = fault("blackhole")
    world.tap.start(hole)
    assert world.sends(loser.client, loser.near, b"gone") == b"gone"  # and the other proxy drops it
    world.tap.count_all()
    assert world.events[-1] == ("count", 5, 1, 0, 0, 4, 0)
    world.tap.end(hole)
    assert world.said("close") == [(1, "fault", "RST", "blackhole took 4 bytes")]
    assert read_all(loser.client) == read_all(loser.server) == (b"", "RST")
    assert world.sends(lucky.client, lucky.near, b"x") == b"x"
    assert world.sends(lucky.far, lucky.server, b"x") == b"x"


def test_a_black_hole_of_one_direction_is_judged_by_that_direction(world):
    peers = world.pair()
    hole = fault("blackhole", direction="downstream")
    world.tap.start(hole)
    world.sends(peers.client, peers.near, b"under way")
    world.tap.end(hole)
    assert world.said("close") == []
    assert world.sends(peers.far, peers.server, b"under way") == b"under way"


def test_two_black_holes_are_judged_when_the_last_one_is_healed(world):
    peers = world.pair()
    first, second = fault("blackhole", 1), fault("blackhole", 2)
    world.tap.start(first)
    world.tap.start(second)
    world.sends(peers.server, peers.far, b"gone")
    world.tap.end(first)
    assert world.said("close") == []
    world.tap.end(second)
    assert world.said("close") == [(1, "fault", "RST", "blackhole took 4 bytes")]
    world.tap.end(second)


def test_a_connection_that_was_made_in_a_black_hole_is_judged_too(world):
    hole = fault("blackhole")
    world.tap.start(hole)
    peers = world.pair()
    world.sends(peers.client, peers.near, b"gone")
    world.tap.end(hole)
    assert world.said("close") == [(1, "fault", "RST", "blackhole took 4 bytes")]


# Gulping


def test_while_it_gulps_the_other_proxy_is_never_kept_waiting(world):
    peers = world.pair()
    world.tap.gulp(on=True)
    sent, chunk = 0, bytes(65536)
    peers.near.setblocking(False)

    def pour():
        nonlocal sent
        try:
            while sent < BIG:
                sent += peers.near.send(chunk[: BIG - sent])
        except BlockingIOError:
            pass
        return sent == BIG

    world.spin(pour)  # although the client reads nothing
    world.tap.gulp(on=False)
    assert len(world.receives(peers.client, BIG)) == BIG


def test_who_comes_while_it_gulps_is_gulped_for_too(world):
    world.tap.gulp(on=True)
    world.pair()
    pair = world.tap.connections[1]
    assert (pair.front.down.gulps, pair.back.up.gulps) == (True, True)
    assert (pair.front.up.gulps, pair.back.down.gulps) == (False, False), "the peers may be kept waiting"
    world.tap.gulp(on=False)
    assert (pair.front.down.gulps, pair.back.up.gulps) == (False, False)


# Background


def test_the_background_goes_through_and_is_told_to_nobody(world, read_all):
    peers = world.pair(BACKGROUND)
    assert world.sends(peers.client, peers.near, b"x") == b"x"
    assert world.sends(peers.far, peers.server, b"x") == b"x"
    world.tap.count_all()
    assert world.events == []
    world.tap.start(fault("cut"))
    assert [event[0] for event in world.events] == ["on"]
    assert [event[3:] for event in world.events] == [(1, 1, "")]
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


# The end


def test_closing_ends_everybody_with_a_fin_and_gives_both_ports_back(world, read_all):
    peers, waiting, queued = world.pair(), world.dial(), world.dial()
    pairs = list(world.tap._pairs)
    world.tap.close()
    assert world.said("close") == [(1, "link", "FIN", "the link was closed")]
    assert [reason for _, reason in world.said("refused")] == ["the link was closed"] * 2
    assert [read_all(sock) for sock in (peers.client, peers.server, waiting, queued)] == [(b"", "FIN")] * 4
    for address in (world.address, world.inner_address):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, 10.0)
    world.release(pairs)
