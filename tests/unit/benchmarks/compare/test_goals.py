from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.compare.goals import Goal, Of, Verdict, at_least, at_most, ratios
from benchmarks.stats import summarize

FOUR_TIMES = at_least(4, Of.TOXIPROXY)


def test_a_goal_is_met_when_the_middle_half_is_where_it_should_be():
    assert FOUR_TIMES.judge(summarize([3.9, 4.1, 4.2, 4.3, 9])) is Verdict.MET


def test_one_bad_round_does_not_undo_a_goal():
    assert FOUR_TIMES.judge(summarize([0.1, 4.1, 4.2, 4.3, 4.4])) is Verdict.MET


def test_a_goal_is_not_met_when_the_middle_half_is_elsewhere():
    assert FOUR_TIMES.judge(summarize([1, 2, 2.1, 2.2, 9])) is Verdict.NOT_MET


def test_a_goal_within_the_spread_is_unclear_even_if_the_median_would_do():
    assert FOUR_TIMES.judge(summarize([2, 3, 4.5, 5, 6])) is Verdict.UNCLEAR


def test_the_bound_itself_will_do():
    assert FOUR_TIMES.judge(summarize([4.0])) is Verdict.MET
    assert at_most(4).judge(summarize([4.0])) is Verdict.MET


def test_an_upper_bound_is_judged_the_other_way_round():
    assert at_most(3).judge(summarize([1, 2])) is Verdict.MET
    assert at_most(3).judge(summarize([4, 5])) is Verdict.NOT_MET


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.996, 1.0, 1.004], Verdict.MET),
        ([0.9, 0.91], Verdict.NOT_MET),
        ([1.1, 1.2], Verdict.NOT_MET),
        ([0.8, 1.0, 1.2], Verdict.UNCLEAR),
    ],
)
def test_an_interval_has_two_ends(values, expected):
    assert Goal(Of.ITSELF, 0.995, 1.005).judge(summarize(values)) is expected


def test_without_measurements_nothing_is_judged():
    assert FOUR_TIMES.judge(None) is Verdict.NOT_JUDGED


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(-1e6, 1e6))
def test_a_goal_and_its_opposite_are_never_both_missed(values, bound):
    found = summarize(values)
    verdicts = {at_least(bound, Of.ITSELF).judge(found), at_most(bound).judge(found)}
    assert verdicts != {Verdict.NOT_MET}


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (FOUR_TIMES, "≥ 4 × Toxiproxy"),
        (at_least(0.6, Of.DIRECT), "≥ 0.6 × direct"),
        (at_most(25, unit="ms"), "≤ 25 ms"),
        (at_most(0), "≤ 0"),
        (Goal(Of.ITSELF, 0.995, 1.005), "0.995 … 1.005"),
    ],
)
def test_a_goal_is_written_as_people_do(goal, expected):
    assert str(goal) == expected


def test_a_ratio_is_taken_round_by_round():
    found = ratios([10, 200, 30], [5, 100, 10])  # a slow round is slow for both
    assert found is not None
    assert (found.median, found.third, found.n) == (2, 2.5, 3)


def test_there_is_no_ratio_to_a_zero_or_between_different_rounds():
    assert ratios([1.0], [0.0]) is None
    assert ratios([1.0, 2.0], [1.0]) is None
