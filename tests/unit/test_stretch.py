from __future__ import annotations

import math

import pytest

from pytest_netchaos.faults import Cut
from pytest_netchaos.history import FaultSpan, Outage
from pytest_netchaos.stretch import Stretch, check_moment, end_of, name_of, start_of


@pytest.mark.parametrize("value", [FaultSpan(Cut(), 1.0, 2.0), Outage(1.0, 2.0, ("cut",))])
def test_a_fault_and_an_outage_are_stretches_of_time(value):
    assert isinstance(value, Stretch)
    check_moment("after", value)
    assert end_of(value) == 2.0


def test_what_has_begun_has_a_beginning_and_a_time_is_its_own():
    assert (start_of(FaultSpan(Cut(), 1.0, 2.0)), start_of(3)) == (1.0, 3)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (FaultSpan(Cut(), 1.0), "cut"),
        (Outage(1.0, 2.0, ("cut", "stall")), "cut and stall"),
        (Outage(1.0, 2.0, ()), "fault"),
        (object(), "fault"),
    ],
)
def test_a_stretch_is_named_by_its_faults(value, name):
    assert name_of(value) == name


def test_what_lasts_has_no_end():
    assert end_of(FaultSpan(Cut(), 1.0)) is None


def test_a_time_is_its_own_end():
    check_moment("after", 3)
    assert end_of(3.5) == 3.5


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("1", TypeError),
        (None, TypeError),
        (True, TypeError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        (-math.inf, ValueError),
    ],
)
def test_what_is_no_moment_is_refused_by_name(value, error):
    with pytest.raises(error, match=r"^after must be"):
        check_moment("after", value)
