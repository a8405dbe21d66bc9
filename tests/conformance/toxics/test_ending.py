"""Toxics that end connections, and how ends pass through: FIN as FIN, RST as RST, each in its direction."""

from __future__ import annotations

import socket
import time

import pytest
from tests.conformance.toxics.rig import DIAGONAL, LATE, sender_first


def test_timeout_drops_bytes_and_closes_both_sides_after_its_time(rig, stream, when):
    started = time.monotonic()
    sender, receiver = rig.poisoned(when, "timeout", stream, timeout=300)
    assert receiver.ends_with() == "FIN"
    assert sender.ends_with() == "FIN"
    assert 0.3 <= time.monotonic() - started < 0.3 + LATE


def test_what_a_timeout_is_on_loses_its_bytes_and_the_other_direction_none(rig, stream, when, data):
    sender, receiver = rig.poisoned(when, "timeout", stream, timeout=0)
    sender.send(data)
    assert receiver.sees() == "silence"
    receiver.send(data)
    assert sender.receives(data)


@DIAGONAL
@pytest.mark.unlike_toxiproxy("each chunk starts the timer anew", strict=False)
def test_traffic_does_not_start_a_timeout_anew(rig, stream, when):
    started = time.monotonic()
    sender, receiver = rig.poisoned(when, "timeout", stream, timeout=1000)  # a busy machine isn't silent so long
    receiver.sock.settimeout(0.02)
    over = False
    while not over and time.monotonic() - started < 3.0:
        sender.send(b"x")
        try:
            over = not receiver.sock.recv(1)
        except TimeoutError:
            continue
    assert over
    assert time.monotonic() - started >= 1.0


def test_the_end_of_a_stream_passes_through_a_timeout(rig, stream, when):
    sender, receiver = rig.poisoned(when, "timeout", stream, timeout=0)
    sender.finish()
    assert receiver.ends_with() == "FIN"


def test_reset_peer_resets_after_the_first_bytes_came(rig, stream):
    started = time.monotonic()
    sender, receiver = rig.poisoned("new", "reset_peer", stream, timeout=200)
    sender.send(b"x")
    assert receiver.ends_with() == "RST"
    assert sender.ends_with() == "RST"
    assert 0.2 <= time.monotonic() - started < 0.2 + LATE


@pytest.mark.unlike_toxiproxy("it waits for the next byte, and gives connections that it had a FIN")
def test_reset_peer_resets_idle_connections_when_it_says(rig, stream, when):
    started = time.monotonic()
    sender, receiver = rig.poisoned(when, "reset_peer", stream, timeout=200)
    assert receiver.ends_with() == "RST"
    assert sender.ends_with() == "RST"
    assert 0.2 <= time.monotonic() - started < 0.2 + LATE


@pytest.mark.unlike_toxiproxy("it waits for the next byte")
def test_a_reset_peer_of_0_resets_who_is_there_at_once_and_who_comes(rig, stream):
    for peer in rig.poisoned("live", "reset_peer", stream, timeout=0):
        assert peer.ends_with() == "RST"
    with pytest.raises(ConnectionResetError):
        rig.dial().sock.recv(1)  # or to connect fails already


@pytest.mark.unlike_toxiproxy("it gives connections that it had a FIN")
def test_reset_peer_resets_a_busy_live_connection(rig, stream, data):
    sender, receiver = rig.live_pair() if stream == "upstream" else rig.live_pair()[::-1]
    sender.send(data)
    assert receiver.receives(data)
    rig.add("reset_peer", stream, timeout=100)
    sender.send(data)
    assert receiver.drains_to() == "RST"
    assert sender.drains_to() == "RST"


@pytest.mark.parametrize("count", [1, 1000, 40_000])
def test_limit_data_lets_exactly_its_bytes_through_and_closes(rig, stream, when, count, data):
    sender, receiver = rig.poisoned(when, "limit_data", stream, bytes=count)
    sender.send(data)
    assert receiver.read(len(data)) == data[:count]
    assert receiver.ends_with() == "FIN"
    assert sender.drains_to() != "silence"


def test_limit_data_closes_with_its_last_byte_and_not_with_the_next(rig, stream, when):
    sender, receiver = rig.poisoned(when, "limit_data", stream, bytes=6)
    sender.send(b"abc")
    assert receiver.receives(b"abc")
    assert receiver.sees() == "silence"
    sender.send(b"def")
    assert receiver.receives(b"def")
    assert receiver.ends_with() == "FIN"
    assert sender.ends_with() == "FIN"


def test_limit_data_counts_from_when_it_was_added(rig, stream, data):
    sender, receiver = sender_first(rig.live_pair(), stream)
    sender.send(data)
    assert receiver.receives(data)
    rig.add("limit_data", stream, bytes=5)
    sender.send(b"abcdefgh")
    assert receiver.read(9) == b"abcde"


@pytest.mark.unlike_toxiproxy("what is unread when it closes may give the sender an RST", strict=False)
def test_who_goes_on_sending_past_a_limit_gets_a_fin(rig, stream, data):
    sender, receiver = rig.poisoned("live", "limit_data", stream, bytes=10)
    sender.send(data * 20)
    assert receiver.drains_to() == "FIN"
    assert sender.ends_with() == "FIN"


def test_a_fin_arrives_as_a_fin(rig, stream, data):
    sender, receiver = sender_first(rig.live_pair(), stream)
    sender.send(data)
    sender.close()
    assert receiver.receives(data)
    assert receiver.ends_with() == "FIN"


@pytest.mark.unlike_toxiproxy("a FIN in one direction ends both")
@pytest.mark.parametrize("toxic", ["noop", "latency", "slow_close"])
def test_who_has_stopped_writing_still_gets_the_answer(rig, stream, toxic, data):
    sender, receiver = rig.poisoned("live", toxic, stream)
    sender.send(b"the question")
    sender.finish()
    assert receiver.receives(b"the question")
    assert receiver.ends_with() == "FIN"
    receiver.send(data)
    receiver.close()
    assert sender.receives(data)
    assert sender.ends_with() == "FIN"


@pytest.mark.unlike_toxiproxy("an RST arrives as a FIN")
def test_an_rst_arrives_as_an_rst(rig, stream):
    sender, receiver = sender_first(rig.live_pair(), stream)
    sender.reset()
    assert receiver.ends_with() == "RST"


@pytest.mark.unlike_toxiproxy("it accepts, and closes with a FIN")
def test_a_dial_to_a_server_that_does_not_listen_is_reset(rig):
    rig.listener.close()
    with pytest.raises(ConnectionResetError):
        rig.dial().sock.recv(1)  # or to connect fails already


def test_a_client_that_sends_and_hangs_up_at_once_is_heard(rig, data):
    client = rig.dial()
    client.send(data)
    client.sock.shutdown(socket.SHUT_WR)
    server = rig.accept()
    assert server.receives(data)
    assert server.ends_with() == "FIN"
