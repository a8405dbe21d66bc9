from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.law import Law, Piece, fixed, uniform
from pytest_netchaos.matchers.sampling import draw, statistics

EVEN = [(i + 0.5) / 40 for i in range(40)]


def judged(waits, law=None, early=0.0, late=0.0, fewest=30):
    law = law or uniform(0, 1)
    return statistics([draw(wait, law, law, early=early, late=late) for wait in waits], fewest)


@pytest.mark.parametrize(
    ("waits", "verdict"),
    [
        (EVEN, ""),
        ([w * 0.3 for w in EVEN], "the random waits are too short on the whole"),
        ([1 - w * 0.3 for w in EVEN], "the random waits are too long on the whole"),
        ([0.45 + w / 20 for w in EVEN], "no jitter seen"),
        ([w * 0.6 for w in EVEN], "the random waits are never as long as they should be now and then"),
        ([1 - w * 0.6 for w in EVEN], "the random waits are never as short as they should be now and then"),
        ([0.5] * 30, "no jitter seen"),
        ([0.5] * 29, ""),
    ],
)
def test_verdicts(waits, verdict):
    assert judged(waits).verdict == verdict


def test_without_random_waits_there_are_no_statistics():
    assert judged([]) is None


def test_they_print_what_was_seen_and_what_was_expected():
    assert str(judged(EVEN)) == (
        "seen      least 0.01  mean 0.50  most 0.99\nexpected  least under 0.33  mean 0.25..0.75  most over 0.67"
    )


def test_lateness_that_is_allowed_is_not_held_against_the_client():
    late = [wait + 0.5 for wait in EVEN]
    assert judged(late).verdict == "the random waits are too long on the whole"
    assert judged(late, late=0.5).verdict == ""


def test_lateness_hides_no_missing_jitter():
    assert judged([0.5] * 30, late=5.0).verdict == "no jitter seen"


def test_waits_that_are_shorter_by_rounding_are_not_held_against_the_client():
    early = [wait - 0.3 for wait in EVEN]
    assert judged(early).verdict == "the random waits are too short on the whole"
    assert judged(early, early=0.3).verdict == ""


def test_a_value_that_is_often_drawn_says_nothing_of_missing_jitter():
    mostly_one = Law((Piece(0.7, 1, 1), Piece(0.3, 0, 1)))
    assert judged([1.0] * 40, mostly_one).verdict == ""
    assert judged([1.0] * 40, fixed(1)).verdict == ""


@given(st.integers(0, 10**9), st.integers(30, 300))
def test_even_draws_are_never_found_wrong(seed, count):
    draws = random.Random(seed)
    assert judged([draws.random() for _ in range(count)]).verdict == ""


@given(st.integers(0, 10**9), st.floats(0.2, 3), st.floats(0, 0.5))
def test_nor_are_clipped_and_late_ones(seed, cap, late):
    draws = random.Random(seed)
    law = uniform(0, 3).clipped(0, cap)
    waits = [min(cap, draws.uniform(0, 3)) + draws.uniform(0, late) for _ in range(60)]
    assert judged(waits, law, late=late).verdict == ""


@given(st.integers(0, 10**9), st.sampled_from([lambda u: u / 2, lambda u: 1 - u / 2, lambda u: 0.4 + u / 5]))
def test_jitter_that_goes_one_way_or_hardly_any_is_found(seed, bent):
    draws = random.Random(seed)
    assert judged([bent(draws.random()) for _ in range(60)]).verdict != ""


@pytest.mark.parametrize("count", [30, 100, 1000])
def test_what_the_docstring_says_of_false_alarms(count):
    found = judged([0.5] * count)
    assert (1 - found.least_below) ** count == pytest.approx(1e-7)
    assert found.most_above == pytest.approx(1 - found.least_below)
    assert found.mean_within**2 * 12 * count == pytest.approx(5.5**2)
