from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.stats import percentile, summarize


def test_a_summary_has_the_median_and_the_quartiles():
    found = summarize([5, 1, 3, 2, 4])
    assert (found.first, found.median, found.third, found.least, found.n) == (2, 3, 4, 1, 5)


def test_the_spread_is_the_middle_half():
    assert summarize([0, 10, 20, 30, 1000]).iqr == 20


def test_one_value_has_no_spread():
    found = summarize([7.0])
    assert (found.median, found.iqr, found.n) == (7.0, 0.0, 1)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_the_quartiles_are_among_the_values(values):
    found = summarize(values)
    assert min(values) <= found.first <= found.third <= max(values)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 99)])
def test_a_percentile_is_one_of_the_values(percent, expected):
    assert percentile(list(range(99, -1, -1)), percent) == expected
