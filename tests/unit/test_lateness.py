from __future__ import annotations

import pytest

from pytest_netchaos.faults import Cut
from pytest_netchaos.history import Connection, Dial, Dials, FaultSpan, History, Lag
from pytest_netchaos.lateness import explaining, remarks
from pytest_netchaos.matchers import assertrepr, backoff, check, reconnected

DIALS = [Dial(1, 10.0, "served", connection=1), Dial(2, 10.5, "refused", ended_at=10.5, waited=0.4)]
LAG = Lag(10.6, 0.35)


def test_no_lag_no_remark():
    assert remarks([], 10.0) == []


def test_each_lag_has_a_line():
    assert remarks([Lag(11.204, 0.351), Lag(12.0, 1.0, "process")], 10.0) == [
        "the event loop stood still for 0.35s at 1.204s: a wait that is late may be its doing",
        "this process stood still for 1.00s at 2.000s: a wait that is late may be its doing",
    ]


def test_of_many_the_longest_are_named_in_order_of_time_and_the_rest_is_summed_up():
    lags = [Lag(10.0 + n, 0.1 * (n + 1)) for n in range(5)]
    assert remarks(lags, 10.0) == [
        "the event loop stood still for 0.30s at 2.000s: a wait that is late may be its doing",
        "the event loop stood still for 0.40s at 3.000s: a wait that is late may be its doing",
        "the event loop stood still for 0.50s at 4.000s: a wait that is late may be its doing",
        "and 2 more times, 0.30s in all",
    ]


def history(*lags, now=12.0):
    return History("db", now, Dials(DIALS, lags=lags))


@pytest.mark.parametrize(
    ("lags", "said"),
    [
        ([LAG], "the event loop stood still for 0.35s, 0.100s after dial 2"),
        ([Lag(10.25, 0.05, "process")], "this process stood still for 0.05s, 0.250s after dial 1"),
        ([Lag(9.9, 0.2)], "the event loop stood still for 0.20s, when dial 1 came"),
        ([Lag(10.1, 0.1), LAG], "the event loop stood still for 0.35s, 0.100s after dial 2 (and 1 more)"),
    ],
)
def test_the_longest_lag_explains_a_failure_by_the_dial_before_it(lags, said):
    assert explaining(history(*lags)) == [f"{said}: a wait that is late may be its doing"]


def test_a_lag_before_the_first_dial_explains_nothing():
    assert explaining(history(Lag(9.0, 0.5))) == []


def test_a_lag_after_the_last_of_some_dials_explains_none_of_them():
    assert explaining(Dials(DIALS, lags=[LAG])) == []
    assert explaining(Dials(DIALS, lags=[LAG])[:1]) == []
    assert len(explaining(Dials(DIALS, lags=[Lag(10.2, 0.2)])[1:])) == 0, "its first dial came later"
    assert len(explaining(Dials(DIALS, lags=[Lag(10.2, 0.2)]))) == 1


@pytest.mark.parametrize("judged", [None, 3, Dials((), lags=[LAG]), History("db", 1.0)])
def test_what_has_no_dials_is_explained_by_no_lag(judged):
    assert explaining(judged) == []


LATE = History(
    "db",
    12.0,
    Dials([Dial(1, 10.0, "served", connection=1), Dial(2, 11.0, "served", connection=2)], lags=[LAG]),
    (Connection(1, 1, 10.0, closed_at=10.5), Connection(2, 2, 11.0)),
    (FaultSpan(Cut(), 10.5, 10.6, (1,)),),
)


def test_a_late_reconnect_is_told_with_the_lag_that_may_have_caused_it():
    expected = [
        "link 'db' reconnected 0.400s after the heal, too late: reconnected(within=0.1)",
        "  dial 1  0.600s before the heal  served as connection 1",
        "  dial 2  0.400s after the heal  served as connection 2",
        "the event loop stood still for 0.35s, 0.600s after dial 1: a wait that is late may be its doing",
    ]
    assert assertrepr("==", LATE, reconnected(within=0.1)) == expected
    with pytest.raises(AssertionError) as caught:
        check(LATE, reconnected(within=0.1))
    assert str(caught.value) == "\n".join(expected)


def test_a_lag_never_turns_a_pass_into_a_failure():
    assert reconnected(within=0.5) == LATE


def test_a_lag_goes_unsaid_where_pytest_would_cut_the_explanation():
    refused = [Dial(n, float(n), "refused", ended_at=float(n), waited=1.0 if n else None) for n in range(8)]
    seen = Dials(refused, lags=[Lag(0.5, 0.3)])
    blind = Dials(refused, "some dials could not be seen", lags=[Lag(0.5, 0.3)])
    assert assertrepr("==", seen, backoff(first=0.1))[-1].startswith("the event loop stood still for 0.30s")
    assert len(assertrepr("==", seen, backoff(first=0.1))) <= 8
    many = [Dial(n, float(n), "refused", ended_at=float(n), waited=1.0 if n < 4 else 5.0) for n in range(1, 9)]
    full = Dials(many, "x" * 600, lags=[Lag(1.5, 0.3)])
    assert not any("stood still" in line for line in assertrepr("==", full, backoff(first=1, factor=1)))
    assert len(assertrepr("==", blind, backoff(first=0.1))) <= 8
