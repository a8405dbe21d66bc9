from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialled import dialled

from pytest_netchaos.history import Dial, Dials, Lag
from pytest_netchaos.matchers.base import assertrepr
from pytest_netchaos.matchers.waits import waits


def drawn(most, count=30, seed=1):
    draws = random.Random(seed)
    return dialled([draws.uniform(0, most) for _ in range(count)])


@pytest.mark.parametrize(
    ("matcher", "seen", "holds"),
    [
        (waits(most=0.1, late=0.05), drawn(0.1), True),
        (waits(most=0.1, late=0.05), drawn(0.4), False),
        (waits(mean=0.05, late=0.01), drawn(0.1), True),
        (waits(mean=0.05, late=0.01), drawn(0.4), False),
        (waits(mean=0.2, late=0.01), drawn(0.1), False),
        (waits(mean=0.1), drawn(0.4, 200), False),
        (waits(mean=0.1, late=5.0), drawn(0.4, 200), True),
        (waits(mean=0.05), drawn(0.1, 29), False),
        (waits(mean=0.05, samples=29), drawn(0.1, 29), True),
        (waits(least=0.2, samples=1), dialled([0.191]), True),
        (waits(least=0.2, samples=1), dialled([0.189]), False),
        (waits(most=0.2, samples=1), dialled([0.449]), True),
        (waits(most=0.2, samples=1), dialled([0.451]), False),
        (waits(least=0.1, most=0.3, samples=2), dialled([0.1], [0.3]), True),
        (waits(most=1, samples=1), dialled(), False),
    ],
)
def test_waits(matcher, seen, holds):
    assert (seen == matcher) is holds


def explain(seen, matcher):
    return "\n".join(matcher.explain(seen))


def test_the_mean_is_off():
    assert explain(dialled([0.1, 0.3] * 15), waits(mean=0.05, late=0)) == (
        "the mean wait is 0.200s, allowed 0.011..0.079s: waits(mean=0.05, late=0)\n"
        "30 waits: least 0.100s  mean 0.200s  most 0.300s"
    )


def test_one_is_too_short():
    assert explain(dialled([0.3, 0.1]), waits(least=0.2)) == (
        "dial 3 came too soon, after 0.100s: waits(least=0.2)\n2 waits: least 0.100s  mean 0.200s  most 0.300s"
    )


def test_one_is_too_long():
    assert explain(dialled([0.3]), waits(most=0.2, late=0.05, samples=1)) == (
        "dial 2 came too late, after 0.300s: waits(most=0.2, samples=1, late=0.05)\n"
        "1 wait: least 0.300s  mean 0.300s  most 0.300s"
    )


@pytest.mark.parametrize(
    ("matcher", "shown"),
    [
        (waits(most=0.2), (5.0, 5.5)),
        (waits(mean=0.1, samples=2), None),
        (waits(least=0.2), None),
        (waits(most=0.6, samples=2), None),
    ],
)
def test_when_a_client_was_too_late_is_known(matcher, shown):
    assert matcher.late_of_snapshot(dialled([0.5, 0.6])) == (shown and pytest.approx(shown))


def test_what_stood_still_is_named():
    seen = dialled([0.1, 0.5]).with_lags([Lag(5.2, 0.3, "event loop")])
    said = "\n".join(assertrepr("==", seen, waits(most=0.2, late=0.1)))
    assert said.endswith("the event loop stood still for 0.30s, 0.100s after dial 2: that can make a wait late")


@pytest.mark.parametrize(
    ("matcher", "lag", "holds"),
    [
        (waits(most=0.2, late=0.1, samples=2), Lag(5.2, 0.21, "process"), True),
        (waits(most=0.2, late=0.1, samples=2), Lag(5.2, 0.21, "event loop"), False),
        (waits(most=0.2, late=0.1, samples=2), Lag(5.2, 0.19, "process"), False),
        (waits(most=0.2, late=0.1, samples=2), Lag(5.5, 0.3, "process"), False),
        (waits(most=0.2, late=0.1, samples=2), Lag(4.0, 1.21, "process"), False),
        (waits(most=0.2, late=0.1, samples=2), Lag(4.0, 1.5, "process"), True),
        (waits(mean=0.05, late=0.1, samples=2), Lag(5.2, 0.29, "process"), True),
        (waits(mean=0.05, late=0.1, samples=2), Lag(5.2, 0.2, "process"), False),
        (waits(least=0.1, samples=2), Lag(5.0, 0.6, "process"), True),
        (waits(mean=0.3, samples=2), Lag(5.0, 0.6, "process"), True),
    ],
)
def test_no_wait_is_too_long_because_this_process_stood_still(matcher, lag, holds):
    assert (dialled([0.1, 0.5]).with_lags([lag]) == matcher) is holds


def test_too_few():
    assert explain(dialled([0.1] * 7), waits(mean=0.1)) == (
        "only 7 of 30 samples: waits(mean=0.1)\n7 waits: least 0.100s  mean 0.100s  most 0.100s"
    )


def test_none_at_all():
    assert explain(dialled(), waits(most=1)) == "no reconnect to judge: 1 dial: waits(most=1)"


def test_when_dials_may_have_been_missed_it_does_not_pass():
    seen = Dials([*dialled([0.1])], "some dials are invisible")
    assert explain(seen, waits(most=1, samples=1)) == (
        "no refused dial was seen, and not all could be: the waits can't be judged: waits(most=1, samples=1)\n"
        "some dials are invisible"
    )
    assert Dials([*dialled([0.1, 0.1])], "some dials are invisible") == waits(most=1, samples=2)
    assert explain(seen, waits(most=1)).endswith("\nsome dials are invisible")


def test_several_clients():
    seen = Dials([Dial(1, 0.0, "served"), Dial(2, 0.1, "served")])
    assert explain(seen, waits(most=1)).startswith("dial 2 began before dial 1 had ended: waits(most=1)\nseveral")


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({}, ValueError, "waits() needs a bound: mean=…, least=… or most=…"),
        ({"mean": -1}, ValueError, "mean must be from 0 to 86400, not -1"),
        ({"least": "1"}, TypeError, "least must be a number, not '1'"),
        ({"least": 2, "most": 1}, ValueError, "most must be at least least (2), not 1"),
        ({"least": 2, "mean": 1}, ValueError, "mean must be at least least (2), not 1"),
        ({"mean": 2, "most": 1}, ValueError, "most must be at least mean (2), not 1"),
        ({"most": 1, "samples": 0}, ValueError, "samples must be at least 1, not 0"),
        ({"most": 1, "samples": True}, TypeError, "samples must be a whole number, not True"),
        ({"most": 1, "late": -1}, ValueError, "late must be from 0 to 86400, not -1"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(arguments, error, said):
    with pytest.raises(error) as caught:
        waits(**arguments)
    assert str(caught.value).startswith(said)


bounds = st.none() | st.floats(0.01, 1)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60), bounds, bounds, bounds, st.integers(1, 60), st.floats(0, 1))
def test_the_verdict_is_that_of_the_definition(seen, least, mean, most, samples, late):
    if least is mean is most is None or [b for b in (least, mean, most) if b is not None] != sorted(
        b for b in (least, mean, most) if b is not None
    ):
        return
    average = sum(seen) / len(seen)
    margin = 5.5 * 2 * (mean or 0) / math.sqrt(12 * len(seen))
    edges = [*(abs(w - b) for w in seen for b in ((least or 0) - 0.01, (most or 9) + late))]
    edges += [abs(average - (mean or 9) - margin - late / 10), abs(average - (mean or 9) + margin + 0.01)]
    if min(edges) < 1e-6:
        return  # the dials' times round
    holds = (
        len(seen) >= samples
        and (least is None or min(seen) >= least - 0.01)
        and (most is None or max(seen) <= most + late)
        and (mean is None or mean - margin - 0.01 <= average <= mean + margin + late / 10)
    )
    matcher = waits(least=least, mean=mean, most=most, samples=samples, late=late)
    assert (dialled(seen) == matcher) is holds
