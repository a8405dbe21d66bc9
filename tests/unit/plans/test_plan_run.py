from __future__ import annotations

import asyncio
import os
import re
import threading
import time

import pytest

from pytest_netchaos.errors import EngineDied, LinkClosed, NetchaosError, UnsupportedFault, WaitTimeout
from pytest_netchaos.faults import Cut, Delay, Flap, Reset, Stall
from pytest_netchaos.network import Network
from pytest_netchaos.patience import eventually, eventually_async
from pytest_netchaos.plan import Plan, Step
from pytest_netchaos.triggers import OnConnection

#: Longer than any of these tests.
LATER = 3600


@pytest.fixture
def network(engine):
    network = Network(lambda: engine, timeout=10)
    yield network
    network.close()


@pytest.fixture
def db(network):
    return network.link(5432, name="db")


def injected(engine, index=0):
    """What an engine's link was told to inject."""
    return [call[1:] for call in engine.links[index].calls if call[0] == "inject"]


def end(engine, index=0, fault=1):
    """Have a fault be over by itself."""
    engine.links[index].tell("healed", time.monotonic(), fault)
    engine.links[index].tell("over", fault)


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "netchaos-plan"]


def test_what_is_due_at_once_is_in_force_when_run_returns(network, db, engine):
    run = network.run(Plan(Step(Delay(0.1), at=0, for_=1), Step(Cut(), on=OnConnection(3))))
    assert injected(engine) == [(Delay(0.1), 1), (Cut(), None, OnConnection(3))]
    assert [step.has_fired for step in run.steps] == [True, False]
    assert repr(run) == "<plan: 1 of 2 steps fired, running>"
    assert threads() == []  # nothing is left to do


def test_a_step_comes_at_its_time_and_never_before(network, db, engine):
    run = network.run(Plan(Step(Reset(), at=0.03), Step(Reset(), at=0.01), Step(Reset(), at=0)))
    run.wait()
    assert [step.late >= 0 for step in run.steps] == [True] * 3
    assert [step.at - run.began_at >= at for step, at in zip(run.steps, (0.03, 0.01, 0), strict=True)] == [True] * 3
    assert run.is_over
    assert run.unfired == ()
    eventually(lambda: threads() == [])


def test_a_step_that_follows_waits_for_the_end_of_the_one_before_it(network, db, engine):
    run = network.run(Plan(Step(Cut(), at=0, for_=LATER), Step(Reset(), after=0.01), Step(Stall(), after=0, for_=1)))
    assert len(injected(engine)) == 1
    end(engine)
    eventually(lambda: len(injected(engine)) == 3)
    assert injected(engine)[1:] == [(Reset(), None), (Stall(), 1)]
    assert run.steps[1].at - run.steps[0].injection.healed_at >= 0.01


def test_a_step_that_follows_a_trigger_waits_until_it_came_and_its_fault_is_over(network, db, engine):
    run = network.run(Plan(Step(Cut(), on=OnConnection(3), for_=1), Step(Reset(), after=0)))
    engine.links[0].tell("struck", time.monotonic(), 1, 1, ())
    eventually(lambda: run.steps[0].has_fired)
    assert len(injected(engine)) == 1
    end(engine)
    eventually(lambda: run.steps[1].has_fired)


def test_a_flap_is_over_when_it_has_had_its_cycles(network, db, engine):
    run = network.run(Plan(Step(Flap(cycles=2), at=0), Step(Reset(), after=0)))
    assert not run.steps[1].has_begun
    end(engine)
    run.wait()


def test_whoever_takes_a_fault_back_ends_its_step_and_the_plan_goes_on(network, db, engine):
    run = network.run(Plan(Step(Cut(), at=0, for_=LATER), Step(Reset(), after=0)))
    db.heal()
    run.wait()
    assert run.unfired == ()


def test_a_step_for_every_link_hits_each(network, db, engine):
    network.link(1, name="other")
    run = network.run(Plan(Step(Cut(), at=0, for_=1), Step(Stall(), at=0, for_=1, link="other")))
    assert injected(engine, 0) == [(Cut(), 1)]
    assert injected(engine, 1) == [(Cut(), 1), (Stall(), 1)]
    assert [injection.link for injection in run.steps[0].injections] == ["db", "other"]


def test_a_link_that_is_made_later_is_under_what_is_still_in_force(network, db, engine):
    run = network.run(
        Plan(
            Step(Delay(1), at=0, for_=LATER),
            Step(Stall(), at=0),
            Step(Reset(), at=0),
            Step(Cut(), on=OnConnection(1), for_=1),
            Step(Cut(), at=0, for_=1, link="db"),
            Step(Cut(), at=LATER),
        )
    )
    network.link(1, name="later")
    (delay, left), *others = injected(engine, 1)
    assert delay == Delay(1)
    assert LATER - 60 < left < LATER
    assert others == [(Stall(), None), (Cut(), 1, OnConnection(1))]
    run.steps[1].injection.heal()
    run.steps[1].injections[1].heal()
    run.stop()
    network.link(1, name="after the stop")
    assert injected(engine, 2) == []


def test_a_link_that_is_made_later_is_not_under_what_was_healed_on_all_others(network, db, engine):
    network.run(Plan(Step(Delay(1), at=0, for_=LATER), Step(Stall(), at=0)))
    db.heal()
    network.link(1, name="later")
    assert injected(engine, 1) == []


def test_without_a_link_an_instant_step_is_missed_and_a_longer_one_waits_for_one(network, engine):
    run = network.run(Plan(Step(Reset(), at=0), Step(Stall(), at=0, for_=LATER), Step(Cut(), on=OnConnection(1))))
    assert [step.why_not for step in run.steps] == ["there was no link when its time came"] * 3
    network.link(1, name="later")
    assert [call[0] for call in injected(engine)] == [Stall(), Cut()]
    assert [step.why_not for step in run.steps] == [
        "there was no link when its time came",
        "",
        "on link 'later' it waited for connection 1; the link has seen no connection",
    ]


def test_a_step_that_met_no_link_is_over_when_its_time_is(network, engine):
    run = network.run(Plan(Step(Cut(), at=0, for_=0.01), Step(Reset(), after=0.01)))
    eventually(lambda: run.steps[1].has_begun)
    assert run.steps[1].due_at - run.began_at == pytest.approx(0.02)


def test_a_step_says_what_became_of_it(network, db, engine):
    network.link(1, name="other")
    run = network.run(Plan(Step(Cut(), at=0), Step(Cut(), on=OnConnection(3)), Step(Cut(), at=LATER)))
    fired, armed, later = run.steps
    assert repr(fired) == "<step 1, Step(Cut(), at=0): fired>"
    assert (fired.number, fired.why_not, fired.has_begun) == (1, "", True)
    assert fired.at == fired.injection.at
    assert 0 <= fired.late < 10
    assert (armed.at, armed.late, armed.has_fired, armed.has_begun) == (None, None, False, True)
    assert armed.why_not == ("on link 'db' (and 1 other) it waited for connection 3; the link has seen no connection")
    assert (later.at, later.injection, later.due_at) == (None, None, None)
    assert repr(later) == f"<step 3, Step(Cut(), at={LATER}): its time hasn't come>"
    engine.links[1].tell("struck", time.monotonic(), 2, 1, ())
    assert armed.injection.link == "other"
    assert armed.late is None


def test_stop_begins_no_further_step_and_leaves_what_is_in_force(network, db, engine):
    run = network.run(Plan(Step(Cut(), at=0, for_=5), Step(Reset(), after=1), Step(Cut(), on=OnConnection(2))))
    assert threads() == ["netchaos-plan"]
    run.stop()
    run.stop()
    assert threads() == []
    assert run.is_over
    assert [call for call in engine.links[0].calls if call[0] == "heal"] == [("heal", 2)]
    run.wait()
    cut, reset, armed = run.steps
    assert cut.injection.is_active
    assert re.fullmatch(r"it waited for the end of step 1, and it was stopped after [\d.e-]+ s", reset.why_not)
    assert armed.why_not == "on link 'db' it waited for connection 2; the link has seen no connection"


def test_why_a_step_has_not_fired_when_the_plan_was_stopped(network, db, engine):
    run = network.run(
        Plan(
            Step(Cut(), after=LATER, for_=1),
            Step(Reset(), after=1),
            Step(Cut(), at=LATER),
            Step(Reset(), on=OnConnection(2)),
            Step(Reset(), after=0),
        )
    )
    run.stop()
    said = [re.sub(r"after [\d.e-]+ s$", "after …", step.why_not) for step in run.steps]
    assert said == [
        "it was due at 3600 s, and it was stopped after …",
        "it waited for step 1, and it was stopped after …",
        "it was due at 3600 s, and it was stopped after …",
        "on link 'db' it waited for connection 2; the link has seen no connection",
        "it waited for step 4, and it was stopped after …",
    ]


def test_as_a_context_manager_it_takes_back_what_it_has_put_in_force(network, db, engine):
    with network.run(Plan(Step(Cut(), at=0), Step(Cut(), at=LATER))) as run:
        assert run.steps[0].injection.is_active
    assert not run.steps[0].injection.is_active
    assert threads() == []


def test_a_network_that_is_healed_ends_its_plans(network, db, engine):
    run = network.run(Plan(Step(Cut(), at=0), Step(Cut(), at=LATER)))
    network.heal()
    assert run.is_over
    assert run.steps[1].why_not.startswith("it was due at 3600 s, and netchaos was healed after ")


def test_at_the_end_of_a_test_plans_end_before_links_are_healed(engine):
    network = Network(lambda: engine)
    network.link(1, name="db")
    run = network.run(Plan(Step(Cut(), at=LATER), Step(Cut(), on=OnConnection(1))))
    network.close()
    assert threads() == []
    assert [call[0] for call in engine.links[0].calls if call[0] in ("heal", "close")] == ["heal", "close"]
    assert run.steps[0].why_not.startswith("it was due at 3600 s, and the test was over after ")
    with pytest.raises(LinkClosed, match=r"^netchaos\.run\(\) after the end of the test that owned this network$"):
        network.run(Plan(Step(Cut(), at=1)))


def test_to_wait_in_vain_says_what_is_missing(network, db, engine):
    run = network.run(Plan(Step(Cut(), on=OnConnection(2)), Step(Cut(), at=0, for_=1)))
    with pytest.raises(WaitTimeout) as caught:
        run.wait(0.01)
    assert str(caught.value) == (
        "waited 0.01 s for the plan: step 1 of 2, Step(Cut(), on=OnConnection(2)), never fired: "
        "on link 'db' it waited for connection 2; the link has seen no connection"
    )
    run = network.run(Plan(Step(Cut(), at=0, for_=1)))
    with pytest.raises(WaitTimeout, match=r"^waited 0\.01 s for the plan: Step\(Cut\(\), at=0, for_=1\) isn't over$"):
        run.wait(0.01)
    run = network.run(Plan(*[Step(Cut(), at=LATER)] * 5))
    with pytest.raises(WaitTimeout, match=r"its time hasn't come; 2 more$"):
        run.wait(0.01)


def test_without_a_time_the_wait_is_as_long_as_the_plan_and_the_option(engine):
    network = Network(lambda: engine, timeout=0.01)
    network.link(1, name="db")
    run = network.run(Plan(Step(Cut(), at=0.01, for_=0.02)))
    with pytest.raises(WaitTimeout, match=r"^waited 0\.0\d+ s for the plan: "):
        run.wait()


def test_the_wait_does_not_stop_an_event_loop(network, db, engine):
    async def main():
        run = network.run(Plan(Step(Cut(), at=0, for_=LATER), Step(Reset(), after=0)))
        waits = asyncio.ensure_future(run.wait_async())
        await eventually_async(engine.links[0].waiting.is_set)
        assert not waits.done()
        end(engine)
        await asyncio.wait_for(waits, 10)
        waits = asyncio.ensure_future(network.run(Plan(Step(Cut(), at=LATER))).wait_async())
        await asyncio.sleep(0)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits

    asyncio.run(main())


def test_a_trigger_that_has_come_already_is_refused_at_once(network, db, engine):
    engine.links[0].fails_with["inject"] = ValueError("when=OnConnection(n=1) can't come any more")
    with pytest.raises(ValueError, match="can't come any more"):
        network.run(Plan(Step(Cut(), on=OnConnection(1))))
    network.link(1, name="other")
    run = network.run(Plan(Step(Cut(), on=OnConnection(1))))  # on the other it still can
    assert [injection.link for injection in run.steps[0].injections] == ["other"]
    assert network.plans.complaints() == [
        (
            "plan: step 1 of 1, Step(Cut(), on=OnConnection(1)), never fired: "
            "on link 'other' it waited for connection 1; the link has seen no connection"
        )
    ]


def test_a_plan_whose_first_steps_fail_leaves_nothing_behind(network, db, engine):
    engine.links[0].fails_with["inject"] = UnsupportedFault("no triggers here")
    with pytest.raises(UnsupportedFault):
        network.run(Plan(Step(Cut(), at=0), Step(Cut(), at=LATER)))
    assert threads() == []
    assert network.plans.complaints() == []


@pytest.mark.parametrize("error", [EngineDied("it is dead"), UnsupportedFault("can't")])
def test_an_error_in_the_thread_is_raised_once_by_the_wait(network, db, engine, error):
    engine.links[0].fails_with["inject"] = error
    run = network.run(Plan(Step(Cut(), at=0.2), Step(Cut(), at=LATER)))
    with pytest.raises(type(error)) as caught:
        run.wait()
    assert caught.value is error
    assert [step.why_not for step in run.steps] == [f"the plan broke off: {error}"] * 2
    assert run.is_over
    run.wait()
    network.plans.finish()


def test_an_error_that_nobody_waited_for_is_raised_at_the_end_of_the_test(network, db, engine):
    engine.links[0].fails_with["inject"] = EngineDied("it is dead")
    run = network.run(Plan(Step(Cut(), at=0.2)))
    eventually(lambda: run.is_over)
    with pytest.raises(EngineDied, match="it is dead"):
        network.plans.finish()


def test_an_error_is_raised_at_the_end_of_the_block(network, db, engine):
    engine.links[0].fails_with["inject"] = RuntimeError("a bug of ours")
    with pytest.raises(RuntimeError), network.run(Plan(Step(Cut(), at=0.2))) as run:
        eventually(lambda: run.is_over)


def test_a_dead_engine_while_it_is_stopped_is_told(network, db, engine):
    run = network.run(Plan(Step(Cut(), on=OnConnection(1))))
    engine.links[0].fails_with["heal"] = EngineDied("it is dead")
    run.stop()
    with pytest.raises(EngineDied):
        network.plans.finish()
    engine.links[0].fails_with.clear()


def test_steps_of_a_dead_engine_are_told_as_far_as_they_are_known(network, db, engine):
    run = network.run(Plan(Step(Cut(), at=0), Step(Cut(), on=OnConnection(1))))
    engine.links[0].fails_with["history"] = EngineDied("it is dead")
    assert [step.has_fired for step in run.steps] == [True, False]
    assert run.steps[1].why_not == "on link 'db' it waited for connection 1"
    engine.links[0].fails_with.clear()


def test_under_strict_a_step_that_has_not_fired_is_an_error_at_the_end(network, db, engine):
    network.run(Plan(Step(Cut(), at=0), Step(Cut(), at=LATER)))
    with pytest.raises(NetchaosError) as caught:
        network.plans.finish(strict=True)
    assert re.fullmatch(
        r"plan: step 2 of 2, Step\(Cut\(\), at=3600\), never fired: it was due at 3600 s, and the test was over after "
        r"[\d.e-]+ s \(--netchaos-strict\)",
        str(caught.value),
    )
    network.plans.finish()


def test_while_a_step_is_on_its_way_the_plan_is_not_through(network, db, engine, in_thread):
    inject, arrived, answer = engine.links[0].inject, threading.Event(), threading.Event()

    def slow(*arguments):
        arrived.set()
        assert answer.wait(10)
        return inject(*arguments)

    engine.links[0].inject = slow
    run = network.run(Plan(Step(Reset(), at=0.2)))
    assert arrived.wait(10)
    assert not run.is_over
    waiting = in_thread(run.wait)
    answer.set()
    waiting()
    assert run.unfired == ()


def test_a_plan_goes_on_after_the_process_has_forked(network, db, engine):
    run = network.run(Plan(Step(Reset(), at=0.02)))
    pid = os.fork()  # under "error": Python warns of forks beside threads
    if pid == 0:
        os._exit(0 if threads() == [] else 1)
    assert os.waitpid(pid, 0)[1] == 0
    run.wait()
    assert run.steps[0].has_fired
