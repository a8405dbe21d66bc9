"""A relay that doesn't get the processor for a while: what its log says of that time."""

from __future__ import annotations

import os
import signal
import socket
import time
from itertools import pairwise

import pytest

#: Seconds that anything which happens at once takes at most, on a busy machine.
SOON = 20.0
#: Seconds that a client waits before each of its dials, and before the relay may go on.
WAITS = (0.04, 0.08, 0.16)
#: Seconds by which a stamp may be off: what a wall clock may be set by, and nobody notices.
CLOCKS = 0.001


class Relay:
    """The process behind a link, to be held up."""

    def __init__(self, pid):
        self._pid = pid

    def hold(self):
        """Stop it; return when it has stopped."""
        os.kill(self._pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._pid, os.WSTOPPED)

    def go_on(self):
        """Let it run again."""
        os.kill(self._pid, signal.SIGCONT)


@pytest.fixture
def link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield netchaos.link(server.getsockname(), name="db")


@pytest.fixture
def relay(link):
    engine = link._engine_link._engine
    made = Relay(engine.pid)
    yield made
    made.go_on()


@pytest.fixture
def sees_dials(link):
    engine = link._engine_link._engine
    if not engine.sees_all_dials():
        pytest.skip(f"refused dials can't be seen {engine.lacks}")


def dial_in_vain(link):
    """Dial a link that refuses; return when that began and ended."""
    began = time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(link.address, SOON)
    return began, time.monotonic()


def pause(seconds):
    """Wait as a client does between two dials."""
    time.sleep(seconds)


def bounds(last, dial):
    """Say between what a client's wait lay: it began and ended in two calls, each of which took its time."""
    return dial[0] - last[1] - CLOCKS, dial[1] - last[0] + CLOCKS


@pytest.fixture
def watched(link):
    """A link that is cut, and has seen a dial: the kernel's stamps are on, which takes it a moment."""
    link.cut()
    dial_in_vain(link)
    link.wait_for_dial(1, timeout=SOON)
    return link


@pytest.mark.usefixtures("sees_dials")
def test_the_waits_of_refused_dials_are_the_clients(watched, relay):
    relay.hold()
    times = [dial_in_vain(watched)]
    for wait in WAITS:
        pause(wait)
        times.append(dial_in_vain(watched))
    pause(WAITS[0])
    relay.go_on()
    watched.wait_for_dial(5, timeout=SOON)
    dials = watched.dials[1:]
    assert [dial.outcome for dial in dials] == ["refused"] * 4
    for dial, (began, ended) in zip(dials, times, strict=True):
        assert began - CLOCKS <= dial.at <= ended + CLOCKS
        assert dial.ended_at == dial.at
    for dial, (last, this) in zip(dials[1:], pairwise(times), strict=True):
        least, most = bounds(last, this)
        assert least <= dial.waited <= most


@pytest.mark.usefixtures("sees_dials")
def test_no_wait_looks_shorter_because_the_dial_before_it_was_read_late(watched, relay):
    relay.hold()
    late = dial_in_vain(watched)
    pause(WAITS[-1])
    relay.go_on()
    watched.wait_for_dial(2, timeout=SOON)
    in_time = dial_in_vain(watched)
    least, _ = bounds(late, in_time)
    assert watched.wait_for_dial(3, timeout=SOON).waited >= least


@pytest.mark.usefixtures("sees_dials")
def test_a_dial_that_was_read_after_the_heal_was_ordered_is_dated_before_it(watched, relay):
    relay.hold()
    _, ended = dial_in_vain(watched)
    pause(WAITS[0])
    relay.go_on()
    watched.heal()
    socket.create_connection(watched.address, SOON).close()
    watched.wait_for_dial(3, timeout=SOON)
    history = watched.history()
    (span,) = history.faults
    assert span.started_at <= history.dials[0].at
    assert history.dials[1].at <= min(ended + CLOCKS, span.healed_at)
    assert [dial.outcome for dial in history.dials[:2]] == ["refused"] * 2
    assert [dial.at for dial in history.dials] == sorted(dial.at for dial in history.dials)
