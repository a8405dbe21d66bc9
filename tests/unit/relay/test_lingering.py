from __future__ import annotations

from time import monotonic

import pytest

from pytest_netchaos.relay.end import End
from pytest_netchaos.relay.lingering import LINGER, Lingering


@pytest.fixture
def linger(fake_loop, sockets):
    """Begin to linger on two peers; return them, and how often it was over."""

    def begin():
        pairs = [sockets.pair() for _ in range(2)]
        over = []
        made = Lingering(fake_loop, [End("client", ours) for ours, _ in pairs], lambda: over.append(1))
        made.begin()
        return made, [theirs for _, theirs in pairs], over

    return begin


def test_each_peer_gets_a_fin(linger):
    _, peers, over = linger()
    assert [peer.recv(1) for peer in peers] == [b"", b""]
    assert over == []


def test_it_is_over_when_both_have_hung_up(linger):
    made, peers, over = linger()
    peers[0].close()
    made.go_on()
    assert over == []
    peers[1].close()
    made.go_on()
    assert over == [1]


def test_what_they_still_say_is_read_so_that_no_rst_destroys_what_they_have_not_read(linger):
    made, peers, over = linger()
    for peer in peers:
        peer.sendall(b"x" * 1000)
        peer.close()
    made.go_on()
    assert over == [1]


def test_its_time_is_limited(linger, fake_loop):
    before = monotonic()
    _, _, over = linger()
    (timer,) = fake_loop.timers
    assert timer.when - LINGER >= before
    timer.call()
    assert over == [1]


def test_it_is_over_once(linger, fake_loop):
    made, peers, over = linger()
    for peer in peers:
        peer.close()
    made.go_on()
    made.go_on()
    fake_loop.timers[0].call()
    assert over == [1]
