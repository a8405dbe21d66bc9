from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.matchers.scripts import TICK, Replay, Script, fits, text

from pytest_netchaos.faults import Blackhole, Cut, Stall
from pytest_netchaos.history import FaultSpan, Outage
from pytest_netchaos.matchers.dead_peer import dead_peer_detected


def silent(*hung_up, fault=Blackhole(), end=None):  # noqa: B008 - it is frozen
    """Connections that a silence hits at 1.0; their clients hang up at these times, or never."""
    script = Script()
    for _ in hung_up:
        script.serve(0.0)
    script.fault(fault, 1.0, end, tuple(range(1, len(hung_up) + 1)))
    for dial, at in enumerate(hung_up, 1):
        if at is not None:
            script.hang_up(at, dial)
    return script


@pytest.mark.parametrize("fault", [Blackhole(), Stall(), Blackhole(direction="upstream")])
@pytest.mark.parametrize(
    ("hung_up", "now", "holds"),
    [
        ([1.5], 9.0, True),
        ([1.5], 1.5, True),
        ([2.0], 9.0, True),
        ([2.001], 9.0, False),
        ([None], 9.0, False),
        ([None], 1.5, False),
        ([1.5, 1.75], 9.0, True),
        ([1.5, None], 9.0, False),
        ([0.5], 9.0, False),
        ([0.5, 1.5], 9.0, True),
        ([], 9.0, False),
    ],
)
def test_dead_peer_detected(fault, hung_up, now, holds):
    assert (dead_peer_detected(1.0).explain(silent(*hung_up, fault=fault).at(now)) == []) is holds


@pytest.mark.parametrize(
    ("hung_up", "end", "holds"),
    [
        (1.25, 1.5, True),
        (1.5, 1.5, True),
        (1.75, 1.5, False),
        (None, 1.5, False),
        (None, 3.0, False),
        (2.5, 3.0, False),
    ],
)
def test_what_a_client_does_after_the_heal_counts_for_nothing(hung_up, end, holds):
    assert (dead_peer_detected(1.0).explain(silent(hung_up, end=end).at(9.0)) == []) is holds


def test_an_answer_is_no_detection():
    script = silent(None, fault=Stall(direction="upstream")).hang_up(1.25, 1, "server")
    assert script.hang_up(1.26, 1, answers=True).at(9.0) != dead_peer_detected(1.0)


def test_what_the_black_hole_hid_from_a_client_does_not_matter():
    script = silent(None).hang_up(1.25, 1, "server").hang_up(1.75, 1)
    assert script.at(9.0) == dead_peer_detected(1.0)
    assert script.at(9.0) != dead_peer_detected(0.5)


@pytest.mark.parametrize("at", [1.5, 2.0])
def test_a_server_may_be_the_one_to_find_out(at):
    script = silent(None).hang_up(at, 1, "server")
    assert script.at(9.0) == dead_peer_detected(1.0, by="server")
    assert script.at(9.0) != dead_peer_detected(1.0)


def test_a_server_finds_out_although_the_client_did_so_before():
    script = silent(1.25).hang_up(1.75, 1, "server")
    assert script.at(9.0) == dead_peer_detected(1.0, by="server")
    assert script.at(9.0) != dead_peer_detected(0.5, by="server")


def test_what_a_server_answers_is_no_detection():
    script = silent(1.25, fault=Stall(direction="downstream")).hang_up(1.26, 1, "server", answers=True)
    assert script.at(9.0) == dead_peer_detected(1.0)
    assert script.at(9.0) != dead_peer_detected(1.0, by="server")


def test_a_connection_that_was_ending_need_not_be_detected():
    script = Script().serve(0.0).hang_up(0.5, 1, "server").fault(Stall(), 1.0, None, (1,))
    assert dead_peer_detected(1.0).explain(script.hang_up(1.5, 1, answers=True).at(9.0)) == [
        "no connection was in use when the stall began: nothing to detect: dead_peer_detected(within=1.0)"
    ]


def test_a_client_that_has_dialled_into_the_silence_is_judged_since_its_dial():
    history = Script().fault(Stall(direction="downstream"), 1.0).serve(1.5).hang_up(2.25, 1).at(9.0)
    assert dead_peer_detected(1.0).explain(history) == [
        "no connection was in use when the stall began: nothing to detect: dead_peer_detected(within=1.0)",
        "  connection 1 was opened 0.500s later; to judge it, say since=link.connections[0].opened_at",
    ]
    assert history == dead_peer_detected(1.0, since=history.connections[0].opened_at)
    assert history != dead_peer_detected(0.5, since=history.connections[0].opened_at)


def test_who_has_dialled_after_the_heal_is_not_recommended():
    history = Script().fault(Stall(), 1.0, 1.25).serve(1.5).at(9.0)
    assert dead_peer_detected(1.0).explain(history) == [
        "no connection was in use when the stall began: nothing to detect: dead_peer_detected(within=1.0)"
    ]


def test_a_connection_that_the_fault_spared_need_not_be_detected():
    script = Script().serve(0.0).serve(0.0).fault(Stall(toxicity=0.5), 1.0, None, (2,)).hang_up(1.5, 2)
    assert script.at(9.0) == dead_peer_detected(1.0)


def test_the_last_silence_counts():
    script = Script().serve(0.0).fault(Stall(), 1.0, 1.5, (1,)).fault(Blackhole(), 5.0, None, (1,)).hang_up(5.5, 1)
    assert script.fault(Cut(), 7.0).at(9.0) == dead_peer_detected(1.0)


def test_it_counts_from_a_fault_or_a_time():
    script = Script().serve(0.0).fault(Stall(), 1.0, None, (1,)).hang_up(1.5, 1).serve(2.0).fault(Stall(), 3.0)
    seen = script.at(9.0)
    assert seen == dead_peer_detected(1.0, since=FaultSpan(Stall(), 1.0))
    assert seen != dead_peer_detected(1.0)
    assert seen == dead_peer_detected(1.0, since=1.25)
    assert seen != dead_peer_detected(0.25, since=1.0)
    assert seen != dead_peer_detected(1.0, since=2.5), "connection 2 stands"
    assert seen != dead_peer_detected(1.0, since=1.75), "nobody was connected"


def test_who_hangs_up_when_a_paused_server_goes_on_has_detected_nothing():
    seen = Script().serve(0.0).hang_up(2.25, 1).at(9.0)
    assert seen == dead_peer_detected(2.0, since=Outage(1.0, None, ("pause",)))
    assert dead_peer_detected(2.0, since=Outage(1.0, 1.5, ("pause",))).explain(seen) == [
        "the pause was over after 0.500s, too soon to judge by: dead_peer_detected(within=2.0, since=<pause>)",
        "  connection 1  its client hung up after 1.250s",
    ]
    assert seen == dead_peer_detected(1.5, since=Outage(1.0, 2.5, ("pause",)))


@pytest.mark.parametrize(
    ("seen", "deadline"),
    [
        (silent(None).at(1.25), 2.0),
        (silent(1.125, None).at(1.25), 2.0),
        (silent(1.125).at(1.25), None),
        (silent(None, end=1.125).at(1.25), None),
        (silent(None).close(1.125, 1, "fault").at(1.25), None),
        (silent(None, None).close(1.125, 1, "fault").at(1.25), None),
        (silent().at(1.25), None),
        (Script().serve(0.0).at(1.25), None),
    ],
)
def test_its_deadline_counts_from_the_start_while_somebody_may_find_out(seen, deadline):
    assert dead_peer_detected(1.0).deadline(seen) == deadline


def test_a_link_is_waited_for():
    link = Replay(silent(1.25, 1.75), 1.0)
    assert link == dead_peer_detected(1.0)
    assert link.now == 1.75


def test_a_link_is_waited_for_until_its_server_finds_out():
    link = Replay(silent(1.25).hang_up(1.75, 1, "server"), 1.0)
    assert link == dead_peer_detected(1.0, by="server")
    assert link.now == 1.75


def test_a_link_is_waited_for_no_longer_than_its_time():
    link = Replay(silent(1.25, 7.0), 1.0)
    assert link != dead_peer_detected(1.0)
    assert link.now == 2.0


def test_a_heal_ends_the_wait():
    link = Replay(silent(None, end=1.5), 1.0)
    assert link != dead_peer_detected(10.0)
    assert link.now == 1.5


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"within": 0}, ValueError, "within must be above 0"),
        ({"within": "1"}, TypeError, "within must be a number, not '1'"),
        ({"within": 1, "since": "1"}, TypeError, "since must be a number, not '1'"),
        ({"within": 1, "by": "proxy"}, ValueError, "by must be 'client' or 'server', not 'proxy'"),
        ({"within": 1, "by": ["server"]}, ValueError, "by must be 'client' or 'server', not ['server']"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(arguments, error, said):
    with pytest.raises(error) as caught:
        dead_peer_detected(**arguments)
    assert str(caught.value).startswith(said)


def explain(seen, *args, **kwargs):
    return text(dead_peer_detected(*args, **kwargs).explain(seen))


def test_not_detected():
    seen = silent(1.5, 2.25, None, None).close(1.75, 4, "fault", "RST", "cut").at(3.0)
    assert explain(seen, 1.0) == (
        "not detected on 3 of 4 connections in the 1.000s after the blackhole began: dead_peer_detected(within=1.0)\n"
        "  connection 2  its client hung up after 1.250s\n"
        "  connection 3  still stands after 2.000s\n"
        "  connection 4  ended by the fault after 0.750s: cut"
    )


def test_not_detected_by_the_server():
    script = silent(1.5, 1.25, None).hang_up(2.25, 2, "server").close(1.75, 3, "fault", "RST", "cut")
    assert explain(script.at(3.0), 1.0, by="server") == (
        "not detected on 3 of 3 connections in the 1.000s after the blackhole began:"
        " dead_peer_detected(within=1.0, by='server')\n"
        "  connection 1  still stands after 2.000s\n"
        "  connection 2  its server hung up after 1.250s\n"
        "  connection 3  ended by the fault after 0.750s: cut"
    )


def test_not_yet():
    assert explain(silent(None, fault=Stall()).at(1.25), 1.0) == (
        "not detected on 1 of 1 connection in the 0.250s after the stall began: dead_peer_detected(within=1.0)\n"
        "  connection 1  still stands after 0.250s"
    )


def test_many():
    lines = dead_peer_detected(1.0).explain(silent(*[None] * 9).at(3.0))
    assert lines[-2:] == ["  connection 5  still stands after 2.000s", "  … 4 more"]


def test_healed_too_soon():
    seen = silent(1.25, None, end=1.5).close(1.5, 2, "fault", "RST", "blackhole took 4 bytes").at(3.0)
    assert explain(seen, 1.0) == (
        "the blackhole was over after 0.500s, too soon to judge by: dead_peer_detected(within=1.0)\n"
        "  connection 2  ended by the fault after 0.500s: blackhole took 4 bytes"
    )


def test_a_time_at_which_a_fault_began_is_that_fault_s():
    seen = silent(1.25, None, end=1.5).at(3.0)
    assert explain(seen, 1.0, since=1.0).startswith("the blackhole was over after 0.500s, too soon to judge by: ")
    assert "after the blackhole began: " in explain(silent(None).at(3.0), 1.0, since=1.0)


def test_no_silence():
    said = "no blackhole and no stall has hit link 'chat': nothing to detect: dead_peer_detected(within=1.0)"
    assert explain(Script().serve(0.0).fault(Cut(), 1.0, None, (1,)).at(9.0), 1.0) == said


def test_since_a_time_that_nobody_was_there():
    said = "no connection was in use at the given time: nothing to detect: "
    assert explain(Script().at(9.0), 1.0, since=3.0) == f"{said}dead_peer_detected(within=1.0, since=3.0)"


def test_it_fits_what_pytest_shows():
    script = silent(*[None] * 20)
    for dial in range(1, 21):
        script.close(2.5, dial, "fault", "RST", "blackhole took 1234567 bytes")
    assert fits(dead_peer_detected(1.0, since=FaultSpan(Blackhole(), 1.0), by="server").explain(script.at(9.0)))


ends = st.lists(st.tuples(st.sampled_from(["finds", "answer", "fault", "none"]), st.integers(-500, 3000)), max_size=6)


@given(
    st.sampled_from(["client", "server"]),
    ends,
    st.integers(1, 2000),
    st.none() | st.integers(0, 2500),
    st.integers(0, 4000),
)
def test_its_verdict_is_that_of_the_definition(by, ended, within, heal, now):
    script = Script()
    for _ in ended:
        script.serve(0.0)
    hits = [number for number, (kind, at) in enumerate(ended, 1) if kind == "none" or at >= 0]
    script.fault(Stall(), 1.0, None if heal is None else 1 + heal * TICK, tuple(hits))
    for dial, (kind, at) in enumerate(ended, 1):
        if kind == "fault":
            script.close(1 + at * TICK, dial, "fault")
        elif kind != "none":
            script.hang_up(1 + at * TICK, dial, by, answers=kind == "answer")
    last = min(within, now, now if heal is None or heal > now else heal)
    verdicts = [kind == "finds" and 0 <= at <= last for number, (kind, at) in enumerate(ended, 1) if number in hits]
    seen = script.at(1 + now * TICK)
    assert (dead_peer_detected(within * TICK, by=by).explain(seen) == []) is (bool(verdicts) and all(verdicts))


@given(st.lists(st.integers(0, 1024), min_size=1, max_size=6), st.data())
def test_clients_that_find_out_are_accepted_and_one_that_does_not_is_named(hung_up, data):
    moments = [1 + at * TICK for at in hung_up]
    link = Replay(silent(*moments), 1.0)
    assert link == dead_peer_detected(1.0)
    assert link.now == max(moments)
    place = data.draw(st.integers(0, len(moments) - 1))
    moments[place] = data.draw(st.none() | st.integers(1025, 9000).map(lambda at: 1 + at * TICK))
    (line,) = dead_peer_detected(1.0).explain(silent(*moments).at(20.0))[1:]
    assert line.startswith(f"  connection {place + 1}  ")
