from __future__ import annotations

import copy
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pytest_netchaos.faults
import pytest_netchaos.plan
import pytest_netchaos.triggers
from pytest_netchaos.faults import (
    DIRECTIONS,
    Blackhole,
    Close,
    Cut,
    Delay,
    Flap,
    IdleTimeout,
    Limit,
    Refuse,
    Reset,
    Slice,
    Stall,
    Throttle,
)
from pytest_netchaos.plan import MOST_STEPS, Plan, Step, write
from pytest_netchaos.triggers import AfterBytes, OnConnection, OnDial

NAMES = {**vars(pytest_netchaos.faults), **vars(pytest_netchaos.triggers), **vars(pytest_netchaos.plan)}

seconds = st.floats(0.000001, 86_400) | st.integers(1, 86_400)
share = {"toxicity": st.floats(0, 1) | st.sampled_from([0, 1])}
directed = {**share, "direction": st.sampled_from(DIRECTIONS)}
span = seconds | st.tuples(seconds, seconds).map(lambda pair: tuple(sorted(pair)))
simple = st.one_of(
    st.just(Cut()),
    st.just(Refuse()),
    st.builds(Reset, **share),
    st.builds(Close, **share),
    st.builds(Stall, **directed),
    st.builds(Blackhole, **directed),
    st.builds(Throttle, st.floats(0.1, 1e12), **directed),
    st.builds(Limit, st.integers(0, 1 << 40), **directed),
    st.builds(IdleTimeout, seconds, **share),
    st.tuples(seconds, st.floats(0, 1)).flatmap(
        lambda drawn: st.builds(Delay, st.just(drawn[0]), st.just(drawn[0] * drawn[1]), **directed)
    ),
    st.tuples(st.integers(1, 1 << 40), st.floats(0, 0.99)).flatmap(
        lambda drawn: st.builds(
            Slice, st.just(drawn[0]), st.just(int(drawn[0] * drawn[1])), st.floats(0, 86_400), **directed
        )
    ),
)
faults = simple | st.builds(Flap, span, span, st.none() | st.integers(1, 1_000_000), simple)
numbers = st.integers(1, 1 << 40)
triggers = st.one_of(
    st.builds(OnConnection, numbers),
    st.builds(OnDial, numbers),
    st.builds(AfterBytes, st.integers(0, 1 << 40), st.sampled_from(["upstream", "downstream"]), numbers),
)


@st.composite
def steps(draw):
    fault = draw(faults)
    when = draw(
        st.one_of(
            st.fixed_dictionaries({"at": st.just(0) | seconds}),
            st.fixed_dictionaries({"after": st.just(0) | seconds}),
            st.fixed_dictionaries({"on": triggers}),
        )
    )
    for_ = None if fault.instant or isinstance(fault, Flap) else draw(st.none() | seconds)
    return Step(fault, **when, for_=for_, link=draw(st.none() | st.text(min_size=1)))


def can_follow(planned):
    return all(after.after is None or before.lasts is not None for before, after in pairwise(planned))


@given(st.lists(steps(), min_size=1, max_size=3).filter(can_follow))
def test_a_plan_prints_as_the_code_that_makes_it(planned):
    plan = Plan(*planned)
    assert eval(repr(plan), NAMES) == plan
    assert eval(str(plan), NAMES) == plan
    assert repr(eval(repr(plan), NAMES)) == repr(plan)


def test_what_is_printed_is_what_one_would_write():
    plan = Plan(
        Step(Cut(), at=0.31, for_=0.2),
        Step(Delay(0.1, jitter=0.05, direction="upstream"), after=1, link="db"),
        Step(Flap(fault=Stall(), down=(0.1, 0.2), cycles=3), on=AfterBytes(1000, connection=2)),
        Step(Reset(toxicity=0.5), on=OnDial(3)),
    )
    assert repr(plan) == (
        "Plan(Step(Cut(), at=0.31, for_=0.2), "
        "Step(Delay(0.1, direction='upstream', jitter=0.05), after=1, link='db'), "
        "Step(Flap(down=(0.1, 0.2), cycles=3, fault=Stall()), on=AfterBytes(1000, connection=2)), "
        "Step(Reset(toxicity=0.5), on=OnDial(3)))"
    )
    assert str(Plan(Step(Cut(), at=1), Step(Stall(), at=2))) == (
        "Plan(\n    Step(Cut(), at=1),\n    Step(Stall(), at=2),\n)"
    )


def test_numbers_of_other_classes_are_written_as_plain_ones():
    class Seconds(float):
        def __repr__(self):
            return f"Seconds({float(self)})"

    class Count(int):
        def __repr__(self):
            return f"Count({int(self)})"

    assert write(Step(Delay(Seconds(0.5)), at=Seconds(0.25))) == "Step(Delay(0.5), at=0.25)"
    assert write(OnConnection(Count(3))) == "OnConnection(3)"
    assert write((1,)) == "(1,)"
    assert write(None) == "None"


def test_a_plan_is_a_value():
    plan = Plan(Step(Cut(), at=1), Step(Stall(), at=2))
    assert plan == Plan(*plan.steps)
    assert hash(plan) == hash(Plan(*plan.steps))
    assert plan != Plan(*reversed(plan.steps))
    assert pickle.loads(pickle.dumps(plan)) == copy.deepcopy(plan) == plan
    with pytest.raises(AttributeError):
        plan.steps = ()


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"fault": Cut, "at": 1}, TypeError, r"^fault must be a fault such as Cut.*did you mean Cut\(…\)\?$"),
        ({"fault": "cut", "at": 1}, TypeError, r"^fault must be a fault such as Cut\(\) or Delay\(0\.2\), not 'cut'$"),
        ({}, ValueError, r"^Step\(Cut\(\)\) doesn't say when: give it at=, after= or on=$"),
        ({"at": 1, "after": 2}, ValueError, r"^a step comes at one time: at=1 and after=2 are more than that$"),
        (
            {"at": 1, "after": 2, "on": OnDial(1)},
            ValueError,
            r"^a step comes at one time: at=1 and after=2 and on=OnDial\(n=1\) are more than that$",
        ),
        ({"at": -0.5}, ValueError, r"^at must be from 0 to 86400, not -0\.5 \(seconds; a day at most\)$"),
        ({"after": -1}, ValueError, r"^after must be from 0 to 86400, not -1 "),
        ({"at": float("nan")}, ValueError, r"^at must be from 0 to 86400, not nan "),
        ({"at": True}, TypeError, r"^at must be a number, not True$"),
        ({"at": "1"}, TypeError, r"^at must be a number, not '1'$"),
        ({"on": 3}, TypeError, r"^on must be a trigger such as OnConnection\(2\) or AfterBytes\(1000\), not 3$"),
        ({"on": OnDial}, TypeError, r"; did you mean OnDial\(…\)\?$"),
        ({"at": 1, "for_": 0}, ValueError, r"^for_ must be above 0"),
        ({"fault": Reset(), "at": 1, "for_": 1}, TypeError, r"^reset\(\) is over as soon as it has happened"),
        ({"fault": Flap(), "at": 1, "for_": 1}, TypeError, r"^flap\(\) ends after its cycles"),
        ({"at": 1, "link": ""}, TypeError, r"^link must be the name of a link, or None for every link, not ''$"),
        ({"at": 1, "link": ["db"]}, TypeError, r"^link must be the name of a link, or None .* not \['db'\]$"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused_by_name_and_value(arguments, error, said):
    with pytest.raises(error, match=said):
        Step(**{"fault": Cut(), **arguments})


@pytest.mark.parametrize(
    ("planned", "error", "said"),
    [
        ([], ValueError, r"^a plan needs a step: Plan\(Step\(Cut\(\), at=0\.5, for_=0\.2\)\)$"),
        ([Cut()], TypeError, r"^a plan is made of steps: Step\(Cut\(\), at=0\.5\), not Cut\(\)$"),
        ([1], TypeError, r"^a plan is made of steps such as Step\(Cut\(\), at=0\.5\), not 1$"),
        ([[Step(Cut(), at=1)]], TypeError, r"not \[Step\(Cut\(\), at=1\)\]; did you mean Plan\(\*steps\)\?$"),
        (
            [Step(Cut(), at=1), Step(Cut(), after=2)],
            ValueError,
            (
                r"^step 2 comes after=2 seconds after the end of step 1, Step\(Cut\(\), at=1\), which has none: "
                r"give that one for_=$"
            ),
        ),
        ([Step(Flap(), at=1), Step(Cut(), after=2)], ValueError, r"which has none: give that one cycles=$"),
        ([Step(Cut(), at=1)] * (MOST_STEPS + 1), ValueError, r"^a plan has at most 1,000 steps, not 1,001$"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(planned, error, said):
    with pytest.raises(error, match=said):
        Plan(*planned)


def test_the_length_of_a_plan_is_what_the_clock_decides():
    assert Plan(Step(Cut(), at=1, for_=5), Step(Reset(), at=2)).length == 6
    assert Plan(Step(Cut(), at=1, for_=5), Step(Reset(), after=2)).length == 8
    assert Plan(Step(Cut(), after=1), Step(Cut(), at=0.5)).length == 1
    assert Plan(Step(Cut(), on=OnConnection(1), for_=2), Step(Cut(), after=1, for_=1)).length == 4


def test_a_plan_knows_the_links_that_it_names_and_a_step_its_time_in_words():
    planned = Step(Cut(), at=1, link="b"), Step(Cut(), on=OnDial(2), link="a"), Step(Cut(), at=1.5, link="b")
    assert Plan(*planned, Step(Cut(), at=1)).links == ("b", "a")
    assert [step.when for step in planned] == ["at 1 s", "on dial 2", "at 1.5 s"]
    assert Step(Cut(), after=0.5).when == "0.5 s after the step before it"
