from __future__ import annotations

import pytest

from pytest_netchaos.errors import NetchaosError
from pytest_netchaos.faults import Cut, Delay, Stall
from pytest_netchaos.marking.marker import Part, Standing
from pytest_netchaos.network import Network
from pytest_netchaos.plan import Plan, Step
from pytest_netchaos.plans.plan_runs import LATE
from pytest_netchaos.triggers import OnConnection


def standing(*plans, links=None):
    return Standing((), links, None, tuple(Part(plan=plan) for plan in plans))


def injected(engine, index=0):
    return [call[1:] for call in engine.links[index].calls if call[0] == "inject"]


@pytest.mark.parametrize(
    ("plan", "error", "said"),
    [
        (Cut(), TypeError, r"^plan must be a Plan\(Step\(…\), …\), not Cut\(\)$"),
        (Step(Cut(), at=1), TypeError, r"; did you mean Plan\(Step\(Cut\(\), at=1\)\)\?$"),
        (
            Plan(Step(Cut(), at=1, link="redsi")),
            ValueError,
            r"^the plan has a step for link 'redsi', which isn't there: did you mean 'redis'\?$",
        ),
        (Plan(Step(Cut(), at=1, link="x")), ValueError, r"which isn't there: there are 'redis', 'db'$"),
    ],
)
def test_what_can_not_be_run_is_refused(engine, plan, error, said):
    network = Network(lambda: engine)
    network.link(1, name="redis")
    network.link(1, name="db")
    with pytest.raises(error, match=said):
        network.run(plan)
    network.close()


def test_a_markers_plan_begins_with_the_first_link_that_it_is_for(engine):
    plan = Plan(Step(Delay(0.1), at=0), Step(Stall(), at=0, link="cache"), Step(Cut(), on=OnConnection(2)))
    network = Network(lambda: engine, standing=(standing(plan, links=("db", "cache")),))
    network.link(1, name="web")
    assert injected(engine, 0) == []
    network.link(1, name="db")
    assert injected(engine, 1) == [(Delay(0.1), None), (Cut(), None, OnConnection(2))]
    network.link(1, name="cache")
    assert injected(engine, 2) == [(Delay(0.1), None), (Stall(), None), (Cut(), None, OnConnection(2))]
    assert injected(engine, 0) == []
    network.close()


def test_a_markers_faults_are_in_force_before_its_plans(engine):
    network = Network(lambda: engine, standing=(Standing((Stall(),)), standing(Plan(Step(Cut(), at=0)))))
    network.link(1)
    assert injected(engine) == [(Stall(), None), (Cut(), None)]
    network.close()


def test_a_marker_whose_plan_names_a_link_that_was_never_made_is_an_error(engine):
    network = Network(lambda: engine, standing=(standing(Plan(Step(Cut(), at=0, link="cahce"))),))
    network.link(1, name="cache")
    with pytest.raises(NetchaosError, match=r"names the link 'cahce', which this test never made: it made 'cache'$"):
        network.close()


def test_what_has_not_fired_is_told_by_plan_and_step(engine):
    network = Network(lambda: engine)
    network.link(1, name="db")
    network.run(Plan(Step(Cut(), at=0)))
    network.run(Plan(Step(Cut(), at=0), Step(Cut(), on=OnConnection(4), link="db")))
    assert network.plans.complaints() == [
        (
            "plan 2: step 2 of 2, Step(Cut(), on=OnConnection(4), link='db'), never fired: "
            "on link 'db' it waited for connection 4; the link has seen no connection"
        )
    ]
    network.close()


def test_a_step_that_came_late_is_told(engine):
    network = Network(lambda: engine)
    network.link(1, name="db")
    run = network.run(Plan(Step(Cut(), at=0), Step(Stall(), at=0)))
    run.steps[0].due_at = run.steps[0].at
    run.steps[1].due_at = run.steps[1].at - LATE * 0.9
    assert network.remarks() == []
    run.steps[1].due_at = run.steps[1].at - 0.25
    assert network.remarks() == ["plan: step 2 came 0.250 s later than planned"]
    network.close()


def test_plans_that_were_to_come_do_not_begin_after_the_end(engine):
    network = Network(lambda: engine, standing=(standing(Plan(Step(Cut(), at=0))),))
    network.heal()
    network.link(1)
    assert injected(engine) == []
    network.close()
