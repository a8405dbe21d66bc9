"""Triggers: faults that wait for a connection, a dial, or an exact byte."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.peers import SOON, all_closed

from pytest_netchaos import Blackhole, Cut, Delay, Flap, NetchaosError, Refuse, Reset, Stall, Throttle, WaitTimeout
from pytest_netchaos.triggers import AfterBytes, OnConnection, OnDial

pytestmark = pytest.mark.beyond_toxiproxy

#: What a relay copies, and more than it copies before it splices, and more than its pipes and sockets hold.
SMALL, LARGE = 50_000, 6_000_000
LATE = 2.0


def in_order(pair, direction):
    """The sender and the receiver."""
    return pair if direction == "upstream" else pair[::-1]


def send_in_thread(peer, data):
    """Send without waiting for the reader; what is in the way of it is part of the test."""

    def send():
        with contextlib.suppress(OSError):
            peer.sock.sendall(data)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def read_to_the_end(peer):
    """Everything that comes, and how it ends."""
    got = bytearray()
    try:
        while chunk := peer.sock.recv(1 << 20):
            got += chunk
    except ConnectionResetError:
        return bytes(got), "RST"
    except TimeoutError:
        return bytes(got), "silence"
    return bytes(got), "FIN"


def dial_ends_with(world):
    """Dial, and say how that ends: an RST may come before ``connect`` returns."""
    try:
        return world.dial().ends_with()
    except ConnectionResetError:
        return "RST"


# Connections and dials


def test_a_fault_strikes_with_the_connection_that_it_waits_for_before_any_byte_of_it(world):
    fault = world.link.stall(when=OnConnection(2))
    first, first_server = world.pair()
    first.send(b"one")
    assert first_server.receives(b"one")
    assert not fault.has_fired
    second = world.dial()
    second.send(b"two")
    second_server = world.accept()
    fault.wait_fired()
    assert fault.hits == (1, 2)
    assert second_server.sees() == "silence"
    fault.heal()
    assert second_server.receives(b"two")


@pytest.mark.parametrize("make", [Reset, Cut])
def test_the_connection_that_brings_a_reset_is_reset_itself_and_carries_nothing(world, make):
    fault = world.link.inject(make(), when=OnConnection(1))
    assert dial_ends_with(world) == "RST"
    assert world.accept().ends_with() == "RST"
    fault.wait_fired()
    assert fault.hits == (1,)
    (connection,) = world.link.wait_for(all_closed).connections
    assert (connection.closed_by, connection.bytes_up, connection.bytes_down) == ("fault", 0, 0)


def test_a_greeting_of_the_server_does_not_pass_before_the_fault(world):
    world.link.blackhole(direction="downstream", when=OnConnection(1))
    client = world.dial()
    server = world.accept()
    server.send(b"hello")
    assert client.sees() == "silence"
    world.link.wait_for(lambda history: history.connections[0].lost_down == len(b"hello"))


@pytest.mark.parametrize("make", [Cut, Refuse])
def test_a_dial_that_brings_a_fault_which_refuses_is_refused_itself(world, make):
    fault = world.link.inject(make(), when=OnDial(2))
    first, first_server = world.pair()
    assert dial_ends_with(world) == "RST"
    fault.wait_fired()
    assert world.dial_fails_with() == "ECONNREFUSED"
    dials = world.link.wait_for(lambda history: len(history.dials) == 3).dials
    assert [dial.outcome for dial in dials] == ["served", "refused", "refused"]
    assert dials[1].reason == fault.fault.kind
    if make is Cut:
        assert (first.ends_with(), first_server.ends_with()) == ("RST", "RST")
        assert fault.hits == (1,)
    fault.heal()
    world.pair()


def test_a_dial_that_brings_a_stall_is_held_and_then_served(world):
    fault = world.link.stall(when=OnDial(1), for_=0.3)
    client = world.dial()
    client.send(b"x")
    fault.wait_fired()
    server = world.accept()
    assert server.receives(b"x")
    fault.wait()
    assert fault.healed_at - fault.at >= 0.3


def test_a_reset_on_a_dial_meets_those_before_it(world):
    first, _ = world.pair()
    world.link.reset(when=OnDial(2))
    second, second_server = world.pair()
    assert first.ends_with() == "RST"
    second.send(b"x")
    assert second_server.receives(b"x")


def test_refused_dials_count(world):
    with world.link.cut():
        fault = world.link.delay(0.05, when=OnDial(2))
        assert world.dial_fails_with() == "ECONNREFUSED"
        assert not fault.has_fired
        assert world.dial_fails_with() == "ECONNREFUSED"
        if not world.link.dials.blind:
            fault.wait_fired()
            assert fault.hits == ()
    if not world.link.dials.blind:
        assert fault.is_active


def test_the_dial_after_a_cut_may_bring_the_next_one(world):
    first = world.link.cut()
    world.dial_fails_with()
    second = world.link.cut(when=OnDial(1 if world.link.dials.blind else 2))
    first.heal()
    assert dial_ends_with(world) == "RST"
    second.wait_fired()
    assert world.dial_fails_with() == "ECONNREFUSED"
    second.heal()
    world.pair()


# Offsets


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cut_after_so_many_bytes_is_exact_to_the_byte(world, direction, data, pattern):
    total = data.draw(st.sampled_from([1, SMALL, LARGE]))
    offset = data.draw(st.integers(0, total - 1) | st.sampled_from([0, total - 1]))
    number = len(world.link.connections) + 1
    sent = pattern(total)
    sender, receiver = in_order(world.pair(), direction)
    fault = world.link.cut(when=AfterBytes(offset, direction, number))
    thread = send_in_thread(sender, sent)
    got, end = read_to_the_end(receiver)
    fault.wait_fired()
    thread.join(SOON)
    assert (len(got), end) == (offset, "RST")
    assert got == sent[:offset]
    connection = world.link.wait_for(all_closed).connections[number - 1]
    assert (connection.bytes_up if direction == "upstream" else connection.bytes_down) == offset
    fault.heal()


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("total", [SMALL, LARGE])
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_a_stall_after_so_many_bytes_splits_the_stream_there_and_loses_nothing(world, direction, total, share, pattern):
    offset = int(share * (total - 1))
    number = len(world.link.connections) + 1
    sent = pattern(total)
    sender, receiver = in_order(world.pair(), direction)
    fault = world.link.stall(when=AfterBytes(offset, direction, number))
    thread = send_in_thread(sender, sent)
    assert receiver.receives(sent[:offset])
    fault.wait_fired()
    assert receiver.sees() == "silence"
    assert fault.hits[-1] == number
    fault.heal()
    assert receiver.receives(sent[offset:])
    thread.join(SOON)
    sender.close()
    receiver.close()


@pytest.mark.parametrize("offset", [0, 1, 30_000, 4_000_000])
@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_a_black_hole_takes_every_byte_from_the_offset_on(world, direction, offset, pattern):
    total = offset + 20_000
    sent = pattern(total)
    sender, receiver = in_order(world.pair(), direction)
    fault = world.link.inject(Blackhole(direction=direction), when=AfterBytes(offset, direction))
    thread = send_in_thread(sender, sent)
    assert receiver.receives(sent[:offset])
    fault.wait_fired()
    thread.join(SOON)
    assert receiver.sees() == "silence"
    lost = "lost_up" if direction == "upstream" else "lost_down"
    world.link.wait_for(lambda history: getattr(history.connections[0], lost) == total - offset)


@pytest.mark.parametrize("offset", [0, 1000, 4_000_000])
def test_a_close_sends_its_fin_right_behind_the_offset(world, offset, pattern):
    client, server = world.pair()
    sent = pattern(offset + 50_000)
    fault = world.link.close(when=AfterBytes(offset))
    thread = send_in_thread(client, sent)
    assert read_to_the_end(server) == (sent[:offset], "FIN")
    fault.wait_fired()
    assert client.drains_to() == "FIN"
    client.close()
    server.close()
    thread.join(SOON)
    (connection,) = world.link.wait_for(all_closed).connections
    assert (connection.bytes_up, connection.closed_by, connection.close_reason) == (offset, "fault", "close")


@pytest.mark.parametrize("offset", [1000, 4_000_000])
def test_a_delay_meets_the_next_byte_and_none_before_it(world, offset, pattern):
    client, server = world.pair()
    sent = pattern(offset + 1000)
    fault = world.link.delay(0.3, direction="upstream", when=AfterBytes(offset))
    thread = send_in_thread(client, sent)
    assert server.receives(sent[:offset])
    assert server.receives(sent[offset:])
    assert time.monotonic() - fault.at >= 0.3
    thread.join(SOON)


def test_what_the_relay_holds_already_meets_the_fault_too(world):
    """All bytes were sent at once, so those beyond the offset are in the relay when the fault comes."""
    client, server = world.pair()
    world.link.throttle(10_000, direction="upstream", when=AfterBytes(10))
    started = time.monotonic()
    client.send(bytes(10) + bytes(3000))
    assert server.receives(bytes(10))
    assert server.receives(bytes(3000))
    assert time.monotonic() - started >= 0.3


def test_no_answer_to_the_bytes_before_a_cut_comes_through(world):
    """The lost acknowledgement: the server has the whole request, and the client never hears of it."""
    for number in range(1, 21):
        client, server = world.pair()
        fault = world.link.cut(when=AfterBytes(7, connection=number))
        client.send(b"request")
        assert server.receives(b"request")
        try:
            server.send(b"answer")
        except OSError:
            assert fault.has_fired
        assert read_to_the_end(client) == (b"", "RST")
        fault.heal()


def test_the_bytes_are_those_that_have_left_whatever_holds_them_before(world):
    client, server = world.pair()
    world.link.delay(0.3, direction="upstream")
    fault = world.link.reset(when=AfterBytes(5))
    sent_at = time.monotonic()
    client.send(b"1234567890")
    assert read_to_the_end(server) == (b"12345", "RST")
    fault.wait_fired()
    assert fault.at - sent_at >= 0.3


def test_bytes_that_left_before_the_trigger_was_set_count(world, pattern):
    client, server = world.pair()
    client.send(b"abcde")
    assert server.receives(b"abcde")
    world.link.wait_for(lambda history: history.connections[0].bytes_up == 5)
    world.link.reset(when=AfterBytes(8))
    client.send(b"fghij")
    assert read_to_the_end(server) == (b"fgh", "RST")


def test_an_offset_that_is_reached_exactly_now_fires_now(world):
    client, server = world.pair()
    client.send(b"abcde")
    assert server.receives(b"abcde")
    world.link.wait_for(lambda history: history.connections[0].bytes_up == 5)
    with world.link.stall():
        fault = world.link.reset(when=AfterBytes(5))
        fault.wait_fired()
        assert (client.ends_with(), server.ends_with()) == ("RST", "RST")


def test_several_offsets_on_one_stream_each_have_their_fault(world, pattern):
    client, server = world.pair()
    sent = pattern(LARGE)
    marks = [0, 10, 70_000, 70_000, 1_000_000, LARGE - 1]
    faults = [world.link.stall(when=AfterBytes(mark)) for mark in marks]
    thread = send_in_thread(client, sent)
    passed = 0
    for mark in sorted(set(marks)):
        assert server.receives(sent[passed:mark])
        passed = mark
        assert server.sees() == "silence"
        for fault, its_mark in zip(faults, marks, strict=True):
            assert fault.has_fired == (its_mark <= mark)
        for fault, its_mark in zip(faults, marks, strict=True):
            if its_mark == mark:
                fault.heal()
    assert server.receives(sent[passed:])
    thread.join(SOON)


def test_offsets_of_both_directions_are_reached_at_once(world):
    client, server = world.pair()
    faults = [world.link.stall(when=AfterBytes(3, direction)) for direction in ("upstream", "downstream")]
    client.send(b"abcdef")
    server.send(b"uvwxyz")
    for fault in faults:
        fault.wait_fired()
        fault.heal()
    assert server.receives(b"abcdef")
    assert client.receives(b"uvwxyz")


def test_a_connection_that_ends_before_its_offset_never_fires(world):
    client, server = world.pair()
    fault = world.link.cut(when=AfterBytes(100))
    client.send(b"x" * 99)
    client.close()
    assert read_to_the_end(server) == (b"x" * 99, "FIN")
    server.close()
    world.link.wait_for(all_closed)
    assert not fault.has_fired
    with pytest.raises(
        WaitTimeout,
        match=r"^cut\(\) on link '.*' has not fired: it waits for 100 bytes upstream on connection 1; "
        r"99 have passed, and that connection is over$",
    ):
        fault.wait_fired(0)
    world.pair()


def test_a_fin_right_behind_the_offset_meets_the_fault(world):
    client, server = world.pair()
    world.link.cut(when=AfterBytes(4))
    with world.link.stall():
        client.send(b"abcd")
        client.finish()
    assert read_to_the_end(server) == (b"abcd", "RST")


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_a_reset_waits_until_a_slow_reader_has_every_byte_before_it(world, direction, pattern):
    sender, receiver = in_order(world.pair(), direction)
    sent = pattern(LARGE)
    fault = world.link.reset(when=AfterBytes(LARGE - 10, direction))
    thread = send_in_thread(sender, sent)
    got = bytearray()
    receiver.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    while len(got) < LARGE // 2:
        got += receiver.sock.recv(1 << 12)
    rest, end = read_to_the_end(receiver)
    assert (bytes(got) + rest, end) == (sent[: LARGE - 10], "RST")
    fault.wait_fired()
    thread.join(SOON)


# Armed, disarmed, passed


def test_a_fault_that_is_healed_before_its_trigger_never_comes(world, pattern):
    client, server = world.pair()
    faults = [
        world.link.cut(when=trigger) for trigger in (OnConnection(2), OnDial(2), AfterBytes(3), AfterBytes(2_000_000))
    ]
    for fault in faults:
        assert repr(fault) == f"<cut() on link {world.link.name!r}: armed, waits for {fault.when}>"
        assert not fault.is_active
        fault.heal()
        assert fault.was_healed
    sent = pattern(LARGE)
    thread = send_in_thread(client, sent)
    assert server.receives(sent)
    thread.join(SOON)
    world.pair()
    assert not any(fault.has_fired for fault in faults)
    history = world.link.history()
    assert history.faults == ()
    assert [armed.when for armed in history.armed] == [fault.when for fault in faults]
    assert all(armed.disarmed_at is not None for armed in history.armed)
    with pytest.raises(NetchaosError, match=r"has not fired: it was healed while it waited for connection 2; the link"):
        faults[0].wait_fired()


def test_a_trigger_that_is_disarmed_in_the_middle_of_a_stream_leaves_it_whole(world, pattern):
    client, server = world.pair()
    sent = pattern(LARGE)
    thread = send_in_thread(client, sent)
    passed = 0
    for _ in range(8):
        fault = world.link.stall(when=AfterBytes(LARGE))
        assert server.receives(sent[passed : passed + LARGE // 10])
        passed += LARGE // 10
        fault.heal()
    assert server.receives(sent[passed:])
    thread.join(SOON)


@pytest.mark.parametrize(
    ("trigger", "seen"),
    [
        (OnConnection(1), "the link has seen 2 connections"),
        (OnConnection(2), "the link has seen 2 connections"),
        (OnDial(2), "the link has seen 2 dials"),
        (AfterBytes(4), "5 bytes have gone upstream on connection 1"),
        (AfterBytes(0, "downstream", 2), "connection 2 is over"),
    ],
)
def test_a_trigger_that_has_passed_is_refused_and_leaves_nothing_behind(world, trigger, seen):
    client, server = world.pair()
    client.send(b"abcde")
    assert server.receives(b"abcde")
    other, other_server = world.pair()
    other.close()
    other_server.close()
    world.link.wait_for(lambda h: h.connections[0].bytes_up == 5 and not h.connections[1].is_open)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        world.link.cut(when=trigger)
    assert str(caught.value) == f"when={trigger!r} can't come any more on link {world.link.name!r}: {seen}"
    assert (world.link.faults, world.link.history().armed) == ((), ())
    client.send(b"f")
    assert server.receives(b"f")
    world.pair()


def test_what_has_not_fired_has_no_time_and_no_hits_and_says_so(world):
    fault = world.link.cut(when=OnConnection(3))
    for read in (lambda: fault.at, lambda: fault.hits, lambda: fault.started_at):
        with pytest.raises(
            NetchaosError, match=r"has not fired: it waits for connection 3; the link has seen no connection$"
        ):
            read()
    assert fault.healed_at is None
    with pytest.raises(WaitTimeout, match=r"has not fired"):
        fault.wait(0)
    assert "cut() armed for connection 3" in repr(world.link)
    world.link.heal()
    assert "healthy" in repr(world.link)


def test_for_counts_from_when_it_fired(world):
    fault = world.link.cut(for_=0.3, when=OnConnection(1))
    assert not fault.has_fired
    assert dial_ends_with(world) == "RST"
    fault.wait()
    assert fault.healed_at - fault.at >= 0.3
    world.pair()


def test_the_first_window_of_a_flap_begins_with_its_trigger(world):
    fault = world.link.flap(0.1, 0.1, 2, when=OnConnection(2))
    world.pair()
    assert dial_ends_with(world) == "RST"
    fault.wait()
    spans = world.link.history().faults
    assert [span.cycle for span in spans] == [1, 2]
    assert spans[0].hits == (1, 2)
    assert 0.2 <= spans[1].started_at - spans[0].started_at < 0.2 + LATE


def test_toxicity_says_whom_it_meets_when_it_comes(world):
    pairs = [world.pair() for _ in range(15)]
    fault = world.link.reset(toxicity=0.5, when=OnConnection(16))
    with contextlib.suppress(ConnectionResetError):
        world.dial()
    fault.wait_fired()
    assert 0 < len(fault.hits) < 16
    for number, (client, _) in enumerate(pairs, 1):
        assert client.sees() == ("RST" if number in fault.hits else "silence")


def test_a_fault_that_waits_on_one_connection_meets_the_others_when_it_comes(world):
    first, second = world.pair(), world.pair()
    world.link.reset(when=AfterBytes(2, connection=2))
    first[0].send(b"abcdef")
    assert first[1].receives(b"abcdef")
    second[0].send(b"abcdef")
    assert read_to_the_end(second[1]) == (b"ab", "RST")
    assert first[0].ends_with() == "RST"


def test_a_link_that_is_closed_with_faults_armed_says_what_never_fired(world, netchaos):
    client, _ = world.pair()
    world.link.cut(when=OnConnection(2))
    world.link.stall(when=AfterBytes(1000))
    netchaos.close()
    history = world.link.history()
    assert [armed.when for armed in history.armed] == [OnConnection(2), AfterBytes(1000)]
    assert all(armed.disarmed_at is not None for armed in history.armed)
    assert history.faults == ()
    assert "never fired: cut() at connection 2; the link has seen 1 connection" in str(netchaos.timeline)
    assert client.ends_with() in ("FIN", "RST")


@pytest.mark.parametrize("fault", [Delay(0.05), Throttle(1e6), Flap(0.05, 0.05, 1, Stall())], ids=str)
def test_many_connections_under_load_all_bring_their_faults_and_lose_nothing(world, fault, pattern):
    sent = pattern(200_000)
    faults = [world.link.inject(fault, when=AfterBytes(123_457 + number, connection=number)) for number in range(1, 9)]
    pairs = [world.pair() for _ in range(8)]
    threads = [send_in_thread(client, sent) for client, _ in pairs]
    for _, server in pairs:
        assert server.receives(sent)
    for thread in threads:
        thread.join(SOON)
    for number, each in enumerate(faults, 1):
        each.wait_fired()
        assert number in each.hits
