from __future__ import annotations

import dataclasses
import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netchaos.faults import (
    LONGEST,
    MOST_CYCLES,
    Blackhole,
    Close,
    Cut,
    Delay,
    Fault,
    Flap,
    IdleTimeout,
    Limit,
    Refuse,
    Reset,
    Slice,
    Stall,
    Throttle,
    check_direction,
    check_number,
    check_span,
)

EVERY = [
    Cut(), Refuse(), Reset(), Close(), Stall(), Blackhole(), Delay(0.1), Throttle(1000), Slice(10), Limit(10),
    IdleTimeout(60), Flap(),
]  # fmt: skip
NO_NUMBERS = [None, "0.2", True, False, [1], (0.1, 0.2), 1j, Decimal("0.1")]
NO_FINITE_NUMBERS = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize(
    ("fault", "kind", "instant", "breaks"),
    [
        (Cut(), "cut", False, True),
        (Refuse(), "refuse", False, True),
        (Reset(), "reset", True, True),
        (Close(), "close", True, True),
        (Stall(), "stall", False, True),
        (Blackhole(), "blackhole", False, True),
        (Delay(0.1), "delay", False, False),
        (Throttle(1), "throttle", False, False),
        (Slice(1), "slice", False, False),
        (Limit(0), "limit", False, True),
        (IdleTimeout(60), "idle_timeout", False, False),
        (Flap(), "flap", False, True),
    ],
)
def test_each_fault_says_what_it_is(fault, kind, instant, breaks):
    assert (fault.kind, fault.instant, fault.breaks) == (kind, instant, breaks)


@pytest.mark.parametrize("fault", EVERY, ids=str)
def test_faults_are_values(fault):
    same = dataclasses.replace(fault)
    assert same == fault
    assert hash(same) == hash(fault)
    assert not hasattr(fault, "__dict__")
    for field in dataclasses.fields(fault):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(fault, field.name, None)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Cut(), "cut()"),
        (Reset(toxicity=0.5), "reset(toxicity=0.5)"),
        (Stall(direction="upstream"), "stall(direction='upstream')"),
        (Blackhole(direction="both", toxicity=1.0), "blackhole()"),
        (Delay(0.2), "delay(latency=0.2)"),
        (Delay(0.2, 0.1, direction="downstream"), "delay(direction='downstream', latency=0.2, jitter=0.1)"),
        (Throttle(1000), "throttle(rate=1000)"),
        (Slice(100), "slice(size=100)"),
        (Slice(100, 20, 0.5, direction="upstream"), "slice(direction='upstream', size=100, variation=20, pause=0.5)"),
        (Limit(0, toxicity=0.5), "limit(toxicity=0.5, count=0)"),
        (Flap(), "flap()"),
        (Flap(0.2, (0.5, 1.0), 3), "flap(down=0.2, up=(0.5, 1.0), cycles=3)"),
        (Flap(fault=Stall(toxicity=0.1)), "flap(fault=stall(toxicity=0.1))"),
    ],
)
def test_a_fault_is_written_as_what_differs_from_its_defaults(fault, text):
    assert str(fault) == text


@pytest.mark.parametrize("name", ["latency", "jitter"])
@pytest.mark.parametrize("value", [0, 0.0, 1e-9, 1, LONGEST])
def test_durations_up_to_a_day_are_accepted(name, value):
    fault = Delay(**{"latency": LONGEST, name: value})
    assert getattr(fault, name) == value


@pytest.mark.parametrize("name", ["latency", "jitter"])
@pytest.mark.parametrize("value", [-1, -1e-9, LONGEST + 1, *NO_FINITE_NUMBERS])
def test_other_durations_are_refused_by_name_value_and_unit(name, value):
    with pytest.raises(
        ValueError, match=rf"^{name} must be from 0 to 86400, not {value!r} \(seconds; a day at most\)$"
    ):
        Delay(**{"latency": 1, name: value})


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("latency", Delay),
        ("jitter", lambda value: Delay(1, value)),
        ("rate", Throttle),
        ("pause", lambda value: Slice(10, pause=value)),
        ("toxicity", lambda value: Reset(toxicity=value)),
        ("toxicity", lambda value: Stall(toxicity=value)),
    ],
)
def test_what_is_no_number_is_refused_by_name_and_value(name, make, value):
    with pytest.raises(TypeError) as caught:
        make(value)
    assert str(caught.value) == f"{name} must be a number, not {value!r}"


def test_no_byte_arrives_before_it_was_sent():
    assert Delay(0.2, 0.2).jitter == 0.2
    with pytest.raises(ValueError, match=r"^jitter must not exceed latency \(0\.2\), not 0\.21: no byte can arrive"):
        Delay(0.2, 0.21)


@pytest.mark.parametrize("rate", [1e-3, 1, 1000, 1e12])
def test_rates_above_0_are_accepted(rate):
    assert Throttle(rate).rate == rate


@pytest.mark.parametrize("rate", [0, -1, 1.1e12, *NO_FINITE_NUMBERS])
def test_other_rates_are_refused_with_what_to_use_instead(rate):
    with pytest.raises(ValueError, match=rf"^rate must be above 0 and up to 1e\+12, not {rate!r} \(bytes .* use stall"):
        Throttle(rate)


MOST = 1 << 40


@pytest.mark.parametrize(
    ("name", "make", "low"),
    [
        ("size", Slice, 1),
        ("variation", lambda value: Slice(MOST, value), 0),
        ("count", Limit, 0),
    ],
)
def test_counts_are_whole_numbers_of_bytes(name, make, low):
    for value in (low, 7, MOST - 1):
        assert getattr(make(value), name) == value
    for value in (low - 1, MOST + 1, -MOST):
        with pytest.raises(ValueError, match=rf"^{name} must be from {low} to {MOST} bytes, not {value}$"):
            make(value)
    for value in [*NO_NUMBERS, *NO_FINITE_NUMBERS, 1.0]:
        with pytest.raises(TypeError) as caught:
            make(value)
        assert str(caught.value) == f"{name} must be a whole number of bytes, not {value!r}"


def test_a_piece_has_a_byte_at_least():
    assert Slice(10, 9).variation == 9
    with pytest.raises(
        ValueError, match=r"^variation must be less than size \(10\), not 10: a piece has a byte at least"
    ):
        Slice(10, 10)


@pytest.mark.parametrize("pause", [-1, LONGEST + 1, *NO_FINITE_NUMBERS])
def test_a_pause_is_a_duration(pause):
    with pytest.raises(ValueError, match=rf"^pause must be from 0 to 86400, not {pause!r} \(seconds"):
        Slice(10, pause=pause)


PARTIAL = [Stall, Blackhole, *(lambda make=make, **k: make(1, **k) for make in (Delay, Throttle, Slice, Limit))]


@pytest.mark.parametrize("make", [Reset, Close, *PARTIAL])
def test_a_toxicity_is_a_share(make):
    assert [make(toxicity=share).toxicity for share in (0, 0.5, 1)] == [0, 0.5, 1]
    for value in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=rf"^toxicity must be from 0 to 1, not {value!r}$"):
            make(toxicity=value)


@pytest.mark.parametrize("make", PARTIAL)
@pytest.mark.parametrize("value", ["up", "", None, 0, ["both"], "Upstream"])
def test_an_unknown_direction_is_refused_with_those_that_there_are(make, value):
    with pytest.raises(ValueError, match=r"^direction must be one of 'upstream', 'downstream', 'both', not ") as caught:
        make(direction=value)
    assert str(caught.value).endswith(f"not {value!r}")


@pytest.mark.parametrize("value", ["upstream", "downstream", "both"])
def test_the_directions(value):
    check_direction(value)
    assert Stall(direction=value).direction == value


@pytest.mark.parametrize("name", ["down", "up"])
@pytest.mark.parametrize("value", [0.1, 1, (0.1, 0.1), (1, 2), LONGEST])
def test_a_span_is_a_time_or_a_pair(name, value):
    assert getattr(Flap(**{name: value}), name) == value


@pytest.mark.parametrize("name", ["down", "up"])
@pytest.mark.parametrize(
    ("value", "error", "complaint"),
    [
        (0, ValueError, "must be above 0 and up to 86400, not 0 (seconds; a day at most)"),
        ((0.0, 1), ValueError, "must be above 0 and up to 86400, not 0.0 (seconds; a day at most)"),
        ((1, math.inf), ValueError, "must be above 0 and up to 86400, not inf (seconds; a day at most)"),
        ((2, 1), ValueError, "must be a (shortest, longest) pair, not (2, 1)"),
        ((1,), ValueError, "must be seconds or a (shortest, longest) pair, not (1,)"),
        ((1, 2, 3), ValueError, "must be seconds or a (shortest, longest) pair, not (1, 2, 3)"),
        ([1, 2], TypeError, "must be a number, not [1, 2]"),
        (("1", "2"), TypeError, "must be a number, not '1'"),
        (None, TypeError, "must be a number, not None"),
    ],
)
def test_other_spans_are_refused_by_name_and_value(name, value, error, complaint):
    for check in (lambda: check_span(name, value), lambda: Flap(**{name: value})):
        with pytest.raises(error) as caught:
            check()
        assert str(caught.value) == f"{name} {complaint}"


@pytest.mark.parametrize("cycles", [None, 1, 3, MOST_CYCLES])
def test_a_flap_has_whole_cycles_or_no_end(cycles):
    assert Flap(cycles=cycles).cycles == cycles


@pytest.mark.parametrize("cycles", [0, -1, 1.0, True, "3", MOST_CYCLES + 1])
def test_other_cycles_are_refused(cycles):
    with pytest.raises(
        ValueError, match=r"^cycles must be a whole number from 1 to 1,000,000, or None, not "
    ) as caught:
        Flap(cycles=cycles)
    assert str(caught.value).endswith(f"not {cycles!r}")


@pytest.mark.parametrize("fault", [None, "cut", Cut, Flap()])
def test_a_flap_repeats_a_fault_that_is_no_flap(fault):
    with pytest.raises(TypeError, match=r"^fault must be a fault that can be repeated, such as Cut\(\), not "):
        Flap(fault=fault)


def test_the_shares_and_directions_are_given_by_name():
    for make in (lambda: Reset(0.5), lambda: Stall("upstream"), lambda: Delay(0.1, 0.1, "upstream"), lambda: Cut(1)):
        with pytest.raises(TypeError, match="positional"):
            make()


@settings(max_examples=50)
@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 10), st.floats(0, 10), st.booleans())
def test_a_number_is_accepted_exactly_where_it_is_in_range(value, low, more, above):
    high = low + more
    fits = low <= value <= high and not (above and value == low)
    try:
        check_number("x", value, low=low, high=high, above=above)
    except ValueError:
        assert not fits
    else:
        assert fits


def test_a_huge_whole_number_is_out_of_range_too():
    with pytest.raises(ValueError, match=r"^latency must be from 0"):
        Delay(10**400)


def test_the_base_class_is_no_fault():
    with pytest.raises(TypeError):
        Fault()
