"""What the loop without edges tells, and that it tells nothing twice."""

from __future__ import annotations

import socket
import time
from time import monotonic

import pytest

from pytest_netchaos.relay.end import End
from pytest_netchaos.relay.loop import ERR, HUP, IN, OUT, RDHUP
from pytest_netchaos.relay.pollers import Poll, Select
from pytest_netchaos.relay.portable import GLANCE, PortableLoop

POLLERS = {"poll": Poll, "no-rdhup": lambda: Poll(sees_hang_ups=False), "select": Select}


@pytest.fixture(params=POLLERS)
def loop(request):
    return PortableLoop(POLLERS[request.param]())


@pytest.fixture
def watched(loop, sockets):
    """Watch one end of a TCP connection, and note what is told; nothing is read."""

    def make(pair=sockets.tcp_pair):
        ours, theirs = pair()
        end, masks = End("client", ours), []
        end.readable = False

        def note(mask):
            masks.append(mask)
            end.readable |= bool(mask & ~OUT)
            end.writable |= bool(mask & OUT)
            end.broken |= bool(mask & ERR)
            end.finished |= bool(mask & (RDHUP | HUP | ERR))

        loop.watch(ours.fileno(), note, end)
        return ours, theirs, end, masks

    return make


@pytest.fixture
def rounds(loop):
    """Count the rounds of the loop in so many seconds."""

    def run(seconds):
        count = 0

        def after_each():
            nonlocal count
            count += 1

        loop.call_at(monotonic() + seconds, loop.stop)
        loop.run(after_each)
        return count

    return run


def test_what_is_there_to_read_is_told_once_until_it_has_been_read(watched, spin, rounds):
    ours, theirs, end, masks = watched()
    theirs.send(b"x")
    spin(lambda: masks)
    theirs.send(b"y")
    rounds(0.1)
    assert masks == [IN]
    assert ours.recv(10) == b"xy"
    end.readable = False
    rounds(0.05)
    assert masks == [IN]
    theirs.send(b"z")
    spin(lambda: len(masks) > 1)
    assert masks == [IN, IN]


def test_room_to_write_is_told_only_to_who_waits_for_it(watched, sockets, spin, rounds):
    ours, theirs, end, masks = watched(sockets.pair)  # over TCP, what is full has room again when the kernel sends it
    rounds(0.05)
    assert masks == []
    sent = 0
    with pytest.raises(BlockingIOError):
        while True:
            sent += ours.send(bytes(1 << 20))
    end.writable = False
    rounds(0.05)
    assert masks == []
    while sent:
        sent -= len(theirs.recv(1 << 20))
    spin(lambda: masks)
    rounds(0.05)
    assert masks == [OUT]


def test_a_fin_is_told_once(watched, spin, rounds):
    _, theirs, end, masks = watched()
    theirs.shutdown(socket.SHUT_WR)
    spin(lambda: masks)
    assert masks[0] & RDHUP
    end.readable = False  # as a reader that has met the end leaves it
    rounds(0.1)
    assert len(masks) == 1


def test_an_rst_is_told_once(watched, spin, send_rst, rounds):
    _, theirs, _, masks = watched()
    send_rst(theirs)
    spin(lambda: masks)
    assert masks[0] & ERR
    rounds(0.1)
    assert len(masks) == 1


def test_the_end_of_both_directions_is_told_and_never_again(watched, spin, rounds):
    ours, theirs, end, masks = watched()
    ours.shutdown(socket.SHUT_WR)
    theirs.close()
    spin(lambda: end.finished)
    told = len(masks)
    rounds(0.1)
    assert len(masks) <= told + 1, "a HUP may follow the RDHUP"


def test_who_waits_to_write_to_a_peer_that_is_gone_is_told(watched, spin, send_rst):
    _, theirs, end, _ = watched()
    end.writable = False
    end.readable = True  # something is unread, and stays so
    theirs.send(b"unread")
    send_rst(theirs)
    spin(lambda: end.writable)
    assert end.broken


@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_an_end_that_nobody_reads_is_found_out(watched, spin, send_rst, how):
    _, theirs, end, _ = watched()
    end.readable = True  # nobody has looked yet, and a fault keeps everybody from it
    spin(lambda: True)
    send_rst(theirs) if how == "RST" else theirs.close()
    spin(lambda: end.finished)
    assert end.broken == (how == "RST")


def test_an_rst_behind_unread_bytes_is_found_out_and_a_fin_where_the_system_tells(loop, watched, spin, send_rst):
    _, theirs, end, _ = watched()
    _, others, other_end, _ = watched()
    for sock, each in ((theirs, end), (others, other_end)):
        each.readable = True
        sock.send(b"unread")
    send_rst(theirs)
    others.close()
    spin(lambda: end.finished)
    if loop._poller.sees_hang_ups:
        spin(lambda: other_end.finished)
    else:
        began = monotonic()
        spin(lambda: monotonic() - began > 3 * GLANCE)
        assert not other_end.finished, "if it can be seen after all, the documentation should say so"


def test_who_has_nothing_to_do_sleeps(watched, rounds):
    kept = [watched() for _ in range(20)]
    for _, theirs, _, _ in kept:
        theirs.send(b"unread")
    rounds(0.05)
    began = time.thread_time()
    assert rounds(0.5) <= 2 + 2 * 0.5 / GLANCE
    assert time.thread_time() - began < 0.1


def test_without_an_end_a_descriptor_is_told_until_it_is_read(loop, spin, sockets):
    ours, theirs = sockets.pair()
    masks = []
    loop.watch(ours.fileno(), masks.append)
    theirs.send(b"x")
    spin(lambda: len(masks) > 2)
    assert set(masks) == {IN}
    ours.recv(1)
    told = len(masks)
    spin(lambda: True)
    assert len(masks) == told


def test_news_of_a_closed_descriptor_does_not_reach_the_next_one_with_its_number(loop, spin, watched, sockets):
    watches = [watched() for _ in range(2)]
    seen = []

    def replace_the_other(n):
        other = watches[1 - n][0]
        if seen:
            return
        number = other.fileno()
        loop.forget(number)
        other.close()
        fresh, peer = sockets.pair()
        assert number in (fresh.fileno(), peer.fileno())
        seen.append("replaced")
        end = End("client", fresh if fresh.fileno() == number else peer)
        end.readable = False
        loop.watch(number, seen.append, end)

    for n, (ours, theirs, end, _) in enumerate(watches):
        loop.forget(ours.fileno())
        theirs.send(b"x")
        loop.watch(ours.fileno(), lambda _, n=n: replace_the_other(n), end)
    spin(lambda: seen)
    spin(lambda: True)
    assert seen == ["replaced"], "what was to read belonged to the one before"


def test_a_dial_that_fails_is_told(loop, spin, sockets):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        sock = sockets.keep(socket.socket())
        sock.setblocking(False)
        end, masks = End("server"), []
        end.writable = False
        loop.watch(sock.fileno(), lambda mask: (masks.append(mask), loop.forget(sock.fileno())), end)
        sock.connect_ex(nobody.getsockname())
        spin(lambda: masks)
    assert masks[0] & OUT
    assert len(masks) == 1
