from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.matchers.scripts import Script

from pytest_netchaos.faults import Cut, Delay, Refuse
from pytest_netchaos.history import ArmedFault
from pytest_netchaos.report.tally import tally, why_vacuous
from pytest_netchaos.triggers import OnConnection


def seen(script, name="chat", now=9.0, blind=""):
    return replace(script.at(now, blind), link=name)


def a_cut_with_a_return():
    return Script().serve(0.0, 1.0, "fault", "RST", "cut").fault(Cut(), 1.0, 2.0, (1,)).refuse(1.5).serve(2.5)


def test_what_links_saw_is_counted():
    other = Script().serve(0.0).fault(Delay(0.1), 1.0, 2.0, (1,)).fault(Delay(0.2), 3.0)
    assert tally([seen(a_cut_with_a_return()), seen(other, "db")], marked=True) == {
        "marked": True,
        "links": 2,
        "faults": 3,
        "hit": 3,
        "outages": 1,
        "reconnects": 1,
        "recoveries": [{"link": "chat", "seconds": 0.5}],
        "vacuous": [],
    }


def test_a_test_without_a_link_or_a_fault_is_not_vacuous():
    assert tally([])["vacuous"] == []
    assert tally([seen(Script())]) == {
        "marked": False, "links": 1, "faults": 0, "hit": 0, "outages": 0, "reconnects": 0, "recoveries": [],
        "vacuous": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script().fault(Cut(), 0.1, 0.3).serve(0.5), id="before the first dial"),
        pytest.param(Script().serve(0.0, 0.1).fault(Delay(1), 0.2, 0.3), id="after the last connection"),
        pytest.param(Script().serve(0.0).fault(Refuse(), 0.2, 0.3), id="a refusal, and nobody dials"),
    ],
)
def test_it_is_vacuous_if_each_fault_hit_nothing(script):
    counted = tally([seen(script)])
    assert (counted["faults"], counted["hit"]) == (1, 0)
    (named,) = counted["vacuous"]
    assert named.endswith(" on link 'chat'")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Script().serve(0.0).fault(Delay(1), 0.2, 0.3, (1,)), id="an open connection"),
        pytest.param(Script().fault(Cut(), 0.2, 0.3).refuse(0.25), id="a refused dial"),
        pytest.param(Script().fault(Delay(1), 0.2, 0.5).serve(0.3, 0.4), id="a dial that was served"),
    ],
)
def test_it_is_not_if_a_fault_met_somebody(script):
    assert tally([seen(script)])["vacuous"] == []


def test_one_fault_that_hit_makes_up_for_those_that_did_not():
    counted = tally([seen(Script().fault(Cut(), 0.1, 0.3)), seen(a_cut_with_a_return(), "db")])
    assert (counted["faults"], counted["hit"], counted["vacuous"]) == (2, 1, [])


def test_where_dials_cannot_be_seen_nothing_is_called_vacuous():
    assert tally([seen(Script().fault(Cut(), 0.1, 0.3), blind="dials from elsewhere")])["vacuous"] == []


def test_a_first_connection_is_no_reconnect_and_neither_is_one_after_the_next_outage():
    first = Script().fault(Cut(), 0.1, 0.3).refuse(0.2).serve(0.5)
    late = Script().serve(0.0, 1.0).fault(Cut(), 1.0, 2.0, (1,)).fault(Cut(), 3.0, 4.0).serve(4.25)
    assert tally([seen(first)])["reconnects"] == 0
    assert tally([seen(late)])["recoveries"] == [{"link": "chat", "seconds": 0.25}]


def test_of_many_recoveries_the_slowest_are_kept():
    script = Script().serve(0.0, 1.0)
    for number in range(1, 6):
        script.fault(Cut(), float(number), number + 0.25).serve(number + 0.25 + number / 16, number + 1.0)
    counted = tally([seen(script)])
    assert counted["reconnects"] == 5
    assert [back["seconds"] for back in counted["recoveries"]] == [5 / 16, 4 / 16, 3 / 16]


def test_of_many_faults_that_hit_nothing_some_are_named():
    script = Script()
    for number in range(6):
        script.fault(Delay(number + 1), float(number), number + 0.5).fault(Delay(1), number + 0.6, number + 0.7)
    assert tally([seen(script)])["vacuous"] == [
        "delay(latency=1) on link 'chat'", "delay(latency=2) on link 'chat'", "4 more",
    ]  # fmt: skip


def test_it_survives_any_channel():
    counted = tally([seen(a_cut_with_a_return(), "\udc80"), seen(Script().fault(Cut(), 0.1), "\udc80\n")])
    assert json.loads(json.dumps(counted).encode()) == counted
    assert counted["recoveries"][0]["link"] == "\\udc80"


def test_it_says_what_to_do_about_a_vacuous_test():
    assert why_vacuous(tally([seen(Script().fault(Cut(), 0.1, 0.3))])) == (
        "cut() on link 'chat' hit no traffic: while it was in force, nobody dialled and no connection was hit, so the "
        "test proves nothing. Let the code under test use the link's address (link.address, link.url()) while the "
        "fault is in force, or test without"
    )
    several = why_vacuous(tally([seen(Script().fault(Cut(), 0.1, 0.3).fault(Refuse(), 0.4))]))
    assert several.startswith("cut() on link 'chat', refuse() on link 'chat' hit no traffic: while they were in force")


def test_where_dials_are_left_out_by_request_nothing_is_called_vacuous():
    history = replace(seen(Script().fault(Cut(), 0.1, 0.3)), has_background=True)
    counted = tally([history])
    assert (counted["faults"], counted["hit"], counted["vacuous"]) == (1, 1, [])


def armed(script=None):
    return replace(seen(script or Script().serve(0.0)), armed=(ArmedFault(Cut(), OnConnection(7), 0.5),))


def test_it_is_vacuous_if_no_fault_ever_came_into_force():
    counted = tally([armed()])
    assert (counted["faults"], counted["vacuous"]) == (0, ["cut() on link 'chat', armed for connection 7"])
    assert why_vacuous(counted) == (
        "cut() on link 'chat', armed for connection 7: no fault ever came into force, so the test proves nothing. Let "
        "it go on until what they wait for has come, or test without"
    )


def test_a_step_of_a_plan_that_never_fired_is_told_once():
    assert tally([armed()], unfired=["plan: step 1 of 1 never fired"])["vacuous"] == ["plan: step 1 of 1 never fired"]


def test_a_fault_that_hit_makes_up_for_one_that_never_came():
    assert tally([armed(a_cut_with_a_return())], unfired=["plan: step 2 of 2 never fired"])["vacuous"] == []
