from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netchaos.faults import Blackhole, Cut, Delay, Reset, Stall, Throttle
from pytest_netchaos.history import Connection, Dial, Dials, FaultSpan, History, Outage, merge_outages

FOUR = [Dial(1, 1.0, "served"), Dial(2, 2.0, "refused"), Dial(3, 3.0, "pending"), Dial(4, 4.0, "refused")]


def span(started_at, healed_at, fault=None):
    return FaultSpan(fault or Cut(), started_at, healed_at)


def test_dials_are_a_sequence():
    dials = Dials(FOUR)
    assert list(dials) == FOUR
    assert len(dials) == 4
    assert dials[0] == FOUR[0]
    assert dials[-1] == FOUR[-1]
    assert FOUR[2] in dials
    assert not Dials()
    with pytest.raises(IndexError):
        dials[4]


@pytest.mark.parametrize("key", [slice(1, 3), slice(None), slice(-2, None), slice(None, None, -1), slice(9, 10)])
def test_a_slice_of_dials_is_dials_that_know_what_could_not_be_seen(key):
    part = Dials(FOUR, blind="half of them")[key]
    assert isinstance(part, Dials)
    assert list(part) == FOUR[key]
    assert part.blind == "half of them"


def test_dials_by_outcome():
    dials = Dials(FOUR, blind="some")
    assert [dial.number for dial in dials.served] == [1]
    assert [dial.number for dial in dials.refused] == [2, 4]
    assert (dials.served.blind, dials.refused.blind) == ("some", "some")
    assert repr(dials) == "<1 served and 2 refused of 4 dials>"


def test_a_connection_is_open_until_it_was_closed():
    assert Connection(1, 1, 1.0).is_open
    assert not Connection(1, 1, 1.0, closed_at=0.0).is_open


@pytest.mark.parametrize("fault", [Cut(), Delay(1)])
def test_a_span_breaks_as_its_fault_does(fault):
    assert span(1, 2, fault).breaks is fault.breaks


@pytest.mark.parametrize(
    ("spans", "outages"),
    [
        ([], []),
        ([span(1, 2, Delay(1)), span(1, None, Throttle(1))], []),
        ([span(1, 2)], [(1, 2, ("cut",))]),
        ([span(3, 4), span(1, 2)], [(1, 2, ("cut",)), (3, 4, ("cut",))]),
        ([span(1, 2), span(2, 3)], [(1, 3, ("cut",))]),
        ([span(1, 5), span(2, 3, Stall())], [(1, 5, ("cut", "stall"))]),
        ([span(1, 3), span(2, 4, Stall()), span(3.5, 6)], [(1, 6, ("cut", "stall"))]),
        ([span(1, None), span(2, 3, Blackhole())], [(1, None, ("cut", "blackhole"))]),
        ([span(1, 3), span(2, None), span(9, 10)], [(1, None, ("cut",))]),
        ([span(1, 1, Reset()), span(2, 2, Reset())], [(1, 1, ("reset",)), (2, 2, ("reset",))]),
        ([span(1, 2), span(1.5, 1.5, Reset())], [(1, 2, ("cut", "reset"))]),
        ([span(1, 2), span(1.5, 4, Delay(1)), span(3, 4)], [(1, 2, ("cut",)), (3, 4, ("cut",))]),
    ],
)
def test_breaking_faults_that_overlap_are_one_outage(spans, outages):
    expected = tuple(Outage(*each) for each in outages)
    assert merge_outages(spans) == expected
    assert History("db", 10.0, faults=tuple(spans)).outages == expected


times = st.integers(0, 20)


@settings(max_examples=50)
@given(st.lists(st.tuples(times, st.none() | st.integers(0, 9)), max_size=8))
def test_outages_cover_exactly_what_the_faults_do(pairs):
    spans = [span(start, None if length is None else start + length) for start, length in pairs]
    outages = merge_outages(spans)

    def covered(parts, at):
        return any(part.started_at <= at and (part.healed_at is None or at <= part.healed_at) for part in parts)

    moments = [moment / 2 for moment in range(80)]
    assert [covered(outages, at) for at in moments] == [covered(spans, at) for at in moments]
    for one, next_one in pairwise(outages):
        assert one.healed_at is not None
        assert one.healed_at < next_one.started_at


def timed(started_at, until, healed_at=None, fault=None):
    return FaultSpan(fault or Cut(), started_at, healed_at, until=until)


@pytest.mark.parametrize(
    ("spans", "until"),
    [
        ([timed(1, None)], None),
        ([timed(1, 5)], 5),
        ([timed(1, 5, healed_at=5)], None),
        ([timed(1, 5), timed(2, 4)], 5),
        ([timed(1, 5), timed(2, 9)], 9),
        ([timed(1, 5), timed(2, None)], None),
        ([timed(1, None), timed(2, 5)], None),
        ([timed(1, 9, healed_at=3), timed(2, 5)], 5),
        ([timed(1, 5), timed(2, 2, healed_at=2, fault=Reset())], 5),
        ([timed(1, 5), timed(2, 99, fault=Delay(1))], 5),
    ],
)
def test_an_outage_that_lasts_says_when_it_is_to_end_where_that_is_known(spans, until):
    assert merge_outages(spans)[-1].until == until


def test_a_fault_that_was_healed_early_puts_the_end_of_an_outage_off_no_longer():
    assert merge_outages([timed(1, 5), timed(2, 9, healed_at=3)])[0].until == 5


@pytest.mark.parametrize(
    ("spans", "until"),
    [
        ([(1.0, None, 3.0)], 3.0),
        ([(1.0, None, None)], None),
        ([(1.0, 3.0, 3.0)], None),
        ([(1.0, None, 3.0), (2.0, None, 5.0)], 5.0),
        ([(1.0, None, 3.0), (2.0, None, None)], None),
        ([(1.0, 4.0, 4.0), (2.0, None, 3.0)], 4.0),
    ],
    ids=["timed", "endless", "over", "two timed", "one endless", "one over"],
)
def test_an_outage_knows_when_it_is_to_end_if_all_of_its_faults_do(spans, until):
    (outage,) = merge_outages(FaultSpan(Cut(), start, end, until=planned) for start, end, planned in spans)
    assert outage.until == until
