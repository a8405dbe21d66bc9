from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.law import Law, Piece, fixed, uniform

numbers = st.floats(0, 10)
pieces = st.tuples(st.integers(1, 9), numbers, numbers).map(lambda p: (p[0], min(p[1:]), max(p[1:])))
laws = st.lists(pieces, min_size=1, max_size=4).map(
    lambda drawn: Law(tuple(Piece(weight / sum(p[0] for p in drawn), low, high) for weight, low, high in drawn))
)


def draws(law, count=20_000):
    """So many draws, spread over each piece as evenly as can be."""
    for weight, low, high in law.pieces:
        here = round(weight * count)
        yield from (low + (high - low) * (i + 0.5) / here for i in range(here))


def test_an_even_law():
    law = uniform(1, 3)
    assert (law.least, law.mean, law.most, law.heaviest) == (1, 2, 3, 0)
    assert [law.up_to(value) for value in (0, 1, 1.5, 3, 4)] == [0, 0, 0.25, 1, 1]
    assert [law.below(value) for value in (0, 1, 1.5, 3, 4)] == [0, 0, 0.25, 1, 1]


def test_a_law_of_one_value():
    law = fixed(2)
    assert (law.least, law.mean, law.most, law.heaviest) == (2, 2, 2, 1)
    assert [law.below(value) for value in (1, 2, 3)] == [0, 0, 1]
    assert [law.up_to(value) for value in (1, 2, 3)] == [0, 1, 1]
    assert [law.quantile(value) for value in (1, 2, 3)] == [0, 0.5, 1]


def test_what_is_clipped_lies_at_the_ends():
    law = uniform(0, 10).clipped(1, 4)
    assert law.pieces == ((0.1, 1, 1), (pytest.approx(0.3), 1, 4), (pytest.approx(0.6), 4, 4))
    assert law.heaviest == pytest.approx(0.6)


def test_a_law_within_the_bounds_stays():
    law = uniform(1, 2)
    assert law.clipped(0, 2) is law


@pytest.mark.parametrize(("low", "high", "at"), [(5, 6, 5), (0, 1, 1)])
def test_a_law_beyond_the_bounds_is_one_value(low, high, at):
    law = uniform(2, 4).clipped(low, high)
    assert (law.least, law.most, law.heaviest) == (at, at, 1)


@given(laws, numbers)
def test_probabilities_are_shares_of_draws(law, value):
    drawn = list(draws(law))
    off = 2 * len(law.pieces) / len(drawn) + 1e-3  # a piece may be narrower than the rounding of its draws
    assert law.below(value) <= sum(d <= value for d in drawn) / len(drawn) + off
    assert law.up_to(value) >= sum(d < value for d in drawn) / len(drawn) - off
    assert law.mean == pytest.approx(math.fsum(drawn) / len(drawn), abs=0.01)


@given(laws, numbers, numbers, numbers)
def test_clipping_changes_nothing_between_the_bounds(law, one, other, value):
    low, high = sorted((one, other))
    clipped = law.clipped(low, high)
    assert math.fsum(piece.weight for piece in clipped.pieces) == pytest.approx(1)
    assert low <= clipped.least <= clipped.most <= high
    if low < value < high:
        assert clipped.up_to(value) == pytest.approx(law.up_to(value))
        assert clipped.below(value) == pytest.approx(law.below(value))
    assert clipped.up_to(high) == pytest.approx(1)
    assert clipped.below(low) == 0
