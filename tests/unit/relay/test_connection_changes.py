"""A connection that faults change, sever or end at their time."""

from __future__ import annotations

import socket
from time import monotonic

import pytest

from pytest_netchaos.relay.fault import Fault
from pytest_netchaos.relay.flow import HOLD, OPEN
from pytest_netchaos.relay.rhythm import once

FREE = (OPEN, {})


def fault(kind, *values, id_=1, direction="downstream"):
    return Fault(id_, kind, once(), direction=direction, values=tuple(map(float, values)))


def put(connection, *faults, gate=OPEN):
    """Put these faults in force, and no others, as the proxy does."""
    connection.expire({each.id: each for each in faults if each.kind in ("timeout", "reset_peer")})
    up, down = (
        {
            each.id: lambda each=each, d=direction: each.stage(1, d)
            for each in faults
            if each.direction in (direction, "both")
        }
        for direction in ("upstream", "downstream")
    )
    connection.set((gate, up), (gate, down))


def last(talk):
    return talk.watcher.events[-1]


@pytest.mark.parametrize("direction", ["upstream", "downstream", "both"])
def test_who_is_severed_gets_a_fin_on_both_sides_and_the_fault_is_the_reason(talk, spin, read_all, direction):
    timeout = fault("timeout", 0, direction=direction)
    put(talk.connection, timeout)
    talk.connection.sever(timeout)
    spin(lambda: talk.connection.is_over)
    assert read_all(talk.client) == (b"", "FIN")
    assert read_all(talk.server) == (b"", "FIN")
    assert last(talk) == ("ended", "fault", "FIN", "timeout")


def test_the_direction_that_a_timeout_is_not_on_delivers_what_has_arrived(talk, spin, read_all):
    timeout = fault("timeout", 0)
    put(talk.connection, timeout)
    talk.server.sendall(b"dropped")
    spin(lambda: talk.connection.down.dropped == 7)
    talk.client.sendall(b"to the server")
    talk.connection.sever(timeout)
    spin(lambda: talk.connection.is_over)
    assert read_all(talk.server) == (b"to the server", "FIN")
    assert read_all(talk.client) == (b"", "FIN")
    assert talk.connection.totals() == (13, 0, 0, 7)


def test_peers_that_go_on_writing_to_a_severed_connection_get_a_fin_and_no_rst(talk, spin, read_all):
    timeout = fault("timeout", 0, direction="both")
    put(talk.connection, timeout)
    talk.connection.sever(timeout)
    spin(lambda: talk.connection.is_over)
    talk.client.sendall(b"late")
    talk.server.sendall(b"late")
    assert read_all(talk.client) == (b"", "FIN")
    assert read_all(talk.server) == (b"", "FIN")
    talk.client.close()
    talk.server.close()
    spin(lambda: talk.connection.client.sock is None)


def test_a_connection_is_severed_before_the_upstream_has_accepted(dial, read_all):
    made = dial()
    timeout = fault("timeout", 0)
    put(made.connection, timeout, gate=HOLD)
    made.connection.sever(timeout)
    assert made.connection.is_over
    assert last(made) == ("ended", "fault", "FIN", "timeout")
    assert read_all(made.client) == (b"", "FIN")


def test_a_limit_closes_both_sides_after_its_bytes(talk, spin, read_all):
    put(talk.connection, fault("limit_data", 4))
    talk.server.sendall(b"abcdefgh")
    talk.client.sendall(b"a question")
    spin(lambda: talk.connection.is_over)
    assert read_all(talk.client) == (b"abcd", "FIN")
    assert read_all(talk.server) == (b"a question", "FIN")
    assert last(talk) == ("ended", "fault", "FIN", "limit")
    assert talk.connection.totals() == (10, 4, 0, 4)


def test_a_fault_that_closed_one_direction_is_the_reason_whoever_hangs_up_then(talk, spin, read_all):
    put(talk.connection, fault("limit_data", 0), fault("slow_close", 100, id_=2, direction="upstream"))
    talk.server.sendall(b"x")
    spin(lambda: talk.connection.down.over)
    assert read_all(talk.client) == (b"", "FIN")
    assert not talk.connection.is_over, "the other direction's end is held"
    talk.client.close()
    put(talk.connection)
    spin(lambda: talk.connection.is_over)
    assert last(talk) == ("ended", "fault", "FIN", "limit")


def test_values_that_change_are_for_both_directions(talk, spin):
    slow = fault("latency", 100, 0, direction="both")
    put(talk.connection, slow)
    talk.client.sendall(b"up")
    talk.server.sendall(b"down")
    spin(lambda: talk.connection.received() == (2, 4))
    assert talk.connection.totals() == (0, 0, 0, 0)
    slow.values = (0.0, 0.0)
    talk.connection.change(slow)
    put(talk.connection, slow)
    assert (talk.server.recv(9), talk.client.recv(9)) == (b"up", b"down")
    assert (talk.connection.totals()[:2], talk.connection.received()) == ((2, 4), (2, 4))


def test_a_reset_comes_at_its_time_and_to_an_idle_connection(talk, spin, read_all):
    started = monotonic()
    put(talk.connection, fault("reset_peer", 0.05))
    spin(lambda: talk.connection.is_over)
    assert monotonic() - started >= 0.05
    assert [read_all(talk.client), read_all(talk.server)] == [(b"", "RST")] * 2
    assert last(talk) == ("ended", "fault", "RST", "reset_peer")


def test_a_timeout_is_not_started_anew_by_bytes_or_by_other_faults(talk, spin):
    timeout = fault("timeout", 1.0)
    started = monotonic()
    put(talk.connection, timeout)
    seen = []

    def chatter():
        talk.server.send(b"x")
        put(talk.connection, timeout, *[fault("latency", 0, 0, id_=2)] * (len(seen) % 2))
        seen.append(1)
        return talk.connection.is_over

    spin(chatter)
    assert len(seen) > 5
    assert 1.0 <= monotonic() - started < 5.0


@pytest.mark.parametrize("how", ["taken back", "over"])
def test_a_deadline_that_nobody_wants_any_more_ends_nothing(talk, spin, how):
    put(talk.connection, fault("reset_peer", 0.02))
    if how == "taken back":
        put(talk.connection)
    else:
        talk.connection.reset("fault", "cut")
    later = monotonic() + 0.05
    spin(lambda: monotonic() > later)
    assert talk.connection.is_over is (how == "over")
    assert [event for event in talk.watcher.events if event[-1] == "reset_peer"] == []


def test_a_deadline_that_changes_counts_from_the_change(talk, spin):
    timeout = fault("timeout", 100)
    put(talk.connection, timeout)
    timeout.values = (0.02,)
    started = monotonic()
    talk.connection.change(timeout)
    spin(lambda: talk.connection.is_over)
    assert monotonic() - started >= 0.02


def test_a_connection_that_is_over_takes_no_deadline(talk):
    talk.connection.reset("fault", "cut")
    talk.connection.expire({1: fault("reset_peer", 0)})
    assert talk.connection._deadlines is None


def test_what_the_peers_sent_is_received_wherever_it_is(talk, spin):
    put(talk.connection, fault("timeout", 0, direction="upstream"), fault("latency", 100, 0, id_=2))
    talk.client.sendall(b"dropped")
    talk.server.sendall(b"late")
    spin(lambda: talk.connection.received() == (7, 4))
    assert talk.connection.totals() == (0, 0, 7, 0)
    talk.connection.reset("fault", "cut")
    assert talk.connection.received() == (7, 4), "a counter never goes back"


def test_a_half_closed_connection_is_severed_where_it_is_open(talk, spin, read_all):
    timeout = fault("timeout", 0)
    put(talk.connection, timeout)
    talk.client.shutdown(socket.SHUT_WR)
    spin(lambda: talk.connection.up.over)
    assert read_all(talk.server) == (b"", "FIN")
    talk.server.sendall(b"an answer that is dropped")
    spin(lambda: talk.connection.down.dropped)
    talk.connection.sever(timeout)
    spin(lambda: talk.connection.is_over)
    assert read_all(talk.client) == (b"", "FIN")
