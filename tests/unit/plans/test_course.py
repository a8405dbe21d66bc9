from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.faults import Cut
from pytest_netchaos.plan import Step
from pytest_netchaos.plans.course import Known, Outlook, due_at, outlook
from pytest_netchaos.triggers import OnConnection

BEGAN = 1000.0
NOT_YET = Known()
GOES_ON = Known(has_begun=True)


def over(at):
    return Known(has_begun=True, over_at=at)


def at(seconds):
    return Step(Cut(), at=seconds, for_=1)


def after(seconds):
    return Step(Cut(), after=seconds, for_=1)


ON = Step(Cut(), on=OnConnection(1), for_=1)


def test_a_step_at_a_time_is_due_from_that_time_on_and_not_before():
    assert outlook([at(2)], BEGAN, 1001.999, [NOT_YET]) == Outlook((), 1002.0, ())
    assert outlook([at(2)], BEGAN, 1002.0, [NOT_YET]) == Outlook((0,), None, ())
    assert outlook([at(2)], BEGAN, 1005.0, [NOT_YET]) == Outlook((0,), None, ())


def test_a_step_that_has_begun_is_not_due_again():
    assert outlook([at(2)], BEGAN, 1005.0, [GOES_ON]) == Outlook((), None, ())
    assert outlook([at(2)], BEGAN, 1005.0, [GOES_ON]).is_last


def test_steps_are_due_in_the_order_of_their_times_and_those_of_one_time_as_they_are_written():
    assert outlook([at(3), at(1), ON, at(1)], BEGAN, 1009.0, [NOT_YET] * 4).due == (2, 1, 3, 0)


def test_the_next_look_is_at_the_earliest_time_to_come():
    assert outlook([at(3), at(1), at(2)], BEGAN, 1001.5, [NOT_YET, GOES_ON, NOT_YET]) == Outlook((), 1002.0, ())


def test_a_step_with_a_trigger_is_due_at_once():
    assert outlook([at(3), ON], BEGAN, BEGAN, [NOT_YET, NOT_YET]) == Outlook((1,), 1003.0, ())


def test_the_first_step_comes_after_the_start_of_the_plan():
    assert due_at([after(0.5)], 0, BEGAN, [NOT_YET]) == 1000.5


def test_a_step_that_follows_waits_for_the_end_of_the_one_before_it():
    steps = [at(1), after(0.5)]
    assert outlook(steps, BEGAN, 1000.0, [NOT_YET, NOT_YET]) == Outlook((), 1001.0, ())
    assert outlook(steps, BEGAN, 1009.0, [GOES_ON, NOT_YET]) == Outlook((), None, (0,))
    assert outlook(steps, BEGAN, 1002.0, [over(1002.0), NOT_YET]) == Outlook((), 1002.5, ())
    assert outlook(steps, BEGAN, 1002.5, [over(1002.0), NOT_YET]) == Outlook((1,), None, ())


def test_an_end_that_is_still_to_come_can_be_known():
    assert outlook([at(1), after(0.5)], BEGAN, 1001.0, [over(1002.0), NOT_YET]) == Outlook((), 1002.5, ())


def test_only_the_nearest_unknown_end_is_awaited():
    assert outlook([ON, after(1), after(1)], BEGAN, 1009.0, [GOES_ON, NOT_YET, NOT_YET]).awaited == (0,)


def test_it_goes_on_while_something_is_awaited_or_to_come():
    assert not outlook([ON, after(1)], BEGAN, 1009.0, [GOES_ON, NOT_YET]).is_last
    assert not outlook([at(1)], BEGAN, 1000.0, [NOT_YET]).is_last
    assert not outlook([at(1)], BEGAN, 1001.0, [NOT_YET]).is_last


times = st.integers(0, 30).map(lambda tenths: tenths / 8)  # eighths add up without rounding
written = st.lists(st.tuples(st.sampled_from(["at", "after"]), times, times.filter(bool)), min_size=1, max_size=8)


@given(written, st.lists(times, max_size=40))
def test_whenever_it_is_looked_at_each_step_begins_once_and_never_before_its_time(wanted, looks):
    """A simulation with ends known at once, against times added up by hand."""
    steps = [Step(Cut(), for_=lasts, **{how: when}) for how, when, lasts in wanted]
    begun: dict[int, float] = {}
    now = 0.0
    for look in [*looks, 1000.0]:
        now += look
        while due := outlook(
            steps, 0.0, now, [over(begun[i] + s.for_) if i in begun else NOT_YET for i, s in enumerate(steps)]
        ).due:
            for index in due:
                assert index not in begun
                begun[index] = now
        for index, (how, when, _) in enumerate(wanted):
            before = 0.0 if index == 0 else begun.get(index - 1, 1e9) + wanted[index - 1][2]
            time_ = when if how == "at" else before + when
            assert (index in begun) == (time_ <= now)
            assert begun.get(index, time_) >= time_
