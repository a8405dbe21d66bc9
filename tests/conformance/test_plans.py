"""What a plan does is what its faults do, on each engine."""

from __future__ import annotations

import pytest
from tests.conformance.peers import SOON

from pytest_netchaos.faults import Cut, Delay, Reset, Stall
from pytest_netchaos.plan import Plan, Step
from pytest_netchaos.triggers import OnConnection


def test_steps_come_one_after_the_other_and_never_early(netchaos, world):
    link = world.link
    run = netchaos.run(Plan(Step(Delay(0.01), at=0.02, for_=0.02), Step(Stall(), after=0.01, for_=0.02)))
    run.wait(SOON)
    delay, stall = (span for span in link.history().faults)
    assert delay.started_at - run.began_at >= 0.02
    assert delay.healed_at - delay.started_at >= 0.02
    assert stall.started_at - delay.healed_at >= 0.01
    assert stall.healed_at is not None


def test_a_cut_of_a_plan_ends_and_what_follows_comes(netchaos, world):
    run = netchaos.run(Plan(Step(Cut(), at=0, for_=0.05), Step(Stall(), after=0, for_=0.02)))
    run.wait(SOON)
    assert [span.fault.kind for span in world.link.history().faults] == ["cut", "stall"]
    assert run.unfired == ()


@pytest.mark.beyond_toxiproxy
def test_a_step_with_a_trigger_and_one_that_follows_it(netchaos, world):
    run = netchaos.run(Plan(Step(Stall(), on=OnConnection(2), for_=0.02), Step(Cut(), after=0.01, for_=0.01)))
    world.pair()
    assert not run.steps[0].has_fired
    world.pair()
    run.wait(SOON)
    stall, cut = world.link.history().faults
    assert stall.hits == (1, 2)
    assert cut.started_at - stall.healed_at >= 0.01


@pytest.mark.beyond_toxiproxy
def test_what_the_engine_can_not_do_is_told_by_the_wait(netchaos, world):
    run = netchaos.run(Plan(Step(Reset(), at=0.01)))
    run.wait(SOON)
