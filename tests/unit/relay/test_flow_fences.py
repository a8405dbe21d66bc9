"""Fences in flows, those that copy and those that splice: the split is at the byte."""

from __future__ import annotations

import contextlib
import random
import socket
from time import monotonic
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_netchaos.relay import pipes
from pytest_netchaos.relay.end import End
from pytest_netchaos.relay.flow import CHUNK, DROP, HOLD, OPEN, Flow
from pytest_netchaos.relay.pipes import SIZE
from pytest_netchaos.relay.sockets import unconfirmed, unread
from pytest_netchaos.relay.splicing import SplicingFlow
from pytest_netchaos.relay.stages import CLOSE, FIN, Delay

DATA = random.Random(6).randbytes(3 << 20)
KINDS = [Flow, *([SplicingFlow] if pipes.AVAILABLE else [])]
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def make(request, fake_loop, sockets):
    """Make a flow between two TCP connections, with little room towards the target."""
    made = []

    def assemble():
        (source, client), (target, server) = sockets.tcp_pair(), sockets.tcp_pair()
        for sock in (client, server):
            sock.setblocking(False)
        target.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        ends = []
        flow = request.param(fake_loop, End("client", source), End("server", target), lambda _, how: ends.append(how))
        made.append(flow)
        return SimpleNamespace(
            flow=flow, client=client, server=server, ends=ends, sent=0, got=bytearray(), reached=[], loop=fake_loop
        )

    yield assemble
    for flow in made:
        flow.stop()


def is_under_way(made):
    """Whether the system has bytes that are to arrive still: it takes its time where there was little room."""
    if unconfirmed(made.flow.target.sock):
        return True
    return bool(unconfirmed(made.client)) and not unread(made.flow.source.sock)


def go_on(made, most):
    """Send up to ``most`` bytes in all, and take what comes, until nothing comes any more."""
    idle = 0
    until = monotonic() + 10
    while monotonic() < until:
        before = len(made.got), made.sent, made.flow.received
        with contextlib.suppress(BlockingIOError):
            if made.sent < most:
                made.sent += made.client.send(DATA[made.sent : min(most, made.sent + (1 << 20))])
        made.flow.source.readable = not made.flow._ended
        made.flow.target.writable = True
        made.flow.pump()
        made.loop.run_ready()
        with contextlib.suppress(BlockingIOError):
            while chunk := made.server.recv(1 << 20):
                made.got += chunk
        has_news = (len(made.got), made.sent, made.flow.received) != before
        idle = 0 if has_news or is_under_way(made) else idle + 1
        if idle > 5:
            return


def fence(made, key, offset):
    made.flow.fence(key, offset, lambda: made.reached.append(key))


@FEW
@given(offsets=st.lists(st.integers(0, len(DATA)), min_size=1, max_size=4), warm=st.sampled_from([0, 5, 1 << 20]))
def test_it_stops_at_each_offset_and_goes_on_where_it_stopped(make, offsets, warm):
    made = make()
    go_on(made, warm)
    offsets = [max(offset, warm) for offset in offsets]
    for key, offset in enumerate(offsets):
        fence(made, key, offset)
    for key, offset in sorted(enumerate(offsets), key=lambda item: item[1]):
        go_on(made, len(DATA))
        assert made.flow.carried == len(made.got) == offset
        assert made.got == DATA[:offset]
        assert key in made.reached
        assert sorted(made.reached) == [other for other, at in enumerate(offsets) if at <= offset]
        made.flow.lift(key)
        made.flow.set(OPEN, {})
    go_on(made, len(DATA))
    assert made.got == DATA
    assert made.flow.received == made.flow.carried == len(DATA)


@FEW
@given(read=st.integers(0, 1 << 19), ahead=st.integers(0, 70_000))
def test_a_fence_in_the_middle_of_a_stream_holds_what_is_on_its_way_but_not_written(make, read, ahead):
    """Bytes wait in front of a full target, in a pipe or in a queue, when the fence is put up."""
    made = make()
    made.server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    go_on(made, read)
    while made.flow.received == made.flow.carried:
        with contextlib.suppress(BlockingIOError):
            made.sent += made.client.send(DATA[made.sent : made.sent + (1 << 18)])
        made.flow.source.readable = made.flow.target.writable = True
        made.flow.pump()
        made.loop.run_ready()
    offset = made.flow.carried + ahead
    fence(made, 1, offset)
    go_on(made, len(DATA))
    assert (made.got, made.reached) == (DATA[:offset], [1])
    made.flow.lift(1)
    made.flow.set(OPEN, {})
    go_on(made, len(DATA))
    assert made.got == DATA


def test_a_stream_that_is_far_from_its_fence_is_spliced(make):
    made = make()
    fence(made, 1, 2 * SIZE + 3 * CHUNK)
    seen = set()
    for most in range(CHUNK, 3 * SIZE, CHUNK):
        go_on(made, most)
        seen.add(getattr(made.flow, "_is_stream", None))
    assert made.got == DATA[: 2 * SIZE + 3 * CHUNK]
    assert made.flow.chain.fence.is_shut
    assert seen == ({True, False} if isinstance(made.flow, SplicingFlow) else {None})


def test_a_stage_that_comes_at_the_fence_meets_what_is_beyond_and_nothing_before(make):
    made = make()
    fence(made, 1, 100_000)
    go_on(made, 200_000)
    made.flow.set(OPEN, {1: lambda: Delay(1000.0, 0.0, None)})
    made.flow.lift(1)
    made.flow.set(OPEN, {1: lambda: Delay(1000.0, 0.0, None)})
    go_on(made, 200_000)
    assert (made.got, made.flow.chain.held) == (DATA[:100_000], 100_000)
    made.flow.set(OPEN, {})
    go_on(made, 200_000)
    assert made.got == DATA[:200_000]


def test_a_stall_at_the_fence_holds_what_is_beyond(make):
    made = make()
    fence(made, 1, 1000)
    go_on(made, 5000)
    made.flow.set(HOLD, {})
    made.flow.lift(1)
    made.flow.set(HOLD, {})
    go_on(made, 5000)
    assert made.got == DATA[:1000]
    made.flow.set(OPEN, {})
    go_on(made, 5000)
    assert made.got == DATA[:5000]


def test_a_black_hole_at_the_fence_takes_all_that_is_beyond(make):
    made = make()
    fence(made, 1, 1000)
    go_on(made, 500_000)
    made.flow.set(DROP, {})
    made.flow.lift(1)
    made.flow.set(DROP, {})
    go_on(made, 500_000)
    assert (made.got, made.flow.lost) == (DATA[:1000], 499_000)


def test_a_close_at_the_fence_ends_the_stream_there(make):
    made = make()
    fence(made, 1, 1000)
    go_on(made, 5000)
    made.flow.close()
    made.flow.pump()
    assert made.ends == [CLOSE]
    assert (made.flow.carried, made.flow.dropped) == (1000, made.flow.received - 1000)
    made.flow.lift(1)


def test_a_close_of_a_flow_that_is_only_held_sends_what_has_arrived(make):
    made = make()
    go_on(made, 1000)
    made.flow.fence(1, made.flow.carried, None)
    go_on(made, 3000)
    assert made.got == DATA[:1000]
    made.flow.close()
    made.flow.lift(1)
    made.flow.set(OPEN, {})
    go_on(made, 3000)
    assert (made.got, made.ends) == (DATA[:3000], [FIN])


def test_the_end_of_a_stream_passes_a_fence_that_it_does_not_reach(make):
    made = make()
    fence(made, 1, 1001)
    go_on(made, 1000)
    made.client.shutdown(socket.SHUT_WR)
    made.flow.source.finished = True
    go_on(made, 1000)
    assert (made.got, made.ends, made.reached) == (DATA[:1000], [FIN], [])
    made.flow.lift(1)
    fence(made, 2, 1000)
    assert made.reached == []


def test_a_fence_that_is_taken_away_again_leaves_the_flow_as_it_was(make):
    made = make()
    go_on(made, 10)
    fence(made, 1, 100)
    assert not made.flow._is_plain
    made.flow.lift(1)
    made.flow.lift(1)
    made.flow.set(OPEN, {})
    assert made.flow._is_plain
    go_on(made, 1000)
    assert made.got == DATA[:1000]
