from __future__ import annotations

import os
import select
import time

import pytest

from pytest_netchaos.relay import pollers
from pytest_netchaos.relay.loop import HUP, IN, OUT, RDHUP
from pytest_netchaos.relay.pollers import Poll, Select, make


@pytest.fixture(params=[Poll, Select])
def poller(request):
    return request.param()


@pytest.fixture
def pairs(sockets):
    return [sockets.pair() for _ in range(7)]


def test_what_is_so_is_told_as_long_as_it_is(poller, pairs):
    ours, theirs = pairs[0]
    fd = ours.fileno()
    assert poller.poll({fd: IN}, 0) == []
    assert poller.poll({fd: IN | OUT}, 0) == [(fd, OUT)]
    theirs.send(b"x")
    for _ in range(2):
        assert poller.poll({fd: IN}, None) == [(fd, IN)]
        assert poller.poll({fd: IN | OUT}, None) == [(fd, IN | OUT)]
    assert poller.poll({fd: 0}, 0) == []
    assert poller.poll({}, 0) == []


def test_only_what_is_wanted_now_is_waited_for(poller, pairs):
    for _, theirs in pairs:
        theirs.send(b"x")
    fds = [ours.fileno() for ours, _ in pairs]
    assert sorted(poller.poll(dict.fromkeys(fds, IN), None)) == sorted((fd, IN) for fd in fds)
    assert poller.poll({fds[2]: IN}, None) == [(fds[2], IN)]


def test_a_wait_is_never_too_short(poller, pairs):
    for wait in (0.0004, 0.0016, 0.0201):
        began = time.monotonic()
        assert poller.poll({pairs[0][0].fileno(): IN}, wait) == []
        assert time.monotonic() - began >= wait


def test_a_wait_for_nothing_is_a_wait_too(poller):
    began = time.monotonic()
    assert poller.poll({}, 0.02) == []
    assert time.monotonic() - began >= 0.02


def test_poll_tells_of_hang_ups_where_the_system_does(pairs):
    ours, theirs = pairs[0]
    theirs.send(b"unread")
    theirs.close()
    fd = ours.fileno()
    assert Poll(sees_hang_ups=True).poll({fd: RDHUP}, 0) == [(fd, RDHUP | HUP)]
    assert Poll(sees_hang_ups=False).poll({fd: IN | RDHUP}, 0) == [(fd, IN | HUP)]


def test_select_takes_more_than_it_can_in_turns(monkeypatch, pairs):
    monkeypatch.setattr(pollers, "MOST", 3)
    sizes = []
    real = select.select

    def at_most(reading, writing, failing, wait):
        sizes.append(len(reading))
        return real(reading, writing, failing, wait)

    monkeypatch.setattr(pollers.select, "select", at_most)
    wanted = {ours.fileno(): IN for ours, _ in pairs}
    began = time.monotonic()
    assert Select().poll(wanted, 0.03) == []
    assert time.monotonic() - began >= 0.03
    assert set(sizes) == {3, 1}
    for n in (6, 1):
        pairs[n][1].send(b"x")
    assert Select().poll(wanted, None) == [(pairs[1][0].fileno(), IN), (pairs[6][0].fileno(), IN)]


def test_what_comes_while_it_takes_turns_is_found(monkeypatch, pairs):
    monkeypatch.setattr(pollers, "MOST", 3)
    monkeypatch.setattr(pollers, "sleep", lambda _: pairs[5][1].send(b"x"))
    assert Select().poll({ours.fileno(): IN for ours, _ in pairs}, None) == [(pairs[5][0].fileno(), IN)]


def test_the_best_poller_of_the_system_is_made_unless_select_is_asked_for(monkeypatch):
    assert (type(make("portable")), type(make("select"))) == (Poll, Select)
    monkeypatch.delattr(select, "poll")
    assert type(make("portable")) is Select


def test_a_pipe_can_be_polled_too(poller):
    read, write = os.pipe()
    try:
        os.write(write, b"x")
        assert poller.poll({read: IN}, None) == [(read, IN)]
    finally:
        os.close(read)
        os.close(write)
