from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_netchaos.engines.toxics import Toxic, toxics
from pytest_netchaos.errors import UnsupportedFault
from pytest_netchaos.faults import (
    Blackhole,
    Close,
    Cut,
    Delay,
    IdleTimeout,
    Limit,
    Refuse,
    Reset,
    Slice,
    Stall,
    Throttle,
)

EPSILON = 1e-9
DIRECTIONS = st.sampled_from(["upstream", "downstream", "both"])


@pytest.mark.parametrize("fault", [Cut(), Stall(), Stall(direction="upstream")], ids=str)
def test_what_the_relay_does_has_no_toxic(fault):
    assert toxics(fault) == ()


@pytest.mark.parametrize(
    ("fault", "type_", "attributes"),
    [
        (Blackhole(), "timeout", {"timeout": 0}),
        (Delay(0.2), "latency", {"latency": 200, "jitter": 0}),
        (Delay(0.07, 0.0349), "latency", {"latency": 70, "jitter": 34}),
        (Delay(0), "latency", {"latency": 0, "jitter": 0}),
        (Throttle(50_000), "bandwidth", {"rate": 50}),
        (Slice(100, 20, 0.5), "slicer", {"average_size": 100, "size_variation": 20, "delay": 500_000}),
        (Slice(1), "slicer", {"average_size": 1, "size_variation": 0, "delay": 0}),
        (Limit(0), "limit_data", {"bytes": 0}),
        (Limit(1 << 40), "limit_data", {"bytes": 1 << 40}),
    ],
)
def test_a_fault_is_a_toxic_in_each_of_its_directions(fault, type_, attributes):
    assert toxics(fault) == tuple(Toxic(type_, stream, attributes) for stream in ("upstream", "downstream"))


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize(
    "make", [Blackhole, *(lambda make=make, **d: make(1000, **d) for make in (Delay, Throttle, Slice, Limit))]
)
def test_a_fault_of_one_direction_is_one_toxic(make, direction):
    assert [toxic.stream for toxic in toxics(make(direction=direction))] == [direction]


@given(st.floats(0, 3600), st.floats(0, 1), DIRECTIONS)
@example(0.01, 0.56, "both")  # 10 ± 5.6 ms: a jitter of 6 would be early
@example(0.07, 0.0, "both")  # 0.07 * 1000 is a little more than 70
def test_a_delay_is_never_early_and_at_most_a_millisecond_late(latency, share, direction):
    jitter = latency * share
    for toxic in toxics(Delay(latency, jitter, direction=direction)):
        has = toxic.attributes
        assert {type(value) for value in has.values()} == {int}, "Toxiproxy takes whole numbers only"
        assert 0 <= has["jitter"] <= has["latency"]
        earliest, latest = (has["latency"] - has["jitter"]) / 1000, (has["latency"] + has["jitter"]) / 1000
        assert earliest >= latency - jitter - EPSILON
        assert latest <= latency + jitter + 0.001 + EPSILON


@given(st.floats(0, 3600))
@example(0.0000011)
@example(0.07)
def test_a_pause_is_never_cut_short_and_at_most_a_microsecond_longer(pause):
    (toxic, _) = toxics(Slice(10, pause=pause))
    assert type(toxic.attributes["delay"]) is int
    assert pause - EPSILON <= toxic.attributes["delay"] / 1e6 <= pause + 1e-6 + EPSILON


@given(st.floats(1e-3, 1e12, exclude_min=True), DIRECTIONS)
@example(1000.0, "both")
@example(1500.0, "both")
@example(499.0, "both")
def test_a_rate_is_within_one_percent_or_unsupported(rate, direction):
    fault = Throttle(rate, direction=direction)
    if abs(round(rate / 1000) * 1000 - rate) > rate * 0.01:
        with pytest.raises(UnsupportedFault, match="Toxiproxy counts in whole KB/s"):
            toxics(fault)
        return
    for toxic in toxics(fault):
        assert type(toxic.attributes["rate"]) is int
        assert toxic.attributes["rate"] > 0, "0 would be a stall"
        assert abs(toxic.attributes["rate"] * 1000 - rate) <= rate * 0.01


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Refuse(), "Toxiproxy refuses new connections only by disabling a proxy, which closes the live ones as well"),
        (Reset(), "Toxiproxy resets a connection at its next byte, never an idle one"),
        (Reset(toxicity=0.5), "Toxiproxy resets a connection at its next byte, never an idle one"),
        (Close(), "Toxiproxy closes connections by disabling their proxy, which refuses new ones and loses bytes"),
        (IdleTimeout(1), "Toxiproxy's timeout counts from when it is added, whatever passes, and drops all that does"),
        (Stall(toxicity=0.5), "Toxiproxy draws toxicity without a seed, and again for live connections"),
        (Blackhole(toxicity=0), "Toxiproxy draws toxicity without a seed"),
        (Delay(0.1, toxicity=0.99), "Toxiproxy draws toxicity without a seed"),
        (Throttle(1000, toxicity=0.1), "Toxiproxy draws toxicity without a seed"),
        (Slice(10, toxicity=0.1), "Toxiproxy draws toxicity without a seed"),
        (Limit(10, toxicity=0.1), "Toxiproxy draws toxicity without a seed"),
        (Throttle(1500), "Toxiproxy counts in whole KB/s (1000 bytes per second), and this isn't one"),
    ],
)
def test_what_toxiproxy_can_not_do_is_named_with_the_reason_and_who_can(fault, why):
    with pytest.raises(UnsupportedFault) as caught:
        toxics(fault)
    assert str(caught.value).startswith(f"{fault}: {why}")
    assert str(caught.value).endswith("; engines that can: embedded (--netchaos-engine=embedded)")
    assert caught.value.engines == ("embedded",)
