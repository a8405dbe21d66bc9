"""What a plan does is what its faults do, on each engine."""

from __future__ import annotations

from tests.conformance.peers import SOON

from pytest_netchaos.faults import Cut, Delay, Reset, Stall
from pytest_netchaos.plan import Plan, Step


def test_steps_come_one_after_the_other_and_never_early(netchaos, world):
    link = world.link
    run = netchaos.run(Plan(Step(Delay(0.01), at=0.02, for_=0.02), Step(Stall(), after=0.01, for_=0.02)))
    run.wait(SOON)
    delay, stall = (span for span in link.history().faults)
    assert delay.started_at - run.began_at >= 0.02
    assert delay.healed_at - delay.started_at >= 0.02
    assert stall.started_at - delay.healed_at >= 0.01
    assert stall.healed_at is not None


def test_a_cut_of_a_plan_ends_and_a_reset_follows(netchaos, world):
    run = netchaos.run(Plan(Step(Cut(), at=0, for_=0.05), Step(Reset(), after=0)))
    run.wait(SOON)
    assert [span.fault.kind for span in world.link.history().faults] == ["cut", "reset"]
    assert run.unfired == ()
