from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netchaos.relay.chance import draw, mix

keys = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        ((), 0),
        ((0,), 0xE220A8397B1DCDAF),  # the first output of the published SplitMix64 from the state 0
        ((1, 2, 3), 7702586659592502839),
    ],
)
def test_a_hash_never_changes(key, hashed):
    assert mix(*key) == hashed


@pytest.mark.parametrize(
    ("key", "number"), [((7,), 0.3898297483912715), ((7, 1, 2), 0.475141302622465), ((0,), 0.8833108082136426)]
)
def test_a_draw_never_changes(key, number):
    assert draw(*key) == number


@settings(max_examples=50)
@given(keys)
def test_a_draw_is_below_1_and_not_below_0(key):
    assert 0 <= draw(*key) < 1
    assert 0 <= mix(*key) < 2**64


@settings(max_examples=50)
@given(keys)
def test_keys_count_modulo_2_to_the_64(key):
    assert mix(*key) == mix(*[part + 2**64 for part in key]) == mix(*[part - 2**64 for part in key])


@settings(max_examples=50)
@given(keys, st.data())
def test_every_key_counts(key, data):
    place = data.draw(st.integers(0, len(key) - 1))
    bit = 1 << data.draw(st.integers(0, 63))
    other = [*key]
    other[place] ^= bit
    assert mix(*other) != mix(*key)


def test_the_order_of_keys_counts():
    assert mix(1, 2) != mix(2, 1)
    assert mix(1, 0) != mix(1)
    assert mix(0, 1) != mix(1)


def test_draws_do_not_depend_on_each_other():
    forward = {key: draw(7, key) for key in range(100)}
    order = list(range(100))
    random.Random(1).shuffle(order)
    assert {key: draw(7, key) for key in order} == forward


@pytest.mark.parametrize(
    "make", [lambda n: (n,), lambda n: (7, 1, n), lambda n: (n, 1, 7), lambda n: (3, n % 50, n // 50)]
)
def test_draws_are_uniform(make):
    count, cells = 5000, 20
    found = [0] * cells
    for n in range(count):
        found[int(draw(*make(n)) * cells)] += 1
    chi_squared = sum((each - count / cells) ** 2 / (count / cells) for each in found)
    assert 2 < chi_squared < 60  # 19 degrees of freedom: all but some millionths of all true randomness


def test_one_bit_of_a_key_changes_half_of_the_hash():
    changed = [(mix(7, n) ^ mix(7, n ^ 1 << bit)).bit_count() for n in range(50) for bit in range(64)]
    assert 31.5 < sum(changed) / len(changed) < 32.5
