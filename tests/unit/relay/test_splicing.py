from __future__ import annotations

import contextlib
import errno
import posix
import random
import socket
import threading
from types import SimpleNamespace

import pytest

from pytest_netchaos.patience import eventually
from pytest_netchaos.relay import connection, pipes, splicing
from pytest_netchaos.relay.end import End
from pytest_netchaos.relay.flow import CHUNK, DROP, HOLD, OPEN
from pytest_netchaos.relay.sockets import unread
from pytest_netchaos.relay.splicing import MOST_SMALL, SMALL, SplicingFlow
from pytest_netchaos.relay.stages import BROKEN, FIN, RST, Delay, Throttle

pytestmark = pytest.mark.skipif(not pipes.AVAILABLE, reason="this system has no splice")

DATA = random.Random(4).randbytes(8 << 20)
VIEW = memoryview(DATA)


@pytest.fixture
def pool(monkeypatch):
    """A pool of its own, which has everything back in the end."""
    made = pipes.Pool()
    monkeypatch.setattr(splicing, "pool", made)
    yield made
    assert made._lent == 0, "a pipe was not given back"
    while made._idle:
        assert made._idle[-1].held == 0
        made._idle.pop().close()


@pytest.fixture
def made(fake_loop, sockets, pool):
    assembled = assemble(fake_loop, sockets.tcp_pair(), sockets.tcp_pair())
    yield assembled
    assembled.flow.stop()


def assemble(fake_loop, source_pair, target_pair):
    ends = []
    source, target = End("client", source_pair[0]), End("server", target_pair[0])
    flow = SplicingFlow(fake_loop, source, target, lambda _, how: ends.append(how))
    source_pair[1].setblocking(False)
    source_pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)  # more than a read takes
    target_pair[1].settimeout(10.0)
    target_pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)  # less than a pipe holds
    target_pair[1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    return SimpleNamespace(
        flow=flow, ends=ends, client=source_pair[1], server=target_pair[1], loop=fake_loop, sent=0, got=b""
    )


def send(made, most=8 << 20):
    """Send more of the data, until the socket is full or so much is on the way in all."""
    with contextlib.suppress(BlockingIOError):
        while made.sent < most:
            made.sent += made.client.send(VIEW[made.sent : most])


def receive(made):
    """Read all that the target took. The kernel may deliver it later, in its own time."""
    while len(made.got) < made.flow.carried:
        made.got += made.server.recv(1 << 20)


def arrive(made, most=8 << 20):
    """Send more of the data, and wait until the flow can read all that was sent, or as much as a read takes."""
    send(made, most)
    wanted = min(CHUNK, made.sent - made.flow.received)
    eventually(lambda: unread(made.flow.source.sock) >= wanted, 10)


def turn(made):
    """What the event loop does when both sockets have news, until there is nothing more to go on with."""
    made.flow.source.readable = not made.flow._ended
    made.flow.target.writable = True
    made.flow.pump()
    made.loop.run_ready()


def stream(made, until=1 << 20):
    """Have a stream under way that is being spliced."""
    while len(made.got) < until or not made.flow._is_stream:
        arrive(made)
        turn(made)
        receive(made)


def clog(made):
    """Have it under way with bytes in the pipe: the reader has stopped reading."""
    stream(made)
    while made.flow._pipe is None:
        send(made)
        turn(made)
    assert made.flow._pipe.held > 0


def drain(made):
    """Read all that was sent."""
    while len(made.got) < made.sent:
        turn(made)
        receive(made)
    assert made.got == DATA[: made.sent]


def finish(made, *, close=True):
    """Send the rest and read it all; then both sides agree on every byte."""
    while len(made.got) < len(DATA):
        send(made)
        turn(made)
        receive(made)
    if close:
        made.client.shutdown(socket.SHUT_WR)
        made.flow.source.finished = True
        while not made.ends:
            turn(made)
    assert made.got == DATA
    assert made.flow.carried == len(DATA)


# Streams and messages


def test_a_stream_is_spliced_and_every_byte_is_counted(made):
    stream(made)
    receive(made)
    assert made.flow.carried == len(made.got)
    finish(made)
    assert made.ends == [FIN]


def test_a_small_message_needs_no_pipe(made, pool):
    arrive(made, 5)
    turn(made)
    receive(made)
    assert made.got == DATA[:5]
    assert (made.flow._is_stream, pool._idle) == (False, [])


def test_a_stream_that_becomes_a_trickle_is_copied_again(made):
    stream(made)
    drain(made)
    most = made.sent
    steps = 0
    while made.flow._is_stream:
        most += SMALL - 1
        arrive(made, most)
        turn(made)
        receive(made)
        steps += 1
        assert steps <= MOST_SMALL + 1
    finish(made)


def test_an_idle_stream_holds_no_pipe(made, pool):
    stream(made)
    drain(made)
    assert made.flow._pipe is None
    assert pool._lent == 0


def test_a_stream_takes_one_step_in_a_turn(made):
    stream(made)
    while made.flow._queued:
        made.loop.run_ready()
    receive(made)
    arrive(made)
    made.flow.source.readable = made.flow.target.writable = True
    before = made.flow.carried
    made.flow.pump()
    assert 0 < made.flow.carried - before <= pipes.SIZE
    for _ in range(3):
        made.flow.pump()
    assert made.flow.carried - before <= pipes.SIZE, "it waits for its turn"
    assert len(made.loop.ready) <= 1


def test_a_reader_that_stops_and_goes_on_misses_nothing(made, pool):
    clog(made)
    while made.flow.target.writable:
        send(made)
        made.flow.source.readable = True
        made.flow.pump()
        made.loop.run_ready()
    carried = made.flow.carried
    assert made.flow.received == carried + made.flow._pipe.held
    for _ in range(5):
        made.flow.source.readable = True
        made.flow.pump()
        made.loop.run_ready()
    assert made.flow.carried == carried, "what is full isn't written to, and what can't go on isn't read"
    assert pool._lent == 1
    finish(made)


# Faults in the middle of a stream


@pytest.mark.parametrize("state", [stream, clog])
@pytest.mark.parametrize(
    "stages",
    [{1: lambda: Delay(0.001, 0, None)}, {1: lambda: Throttle(1e9)}, {}],
    ids=["delay", "throttle", "nothing"],
)
def test_a_stage_in_the_middle_of_a_stream_sees_all_that_has_not_arrived(made, state, stages):
    state(made)
    made.flow.set(OPEN, stages)
    assert made.flow._pipe is None
    finish(made)
    made.flow.set(OPEN, {})


@pytest.mark.parametrize("state", [stream, clog])
def test_a_stall_in_the_middle_of_a_stream_loses_nothing(made, state):
    state(made)
    made.flow.set(HOLD, {})
    carried = made.flow.carried
    for _ in range(5):
        send(made)
        turn(made)
    assert made.flow.carried == carried
    made.flow.set(OPEN, {})
    finish(made)


@pytest.mark.parametrize("state", [stream, clog])
def test_a_black_hole_in_the_middle_of_a_stream_takes_the_rest_of_it(made, state):
    state(made)
    made.flow.set(DROP, {})
    receive(made)
    carried = made.flow.carried
    assert made.got == DATA[:carried]
    while made.flow.carried + made.flow.lost < len(DATA):
        send(made)
        turn(made)
    receive(made)
    assert (made.flow.carried, made.got) == (carried, DATA[:carried])
    assert made.flow.lost == len(DATA) - carried


@pytest.mark.parametrize("state", [stream, clog])
def test_a_close_in_the_middle_of_a_stream_sends_what_has_arrived_and_then_a_fin(made, state):
    state(made)
    made.flow.close()
    while not made.ends:
        turn(made)
        receive(made)
    assert made.ends == [FIN]
    assert made.got == DATA[: made.flow.carried]


@pytest.mark.parametrize("state", [stream, clog])
def test_a_cut_in_the_middle_of_a_stream_gives_the_pipe_back_empty(made, pool, state):
    state(made)
    carried = made.flow.carried
    made.flow.stop()
    assert pool._lent == 0
    assert all(pipe.held == 0 for pipe in pool._idle)
    turn(made)
    receive(made)
    assert (made.flow.carried, made.got) == (carried, DATA[:carried])


def test_gulping_in_the_middle_of_a_stream_empties_the_source_and_keeps_the_order(made):
    clog(made)
    made.flow.gulps = True
    while made.flow.received < len(DATA):
        send(made)
        made.flow.source.readable = True
        made.flow.pump()
        made.loop.run_ready()
    assert made.flow.carried < made.flow.received == len(DATA), "the source is not kept waiting"
    finish(made)


# Streams behind a throttle


def shape(made, rate=1e9):
    """Have a stream under way behind a throttle, with bytes waiting in pipes."""
    made.flow.set(OPEN, {1: lambda: Throttle(rate)})
    while not (made.flow._is_shaped and made.flow._pipes):
        arrive(made)
        turn(made)
        receive(made)


def test_a_stream_behind_a_fast_throttle_waits_in_pipes_and_arrives_whole(made):
    shape(made)
    assert made.flow.received == made.flow.carried + made.flow.chain.held + sum(map(len, made.flow._out))
    finish(made)
    assert made.ends == [FIN]
    assert made.flow._pipes == ()


def test_a_slow_throttle_reads_no_pipeful_ahead(made):
    made.flow.set(OPEN, {1: lambda: Throttle(1e6)})
    for _ in range(20):
        send(made)
        turn(made)
    assert not made.flow._is_shaped
    assert made.flow.chain.held <= 2 * CHUNK


def test_behind_a_throttle_a_stream_that_becomes_a_trickle_is_copied_again(made):
    shape(made)
    while made.flow.received < made.sent:
        turn(made)
        receive(made)
    most = made.sent
    for _ in range(MOST_SMALL + 1):
        most += SMALL - 1
        while made.flow.received < most:
            arrive(made, most)
            turn(made)
            receive(made)
    assert not made.flow._is_shaped
    finish(made)


@pytest.mark.parametrize(
    "change",
    [
        lambda flow: flow.set(OPEN, {}),
        lambda flow: flow.set(OPEN, {1: lambda: None, 2: lambda: Delay(0.001, 0, None)}),
        lambda flow: flow.set(OPEN, {2: lambda: Delay(0.001, 0, None)}),
        lambda flow: flow.change(1, (2e9,)),
        lambda flow: flow.set(HOLD, {1: lambda: None}),
    ],
    ids=["heal", "delay behind it", "delay instead", "another rate", "stall"],
)
def test_a_change_to_a_throttled_stream_loses_nothing(made, change):
    shape(made)
    change(made.flow)
    assert made.flow._pipes == ()
    made.flow.set(OPEN, {key: lambda: None for key, _ in made.flow.chain._stages})
    finish(made)


def test_a_throttled_stream_that_is_cut_gives_its_pipes_back(made, pool):
    shape(made, rate=1e8)
    made.flow.stop()
    assert pool._lent == 0
    assert all(pipe.held == 0 for pipe in pool._idle)


def test_a_throttled_stream_that_falls_into_a_black_hole_is_lost(made):
    shape(made)
    made.flow.set(DROP, {1: lambda: None})
    carried = made.flow.carried
    while made.flow.carried + made.flow.lost < len(DATA):
        send(made)
        turn(made)
    receive(made)
    assert made.got == DATA[:carried]


# Ends


@pytest.mark.parametrize("state", [stream, clog])
def test_a_fin_in_the_middle_of_a_stream_comes_after_the_last_byte(made, state):
    state(made)
    made.client.shutdown(socket.SHUT_WR)
    made.flow.source.finished = True
    while not made.ends:
        turn(made)
        receive(made)
    assert made.ends == [FIN]
    assert made.got == DATA[: made.sent]


@pytest.mark.parametrize("state", [stream, clog])
def test_an_rst_in_the_middle_of_a_stream_is_passed_on_as_one(made, send_rst, state):
    state(made)
    send_rst(made.client)
    while not made.ends:
        turn(made)
        receive(made)
    assert made.ends == [RST]
    assert made.ends[0] is RST


def test_a_stream_whose_rst_was_met_by_a_write_ends_with_that(made):
    stream(made)
    made.flow.source.broken = True  # the kernel tells of it once, and then as of a FIN
    made.client.shutdown(socket.SHUT_WR)
    while not made.ends:
        turn(made)
        receive(made)
    assert made.ends[0] is RST


@pytest.mark.parametrize("state", [stream, clog])
def test_a_target_that_is_gone_ends_the_stream_and_has_its_own_side_say_so(made, pool, send_rst, state):
    state(made)
    send_rst(made.server)
    while not made.ends:
        send(made)
        turn(made)
    assert (made.flow.over, made.flow.target.broken, made.flow.target.readable) == (True, True, True)
    assert made.ends == [BROKEN]
    assert pool._lent == 0


# Where it can't be done


def test_without_a_pipe_a_stream_is_copied(made, monkeypatch):
    def refuse():
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(pipes, "Pipe", refuse)
    finish(made)
    assert made.ends == [FIN]


def test_streams_beyond_the_last_pipe_are_copied(made, monkeypatch):
    monkeypatch.setattr(pipes, "MOST", 0)
    finish(made)


@pytest.mark.parametrize("refused", ["source", "target"])
def test_sockets_that_cannot_be_spliced_are_copied(made, monkeypatch, refused):
    real = posix.splice
    calls = []

    def splice(source, target, count, *, flags):
        side = "source" if source == made.flow.source.sock.fileno() else "target"
        calls.append(side)
        if side == refused:
            raise OSError(errno.EINVAL, "invalid argument")
        return real(source, target, count, flags=flags)

    monkeypatch.setattr(posix, "splice", splice)
    finish(made)
    assert refused in calls


def test_unix_sockets_are_spliced_too(fake_loop, sockets, pool):
    made = assemble(fake_loop, sockets.pair(), sockets.pair())
    made.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    stream(made)
    finish(made)


def test_a_connection_streams_both_ways_with_splice_and_without(loop, spin, sockets, monkeypatch):
    for kind in (SplicingFlow, connection.Flow):
        monkeypatch.setattr(connection, "FLOW", kind)
        listener = sockets.listener()
        accepted, client = sockets.tcp_pair()
        told = []
        watcher = SimpleNamespace(
            opened=lambda _: None,
            hung_up=lambda *_: None,
            unreachable=lambda _, why, told=told: told.append(why),
            ended=lambda *how, told=told: told.append(how[1:]),
        )
        address = [(socket.AF_INET, listener.getsockname())]
        made = connection.Connection(loop, watcher, 1, accepted, address)
        assert type(made.up) is kind
        made.go_on()
        server = sockets.keep(listener.accept()[0])
        received = {}
        threads = [
            threading.Thread(target=swap, args=(sock, name, received))
            for sock, name in ((client, "client"), (server, "server"))
        ]
        for thread in threads:
            thread.start()
        spin(lambda told=told: told)
        for thread in threads:
            thread.join()
        assert received == {"client": DATA, "server": DATA}
        assert told == [(told[0][0], "FIN", "")]
        assert made.totals() == (len(DATA), len(DATA), 0, 0)


def swap(sock, name, received):
    """Send the data and receive as much, at once."""
    sock.settimeout(10.0)

    def push():
        sock.sendall(DATA)
        sock.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=push)
    thread.start()
    data = b""
    while chunk := sock.recv(1 << 20):
        data += chunk
    thread.join()
    received[name] = data


def test_a_read_fills_the_buffer_before_anything_is_spliced(made, monkeypatch):
    def splice(*_, **__):
        raise AssertionError("spliced")

    monkeypatch.setattr(posix, "splice", splice)
    arrive(made, CHUNK - 1)
    turn(made)
    receive(made)
    assert made.got == DATA[: CHUNK - 1]
