from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netchaos.relay.rhythm import FOREVER, flap, once

spans = st.tuples(st.floats(0.001, 10), st.floats(0, 10)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def test_a_fault_lasts_once_for_its_time_or_for_ever():
    assert list(once(1.5)) == [(0.0, 1.5)]
    assert list(once()) == [(0.0, FOREVER)]


def test_equal_bounds_leave_nothing_to_chance():
    assert list(flap(1, (1, 1), (2, 2), 3)) == [(0, 1), (3, 4), (6, 7)]


def test_a_rhythm_never_changes():
    assert list(flap(7, (0.1, 0.2), (0.5, 1.0), 3)) == [
        (0.0, 0.1609394524568175), (0.7109788956235432, 0.9093346069572452), (1.7216015248344962, 1.8590919008447448),
    ]  # fmt: skip


@settings(max_examples=50)
@given(st.integers(0, 2**63 - 1), spans, spans, st.integers(1, 30))
def test_every_stretch_is_within_its_bounds(seed, down, up, cycles):
    windows = list(flap(seed, down, up, cycles))
    assert len(windows) == cycles
    assert windows[0][0] == 0
    slack = 1e-9
    for start, end in windows:
        assert down[0] - slack <= end - start <= down[1] + slack
    for (_, end), (start, _) in pairwise(windows):
        assert up[0] - slack <= start - end <= up[1] + slack


@settings(max_examples=50)
@given(st.integers(0, 2**63 - 1), st.integers(1, 20))
def test_fewer_cycles_are_the_beginning_of_more(seed, cycles):
    spans = (0.1, 0.5), (0.2, 1.0)
    assert list(flap(seed, *spans, cycles)) == list(islice(flap(seed, *spans, None), cycles))


def test_without_a_number_of_cycles_it_has_no_end():
    assert len(list(islice(flap(1, (1, 2), (1, 2), None), 1000))) == 1000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stretches_differ_with_the_cycle_and_the_seed(seed):
    windows = list(flap(seed, (0, 1), (0, 1), 50))
    downs = {end - start for start, end in windows}
    ups = {start - end for (_, end), (start, _) in pairwise(windows)}
    assert len(downs) == 50
    assert len(ups) == 49
    assert windows != list(flap(seed + 10, (0, 1), (0, 1), 50))
