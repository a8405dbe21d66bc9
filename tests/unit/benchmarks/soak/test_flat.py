from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak.flat import growth


def test_what_stays_as_it_was_has_not_grown():
    assert growth([5.0] * 20) == 0


def test_the_warm_up_is_no_growth():
    assert growth([1, 5, 9, 10, *[10] * 12]) == 0


def test_a_slow_leak_is_seen():
    assert growth([100 + number for number in range(40)]) > 15


def test_a_single_peak_is_no_growth():
    assert growth([10] * 19 + [500] + [10] * 3) == 0


def test_two_peaks_whose_memory_is_kept_are_no_growth():
    assert growth([10] * 15 + [30] * 4 + [37] * 12) == 0


def test_a_leak_is_seen_beside_a_peak():
    assert growth([number + 100 * (number > 20) for number in range(40)]) > 10


def test_what_shrinks_has_grown_by_less_than_nothing():
    assert growth([10] * 10 + [4] * 10) == -6


def test_a_few_samples_say_nothing():
    with pytest.raises(ValueError, match="5 samples say nothing"):
        growth([1, 2, 3, 4, 5])


@given(st.lists(st.integers(0, 1000), min_size=6, max_size=60), st.integers(1, 1000))
def test_what_was_there_from_the_start_does_not_matter(samples, more):
    assert growth([sample + more for sample in samples]) == growth(samples)
