from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos import jitter
from pytest_netchaos.jitter import additive, backo2, decorrelated, equal, full, proportional


@pytest.mark.parametrize(
    ("model", "least", "mean", "most"),
    [
        (proportional(0.25), 3, 4, 5),
        (proportional(0), 4, 4, 4),
        (additive(1.5), 2.5, 4, 5.5),
        (full(), 0, 2, 4),
        (equal(), 2, 3, 4),
        (decorrelated(), 4, 12.5, 21),
        (decorrelated(1), 4, 5.5, 7),
        (backo2(0.5), 2.2, 4.1, 6),
    ],
)
def test_a_wait_of_four_seconds_after_one_of_seven(model, least, mean, most):
    law = model.law(4, 7)
    assert (law.least, law.mean, law.most) == pytest.approx((least, mean, most))


def test_a_decorrelated_wait_is_never_shorter_than_the_first():
    law = decorrelated().law(4, 1)
    assert (law.least, law.most) == (4, 4)


@given(st.floats(0, 1), st.floats(0.001, 100), st.integers(0, 9), st.floats(0.01, 0.99))
def test_backo2_puts_each_draw_into_its_piece(share, meant, tenth, part):
    drawn = (tenth + part) / 10
    deviation = drawn * share * meant
    wait = meant + deviation if tenth % 2 else meant - deviation
    law = backo2(share).law(meant, 0)
    assert any(piece.low - 1e-9 <= wait <= piece.high + 1e-9 for piece in law.pieces)
    assert law.least - 1e-9 <= wait <= law.most + 1e-9


def test_the_law_of_backo2_is_that_of_its_draws():
    draws = random.Random(1)
    waits = []
    for _ in range(20_000):
        drawn = draws.random()
        sign = 1 if int(drawn * 10) % 2 else -1
        waits.append(10 + sign * drawn * 5)
    law = backo2(0.5).law(10, 0)
    for at in (6, 7.3, 8.1, 9.9, 10.2, 11.7, 13, 14.6):
        assert law.up_to(at) == pytest.approx(sum(wait <= at for wait in waits) / len(waits), abs=0.02)


MODELS = [
    full(),
    full(cap_after=True),
    equal(),
    equal(cap_after=True),
    proportional(0.2),
    proportional(0.2, cap_after=True),
    additive(0.5),
    additive(0.5, cap_after=True),
    decorrelated(),
    decorrelated(2.5),
    backo2(0.5),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_what_it_prints_makes_it(model):
    assert eval(repr(model), vars(jitter)) == model


def test_they_print_as_they_are_written():
    assert [repr(model) for model in MODELS[:6]] == [
        "full()",
        "full(cap_after=True)",
        "equal()",
        "equal(cap_after=True)",
        "proportional(0.2)",
        "proportional(0.2, cap_after=True)",
    ]
    assert repr(decorrelated()) == "decorrelated()"
    assert repr(backo2(0.5)) == "backo2(0.5)"


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: proportional(1.1), ValueError, "jitter must be from 0 to 1, not 1.1"),
        (lambda: backo2(-0.1), ValueError, "jitter must be from 0 to 1, not -0.1"),
        (lambda: additive(-1), ValueError, "seconds of jitter must be from 0 to 86400, not -1"),
        (lambda: additive("1"), TypeError, "seconds of jitter must be a number, not '1'"),
        (lambda: decorrelated(0.5), ValueError, "times must be from 1 to 1000, not 0.5"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(make, error, said):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("model", [decorrelated, backo2])
def test_where_the_cap_is_always_applied_last_it_is_no_argument(model):
    with pytest.raises(TypeError):
        model(1, cap_after=False)
