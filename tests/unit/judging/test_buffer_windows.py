from __future__ import annotations

import math

import pytest

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.buffer_windows import Windows

FIRST, SECOND = Outage(10, 20, ("cut",)), Outage(30, 40, ("cut",))
OPEN = Outage(30, None, ("cut",))


def windows(sent, arrivals, *outages):
    """Messages by their times of sending; ``arrivals`` maps some of them to when they arrived."""
    got = sorted((at, sent.index(message)) for message, at in arrivals.items())
    return Windows(outages, sent, got)


@pytest.mark.parametrize(
    ("arrivals", "end"),
    [
        ({11: 21, 12: 22}, 21),
        ({11: 20}, 20),
        ({11: 19, 12: 22}, 22),
        ({9: 21, 12: 22}, 22),
        ({21: 23}, 23),
        ({}, math.inf),
    ],
)
def test_it_ends_with_the_first_arrival_after_the_heal_of_what_was_sent_since_the_start(arrivals, end):
    assert windows([9, 11, 12, 21], arrivals, FIRST).ends == [end]


def test_an_outage_after_the_flush_has_a_window_of_its_own():
    made = windows([11, 31], {11: 29, 31: 41}, FIRST, SECOND)
    assert (made.starts, made.ends) == ([10, 30], [29, 41])


@pytest.mark.parametrize("arrived", [30, 35, 41])
def test_an_outage_before_the_flush_goes_on(arrived):
    made = windows([11, 31], {11: arrived, 31: 42}, FIRST, SECOND)
    assert (made.starts, made.ends) == ([10, 10], [arrived, 42])


def test_it_is_over_unless_an_outage_still_in_force_began_before_the_flush():
    assert windows([11, 31], {}, FIRST, SECOND).is_over(0)
    flushed, not_flushed = windows([11], {11: 21}, FIRST, OPEN), windows([11], {}, FIRST, OPEN)
    assert [flushed.is_over(0), flushed.is_over(1)] == [True, False]
    assert [not_flushed.is_over(0), not_flushed.is_over(1)] == [False, False]


def test_without_an_outage_there_is_none():
    made = windows([1], {1: 2})
    assert (made.starts, made.ends) == ([], [])
