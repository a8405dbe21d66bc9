from __future__ import annotations

import pytest

from pytest_netchaos.faults import Cut, Delay, Flap, Refuse, Reset, Stall
from pytest_netchaos.history import ArmedFault, Connection, Dial, FaultSpan
from pytest_netchaos.linklog import LinkLog, with_waits
from pytest_netchaos.triggers import OnConnection, OnDial


@pytest.fixture
def log():
    return LinkLog("db")


def serve(log, dial, *, at, until=None):
    log.dialled(at, f"peer{dial}")
    log.opened(at + 0.1, dial)
    if until is not None:
        log.closed(until, log.opened_count, "client", "FIN", "")


def test_nothing_has_happened_yet(log):
    history = log.history(7.0)
    assert (history.link, history.now) == ("db", 7.0)
    assert (list(history.dials), history.connections, history.faults) == ([], (), ())
    assert (log.opened_count, log.dialled_count) == (0, 0)


def test_a_dial_is_pending_then_served_then_over(log):
    log.dialled(1.0, "1.2.3.4:5")
    assert list(log.history(1).dials) == [Dial(1, 1.0, "pending", "1.2.3.4:5")]
    assert (log.dialled_count, log.opened_count) == (1, 0)
    log.opened(1.5, 1)
    assert list(log.history(2).dials) == [Dial(1, 1.0, "served", "1.2.3.4:5", connection=1)]
    assert log.history(2).connections == (Connection(1, 1, 1.5),)
    log.counted(1, 10, 20, 3, 4)
    log.closed(2.0, 1, "server", "RST", "why")
    assert log.history(3).connections == (Connection(1, 1, 1.5, 10, 20, 3, 4, 2.0, "server", "RST", "why", 2.0),)
    assert log.history(3).dials[0].ended_at == 2.0
    assert log.opened_count == 1


def test_a_refused_dial_ends_when_it_was_refused(log):
    log.dialled(1.0, "p")
    log.refused(1.25, 1, "cut")
    assert list(log.history(2).dials) == [Dial(1, 1.0, "refused", "p", "cut", ended_at=1.25)]


def test_the_first_hang_up_ends_a_dial(log):
    serve(log, 1, at=1.0)
    log.hung_up(2.0, 1, "server")
    log.hung_up(2.5, 1, "client", answers=True)
    log.closed(3.0, 1, "server", "FIN", "")
    assert (log.history(4).dials[0].ended_at, log.history(4).dials[0].hung_up_at) == (2.0, None)
    assert log.history(4).connections[0].closed_at == 3.0


def test_a_client_that_hangs_up_by_itself_ends_its_dial_whatever_a_fault_hid_from_it(log):
    serve(log, 1, at=1.0)
    log.hung_up(2.0, 1, "server")
    log.hung_up(2.5, 1, "client")
    log.hung_up(2.75, 1, "client")
    log.closed(3.0, 1, "fault", "RST", "blackhole took 4 bytes")
    assert (log.history(4).dials[0].ended_at, log.history(4).dials[0].hung_up_at) == (2.5, 2.5)


def test_a_server_that_hangs_up_by_itself_is_told_of_whatever_a_fault_hid_from_it(log):
    serve(log, 1, at=1.0)
    log.hung_up(2.0, 1, "client")
    log.hung_up(2.5, 1, "server")
    log.hung_up(2.75, 1, "server")
    log.closed(3.0, 1, "fault", "RST", "blackhole took 4 bytes")
    (connection,) = log.history(4).connections
    assert (log.history(4).dials[0].hung_up_at, connection.server_hung_up_at) == (2.0, 2.5)


def test_a_server_that_answers_the_clients_end_has_not_hung_up_by_itself(log):
    serve(log, 1, at=1.0)
    log.hung_up(2.0, 1, "client")
    log.hung_up(2.5, 1, "server", answers=True)
    log.closed(3.0, 1, "client", "FIN", "")
    assert log.history(4).connections[0].server_hung_up_at is None


def test_a_server_that_ends_a_dial_before_it_has_accepted_has_no_connection(log):
    log.dialled(1.0, "p")
    log.hung_up(1.5, 1, "server")
    log.refused(2.0, 1, "ECONNRESET")
    assert log.history(3).connections == ()


@pytest.mark.parametrize("by", ["client", "server", "fault", "link"])
def test_a_close_of_which_nobody_had_heard_before_tells_who_hung_up(log, by):
    serve(log, 1, at=1.0)
    log.closed(2.0, 1, by, "RST", "")
    (dial,), (connection,) = log.history(4).dials, log.history(4).connections
    assert dial.ended_at == 2.0
    assert dial.hung_up_at == (2.0 if by == "client" else None)
    assert connection.server_hung_up_at == (2.0 if by == "server" else None)


def test_a_client_that_hung_up_before_it_was_refused_ended_then(log):
    log.dialled(1.0, "p")
    log.hung_up(1.5, 1, "client")
    log.refused(2.0, 1, "ECONNREFUSED")
    assert log.history(3).dials[0].ended_at == 1.5


def test_connections_are_numbered_apart_from_dials(log):
    log.dialled(1.0, "a")
    log.refused(1.0, 1, "cut")
    serve(log, 2, at=2.0)
    serve(log, 3, at=3.0)
    assert [(c.number, c.dial) for c in log.history(4).connections] == [(1, 2), (2, 3)]
    assert [d.connection for d in log.history(4).dials] == [None, 1, 2]


def test_a_history_does_not_change_afterwards(log):
    serve(log, 1, at=1.0)
    before = log.history(2)
    log.closed(3.0, 1, "client", "FIN", "")
    log.dialled(4.0, "q")
    assert before.connections[0].is_open
    assert len(before.dials) == 1


@pytest.mark.parametrize(
    ("lives", "waits"),
    [
        ([], []),
        ([(1, 2)], [None]),
        ([(1, 2), (2.5, 3)], [None, 0.5]),
        ([(1, 2), (2, 3), (7, None)], [None, 0.0, 4.0]),
        ([(1, 3), (2, 4), (5, None)], [None, None, 1.0]),
        ([(1, None), (2, 3), (4, 5)], [None, None, 1.0]),
    ],
)
def test_how_long_a_client_waited_before_it_dialled_again(lives, waits):
    dials = [Dial(number, at, "refused", ended_at=end) for number, (at, end) in enumerate(lives, 1)]
    assert [dial.waited for dial in with_waits(dials)] == waits


def test_a_fault_has_a_span_until_it_is_healed(log):
    log.injected(1, Cut())
    assert log.span(1) is None
    log.struck(1.0, 1, 1, (3, 4))
    assert log.span(1) == FaultSpan(Cut(), 1.0, None, (3, 4), 1)
    assert not log.is_over(1)
    log.healed(2.0, 1)
    log.healed(3.0, 1)
    log.over(1)
    assert log.span(1).healed_at == 2.0
    assert log.is_over(1)


def test_an_instant_fault_is_healed_as_it_strikes(log):
    log.injected(1, Reset())
    log.struck(1.0, 1, 1, ())
    log.healed(5.0, 1)
    assert log.span(1) == FaultSpan(Reset(), 1.0, 1.0, (), 1)


@pytest.mark.parametrize("inner", [Cut(), Stall(), Reset()])
def test_a_flap_has_a_span_of_its_inner_fault_for_each_cycle(log, inner):
    log.injected(1, Flap(fault=inner))
    for cycle in (1, 2):
        log.struck(float(cycle), 1, cycle, (cycle,))
        log.healed(cycle + 0.5, 1)
    ends = (1.0, 2.0) if inner.instant else (1.5, 2.5)
    assert log.history(3).faults == (
        FaultSpan(inner, 1.0, ends[0], (1,), 1),
        FaultSpan(inner, 2.0, ends[1], (2,), 2),
    )
    assert log.span(1).cycle == 2


def test_faults_that_overlap_heal_each_its_own_span(log):
    log.injected(1, Cut())
    log.injected(2, Stall())
    log.struck(1.0, 1, 1, ())
    log.struck(2.0, 2, 1, ())
    log.healed(3.0, 1)
    log.healed(4.0, 2)
    assert [(s.fault.kind, s.healed_at) for s in log.history(5).faults] == [("cut", 3.0), ("stall", 4.0)]


@pytest.mark.parametrize(
    ("fault", "blind"), [(Cut(), "half"), (Refuse(), "half"), (Flap(), "half"), (Delay(1), ""), (Stall(), "")]
)
def test_dials_are_out_of_sight_only_where_the_port_was_closed(log, fault, blind):
    log.blind = "half"
    log.injected(1, fault)
    assert log.history(1).dials.blind == ""
    log.struck(1.0, 1, 1, ())
    assert log.history(2).dials.blind == blind


@pytest.mark.parametrize(("at", "is_refused"), [(0.9, False), (1.0, True), (1.5, True), (2.0, False), (2.1, False)])
def test_an_overheard_dial_was_refused_if_the_port_was_closed_then(log, at, is_refused):
    log.injected(1, Refuse())
    log.struck(1.0, 1, 1, ())
    log.healed(2.0, 1)
    log.overheard(at)
    assert log.dialled_count == is_refused
    expected = [Dial(1, at, "refused", reason="refuse", ended_at=at)] if is_refused else []
    assert list(log.history(3).dials) == expected


def test_an_overheard_dial_means_nothing_under_other_faults(log):
    log.injected(1, Stall())
    log.struck(1.0, 1, 1, ())
    log.overheard(1.5)
    assert log.dialled_count == 0


def test_overheard_dials_take_their_places_and_numbers_among_the_others(log):
    serve(log, 1, at=0.5, until=1.0)
    log.injected(1, Cut())
    log.struck(1.0, 1, 1, (1,))
    for at in (1.25, 1.5):
        log.overheard(at)
    log.healed(2.0, 1)
    serve(log, 2, at=2.5)
    history = log.history(3)
    assert [(d.number, d.at, d.outcome) for d in history.dials] == [
        (1, 0.5, "served"), (2, 1.25, "refused"), (3, 1.5, "refused"), (4, 2.5, "served"),
    ]  # fmt: skip
    assert [d.waited for d in history.dials] == [None, 0.25, 0.25, 1.0]
    assert [c.dial for c in history.connections] == [1, 4]
    assert [d.connection for d in history.dials] == [1, None, None, 2]
    assert log.dialled_count == 4
    log.closed(4.0, 2, "client", "FIN", "")
    assert log.history(5).dials[3].ended_at == 4.0


def test_each_record_changes_the_one_that_it_is_about(log):
    serve(log, 1, at=1.0)
    serve(log, 2, at=1.5)
    log.dialled(1.75, "peer3")
    log.hung_up(2.0, 3, "client")
    log.refused(2.5, 3, "ECONNREFUSED")
    log.dialled(3.0, "peer4")
    log.refused(3.5, 4, "ECONNREFUSED")
    log.counted(1, 10, 20, 0, 0)
    log.counted(2, 30, 40, 0, 0)
    log.closed(4.0, 1, "client", "FIN", "")
    history = log.history(5)
    assert [(c.bytes_up, c.bytes_down, c.closed_at) for c in history.connections] == [(10, 20, 4.0), (30, 40, None)]
    assert [d.ended_at for d in history.dials] == [4.0, None, 2.0, 3.5]
    assert [d.outcome for d in history.dials] == ["served", "served", "refused", "refused"]


def test_a_fault_with_a_time_says_when_it_is_to_end(log):
    log.injected(1, Cut(), 0.5)
    log.injected(2, Cut())
    log.struck(1.0, 1, 1, ())
    log.struck(2.0, 2, 1, ())
    assert [span.until for span in log.history(3).faults] == [1.5, None]


def test_a_fault_that_waits_is_known_and_is_no_span(log):
    log.injected(1, Cut(), 0.5)
    log.armed(1.0, 1, OnDial(2))
    log.injected(2, Stall())
    log.armed(2.0, 2, OnConnection(1))
    assert log.history(3).armed == (ArmedFault(Cut(), OnDial(2), 1.0), ArmedFault(Stall(), OnConnection(1), 2.0))
    assert log.history(3).faults == ()
    assert log.first_span(1) is None
    log.struck(4.0, 1, 1, (3,))
    assert log.history(5).faults == (FaultSpan(Cut(), 4.0, None, (3,), 1, 4.5),)
    assert log.history(5).armed == (ArmedFault(Stall(), OnConnection(1), 2.0),)


def test_a_fault_that_was_healed_while_it_waited_says_when(log):
    log.injected(1, Cut())
    log.armed(1.0, 1, OnDial(2))
    log.over(1, 2.5)
    assert log.history(3).armed == (ArmedFault(Cut(), OnDial(2), 1.0, 2.5),)
    assert log.is_over(1)


def test_a_fault_that_was_refused_never_waited(log):
    log.injected(1, Cut())
    log.armed(1.0, 1, OnDial(2))
    log.over(1, 1.5)
    log.withdrawn(1)
    assert log.history(3).armed == ()
