from __future__ import annotations

import pytest

from pytest_netchaos import Cut, Delay, Flap, NetchaosError
from pytest_netchaos.history import FaultSpan, History, Position
from pytest_netchaos.recorded import RecordedRun, RunOfTest
from pytest_netchaos.replaying import Mark, ReplayOfLink, ReplayOfTest, check
from pytest_netchaos.triggers import OnConnection

FLAP = Flap(down=1.0, up=2.0)


def span(at, until, hits=(), positions=(), *, fault=Cut(), cycle=1, number=1, by="", connections=0):  # noqa: B008 - frozen
    where = tuple(Position(*place) for place in positions)
    return FaultSpan(fault, at, until, hits, cycle, None, where, 0, connections, number, by)


def flapping(by="marker", number=1):
    return (
        span(0.0, 1.0, number=number, by=by),
        span(3.5, 4.75, (1, 2), [(100, 50), (0, 7)], cycle=2, number=number, by=by, connections=2),
        span(6.0, None, cycle=3, number=number, by=by, connections=2),
    )


def link(*spans, name="db"):
    return ReplayOfLink(History(name, 10.0, faults=spans), 5.0)


def run(*histories, upstreams=None):
    links = {history.link: history for history in histories}
    return RecordedRun(RunOfTest("test_x.py::test_y"), links=links, upstreams=upstreams or dict.fromkeys(links, "u:1"))


def test_the_cycles_of_a_flap_get_the_places_of_the_recording():
    order = link(*flapping()).order("marker", FLAP, None, is_at_once=True)
    assert order is not None
    assert order.marks == (None, Mark(2.5, 1.25, 2, ((1, 100, 50), (2, 0, 7))), Mark(1.25, None, 2, ()))
    assert (order.patience, order.then) == (5.0, None)


def test_a_fault_that_is_in_force_at_once_and_only_once_needs_no_order():
    made = link(span(1.0, 2.0, (1,), [(5, 5)]))
    assert made.order("", Cut(), None, is_at_once=True) is None


def test_what_the_test_injects_has_its_place_at_once_and_a_step_of_a_plan_at_its_time():
    spans = span(1.0, 2.0, (1,), [(5, 6)], connections=1), span(3.0, 4.0, (1,), [(7, 8)], number=2, by="plan 1 step 1")
    made = link(*spans)
    assert made.order("", Cut(), None, is_at_once=False).marks == (Mark(0.0, None, 1, ((1, 5, 6),)),)
    assert made.order("plan 1 step 1", Cut(), None, is_at_once=False).marks == (Mark(3.0, None, 0, ((1, 7, 8),)),)


def test_a_trigger_of_its_own_brings_the_first_window():
    when = OnConnection(2)
    order = link(*flapping(by="")).order("", FLAP, when, is_at_once=False)
    assert order.then == when
    assert order.marks[0] is None
    assert order.marks[1] is not None


def test_each_injection_is_taken_once_and_by_its_fault():
    made = link(span(1.0, 2.0, (1,), [(1, 1)]), span(3.0, 4.0, (1,), [(2, 2)], number=2))
    assert made.has("")
    assert made.order("", Delay(0.1), None, is_at_once=False) is None
    assert made.order("", Cut(), None, is_at_once=False).marks[0].places == ((1, 1, 1),)
    assert made.order("", Cut(), None, is_at_once=False).marks[0].places == ((1, 2, 2),)
    assert made.order("", Cut(), None, is_at_once=False) is None
    assert not made.has("")


def test_what_came_elsewhere_or_not_at_all_is_said():
    made = link(*flapping())
    assert list(made.remarks(History("db", 10.0, faults=flapping(number=4)))) == []
    elsewhere = (flapping()[0], span(3.0, 4.0, (1,), [(101, 50)], cycle=2, by="marker"))
    assert list(made.remarks(History("db", 10.0, faults=elsewhere))) == [
        (
            "marker: cut() (cycle 2) on link 'db' met connection 1 after 101 bytes up and 50 down, "
            "and connection 1 after 100 bytes up and 50 down, connection 2 after 0 bytes up and 7 down when recorded"
        )
    ]
    assert list(made.remarks(History("db", 10.0, faults=flapping()[:1]))) == [
        "marker: cut() (cycle 2) didn't come on link 'db'"
    ]
    assert list(made.remarks(History("db", 10.0, faults=flapping()[:2]))) == []  # the third had met nobody


def test_links_are_known_by_name_and_those_without_one_by_their_turn():
    recorded = run(
        History("1.1.1.1:5", 1.0, faults=(span(1.0, 2.0),)),
        History("db", 1.0),
        History("1.1.1.1:5 #2", 1.0),
        upstreams={"1.1.1.1:5": "1.1.1.1:5", "db": "1.1.1.1:6", "1.1.1.1:5 #2": "1.1.1.1:5"},
    )
    test = ReplayOfTest(recorded, 5.0)
    test.link("db", is_named=True)
    assert test.link("1.1.1.1:77", is_named=False).has("")
    assert test.missing == ["1.1.1.1:5 #2"]
    assert not test.link("1.1.1.1:78", is_named=False).has("")
    assert test.missing == []
    with pytest.raises(
        NetchaosError, match=r"no further unnamed link: its links are '1.1.1.1:5', 'db', '1.1.1.1:5 #2'"
    ):
        test.link("1.1.1.1:79", is_named=False)
    with pytest.raises(NetchaosError, match=r"no link 'cache'"):
        test.link("cache", is_named=True)


def test_remarks_of_a_test_say_that_the_replay_diverged():
    test = ReplayOfTest(run(History("db", 1.0, faults=(span(1.0, 2.0, (1,), [(3, 4)]),))), 5.0)
    test.link("db", is_named=True)
    assert test.remarks([History("db", 1.0), History("other", 1.0)]) == [
        "replay diverged: cut() didn't come on link 'db'"
    ]


def test_a_recording_without_places_is_refused():
    check(run(History("db", 1.0, faults=flapping())))
    with pytest.raises(ValueError, match=r"doesn't say where cut\(\) struck link 'db'"):
        check(run(History("db", 1.0, faults=(FaultSpan(Cut(), 1.0, 2.0, (1,)),))))
