from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak.mischief import draw_fault, draw_span, draw_toxic
from pytest_netchaos.faults import Flap

KINDS = {
    "cut", "refuse", "reset", "close", "stall", "blackhole", "delay", "throttle", "slice", "limit", "idle_timeout",
    "flap",
}  # fmt: skip
TOXICS = {"latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data"}


def test_every_kind_of_fault_and_of_toxic_comes():
    chance = random.Random(1)
    assert {draw_fault(chance).kind for _ in range(500)} == KINDS
    assert {draw_toxic(chance, "one")["type"] for _ in range(500)} == TOXICS


@given(st.integers(0, 1 << 32))
def test_the_same_seed_draws_the_same(seed):
    first, second = random.Random(seed), random.Random(seed)
    assert [draw_fault(first) for _ in range(20)] == [draw_fault(second) for _ in range(20)]
    assert draw_toxic(first, "one") == draw_toxic(second, "one")


@given(st.integers(0, 1 << 32))
def test_only_what_can_be_ended_has_a_span(seed):
    chance = random.Random(seed)
    fault = draw_fault(chance)
    span = draw_span(chance, fault)
    assert span is None or (0 < span < 1 and not fault.instant and not isinstance(fault, Flap))
