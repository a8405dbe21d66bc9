from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.matchers.window import fullest


@pytest.mark.parametrize(
    ("moments", "window", "where"),
    [
        ([], 1.0, (0, 0)),
        ([5.0], 1.0, (0, 1)),
        ([0.0, 1.0], 1.0, (0, 1)),
        ([0.0, 0.5], 1.0, (0, 2)),
        ([0.0, 0.5, 2.0, 2.5], 1.0, (0, 2)),
        ([0.0, 2.0, 2.25, 2.5, 5.0], 1.0, (1, 4)),
        ([3.0, 3.0, 3.0], 0.25, (0, 3)),
    ],
)
def test_the_fullest_window(moments, window, where):
    assert fullest(moments, window) == where


@given(st.lists(st.integers(0, 60), max_size=25), st.integers(1, 30))
def test_no_window_is_fuller_and_none_that_is_as_full_comes_before(moments, window):
    moments.sort()
    counts = [sum(begin <= moment < begin + window for moment in moments) for begin in moments]
    first, end = fullest(moments, window)
    assert end - first == max(counts, default=0)
    if moments:
        assert moments[first:end] == [m for m in moments if moments[first] <= m < moments[first] + window]
        assert all(count < end - first for count in counts[:first])
