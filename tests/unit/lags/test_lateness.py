from __future__ import annotations

import pytest

from pytest_netchaos.faults import Blackhole, Cut
from pytest_netchaos.history import Connection, Dial, Dials, FaultSpan, History, Lag
from pytest_netchaos.lags.lateness import explaining, remarks, stood_still
from pytest_netchaos.matchers import (
    assertrepr,
    backoff,
    check,
    dead_peer_detected,
    dial_rate,
    gave_up,
    no_thundering_herd,
    reconnected,
    stayed_away,
)

DIALS = [Dial(1, 10.0, "served", connection=1), Dial(2, 10.5, "refused", ended_at=10.5, waited=0.4)]
LAG = Lag(10.6, 0.35)


def test_no_lag_no_remark():
    assert remarks([], 10.0) == []


def test_a_lag_has_a_line():
    assert remarks([Lag(11.204, 0.351)], 10.0) == [
        "the event loop stood still for 0.35s at 1.204s: that can make a wait late"
    ]


def test_a_lag_may_come_before_everything_else():
    assert remarks([Lag(9.5, 0.351)], 10.0) == [
        "the event loop stood still for 0.35s 0.500s before the first event: that can make a wait late"
    ]


def test_of_several_the_longest_is_named_and_the_rest_is_summed_up():
    lags = [Lag(10.0, 0.1), Lag(12.0, 1.0, "process"), Lag(14.0, 0.3)]
    assert remarks(lags, 10.0) == [
        "this process stood still for 1.00s at 2.000s: that can make a wait late",
        "and 2 more times, 0.40s in all",
    ]


def history(*lags, now=12.0):
    return History("db", now, Dials(DIALS, lags=lags))


@pytest.mark.parametrize(
    ("lags", "said"),
    [
        ([LAG], "the event loop stood still for 0.35s, 0.100s after dial 2"),
        ([Lag(10.25, 0.05, "process")], "this process stood still for 0.05s, 0.250s after dial 1"),
        ([Lag(9.9, 0.2)], "the event loop stood still for 0.20s, before dial 1"),
        ([Lag(10.1, 0.1), LAG], "the event loop stood still for 0.35s, 0.100s after dial 2 (and 1 more)"),
    ],
)
def test_the_longest_lag_explains_a_failure_by_the_dial_before_it(lags, said):
    expected = [f"{said}: that can make a wait late"]
    assert explaining(history(*lags), 9.0, 12.0) == expected
    assert explaining(history(*lags).dials, 9.0, 12.0) == expected


def test_where_nobody_dialled_a_lag_is_told_without_a_dial():
    said = ["the event loop stood still for 0.35s: that can make a wait late"]
    assert explaining(Dials(lags=[LAG]), 10.0, 11.0) == said


@pytest.mark.parametrize(("begin", "end", "count"), [(9.0, 10.6, 0), (10.95, 12.0, 0), (9.0, 10.7, 1), (10.9, 12.0, 1)])
def test_only_a_lag_in_the_time_that_took_too_long_explains_it(begin, end, count):
    assert len(explaining(history(Lag(10.6, 0.35)), begin, end)) == count


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
        "the event loop stood still for 0.35s, 0.600s after dial 1: that can make a wait late",
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


CAVEAT = "that can make a wait late"
THROUGHOUT = [Lag(0.0, 100.0, "process")]


def dial(number, at, waited=None, outcome="refused"):
    return Dial(number, at, outcome, ended_at=at, waited=waited)


def silent(healed_at=None, hung_up_at=None, now=30.0):
    """Tell of one connection in a black hole that began at 10.0."""
    dials = Dials([Dial(1, 9.0, "served", connection=1, hung_up_at=hung_up_at)], lags=THROUGHOUT)
    return History("db", now, dials, (Connection(1, 1, 9.0),), (FaultSpan(Blackhole(), 10.0, healed_at, (1,)),))


def cut(*dials, now=30.0, healed_at=None):
    return History("db", now, Dials(dials, lags=THROUGHOUT), faults=(FaultSpan(Cut(), 10.0, healed_at),))


@pytest.mark.parametrize(
    ("judged", "matcher"),
    [
        pytest.param(Dials([dial(1, 1.0), dial(2, 9.0, 8.0)], lags=THROUGHOUT), backoff(first=1), id="backoff-late"),
        pytest.param(cut(dial(1, 10.5), healed_at=11.0), reconnected(within=1), id="never-reconnected"),
        pytest.param(silent(), dead_peer_detected(within=1), id="not-detected"),
        pytest.param(silent(hung_up_at=15.0), dead_peer_detected(within=1), id="detected-late"),
        pytest.param(cut(dial(1, 10.5), dial(2, 11.0, 0.5)), gave_up(after=3), id="too-few-dials"),
        pytest.param(cut(dial(1, 20.0), dial(2, 20.01)), no_thundering_herd(2), id="all-at-once"),
    ],
)
def test_a_client_that_took_too_long_may_have_been_held_up(judged, matcher):
    assert assertrepr("==", judged, matcher)[-1].endswith(CAVEAT)


@pytest.mark.parametrize(
    ("judged", "matcher"),
    [
        pytest.param(Dials([dial(1, 1.0), dial(2, 1.1, 0.1)], lags=THROUGHOUT), backoff(first=1), id="backoff-soon"),
        pytest.param(Dials([dial(1, 1.0)], lags=THROUGHOUT), backoff(first=1), id="no-wait"),
        pytest.param(Dials([dial(1, 1.0), dial(2, 2.0)], lags=THROUGHOUT), backoff(first=1), id="two-clients"),
        pytest.param(cut(dial(1, 10.5)), reconnected(within=1), id="still-in-force"),
        pytest.param(History("db", 30.0, Dials(lags=THROUGHOUT)), reconnected(within=1), id="no-fault"),
        pytest.param(silent(healed_at=10.5), dead_peer_detected(within=1), id="a-short-silence"),
        pytest.param(cut(), dead_peer_detected(within=1), id="no-silence"),
        pytest.param(cut(dial(1, 10.5), dial(2, 11.0, 0.5)), gave_up(after=1), id="too-many-dials"),
        pytest.param(History("db", 30.0, Dials(lags=THROUGHOUT)), gave_up(after=1), id="nothing-to-give-up-on"),
        pytest.param(cut(*(dial(n, 10 + n / 10) for n in range(1, 9))), dial_rate(2), id="too-often"),
        pytest.param(cut(dial(1, 10.5)), stayed_away(for_=1, since=9.0), id="came-back"),
        pytest.param(cut(dial(1, 20.0), dial(2, 21.0)), no_thundering_herd(2), id="not-back"),
        pytest.param(History("db", 30.0, Dials(lags=THROUGHOUT)), no_thundering_herd(2), id="nobody-had-to-come-back"),
    ],
)
def test_no_lag_excuses_a_client_that_came_too_soon_or_too_often(judged, matcher):
    lines = assertrepr("==", judged, matcher)
    assert lines
    assert not any(CAVEAT in line for line in lines)


def test_a_first_wait_that_was_too_soon_is_not_excused_by_a_later_one_that_was_too_late():
    dials = Dials([dial(1, 1.0), dial(2, 1.1, 0.1), dial(3, 20.0, 18.9)], lags=THROUGHOUT)
    assert not any(CAVEAT in line for line in assertrepr("==", dials, backoff(first=1)))


@pytest.mark.parametrize(
    ("lags", "lasted"),
    [
        ([], 0.0),
        ([Lag(10.2, 0.3, "process")], 0.3),
        ([Lag(9.8, 0.3, "process")], 0.1),
        ([Lag(10.8, 0.3, "process")], 0.2),
        ([Lag(9.0, 3.0, "process")], 1.0),
        ([Lag(9.0, 0.5, "process"), Lag(11.5, 0.5, "process")], 0.0),
        ([Lag(10.0, 0.1, "process"), Lag(10.5, 0.2, "process")], 0.3),
        ([Lag(10.2, 0.3, "event loop")], 0.0),
    ],
)
def test_how_long_this_process_stood_still(lags, lasted):
    assert stood_still(lags, 10.0, 11.0) == pytest.approx(lasted)
