from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.judging.deduplication import WrongEffect, judge_effects
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Send


def record(sends, effects, *, subscribers=("",)):
    """Sends are (id, at) or (id, at, outcome); effects are (id, at) or (id, at, subscriber)."""
    return DeliveryRecord(
        tuple(Send(*send) for send in sends),
        tuple(Delivery(*effect) for effect in effects),
        tuple(subscribers),
        (),
        100.0,
    )


def judge(sends, effects, *, within=math.inf, key_of=lambda id_: id_, subscribers=("",)):
    return judge_effects(record(sends, effects, subscribers=subscribers), key_of, within)


def test_one_effect_for_a_key_that_was_sent_twice():
    found = judge([("a", 0), ("a", 1)], [("a", 2)])
    assert found.wrong == []
    assert found.put_to_the_test


@pytest.mark.parametrize(
    ("sends", "effects", "wrong"),
    [
        ([("a", 0)], [("a", 1), ("a", 2), ("a", 3)], WrongEffect("twice", "a", "", 3, (1, 2))),
        ([("a", 0)], [], WrongEffect("missing", "a", "", 0)),
        ([("a", 0, "info")], [], None),
        ([("a", 0, "fail")], [], None),
        ([("a", 0, "fail"), ("a", 1)], [], WrongEffect("missing", "a", "", 0)),
        ([("a", 0, "fail"), ("a", 1)], [("a", 2)], None),
        ([("a", 0, "info")], [("a", 2)], None),
        ([("a", 0, "fail")], [("a", 1)], WrongEffect("phantom", "a", "", 1)),
        ([], [("a", 1), ("a", 2)], WrongEffect("unexpected", "a", "", 2)),
    ],
)
def test_each_kind(sends, effects, wrong):
    assert judge(sends, effects).wrong == ([] if wrong is None else [wrong])


def test_an_effect_that_comes_after_the_time_to_live_is_a_new_one():
    sends = [("a", 0), ("a", 5)]
    assert judge(sends, [("a", 0), ("a", 5)], within=4).wrong == []
    assert judge(sends, [("a", 0), ("a", 5), ("a", 9)], within=4).wrong == [WrongEffect("twice", "a", "", 3, (5, 9))]


@pytest.mark.parametrize(
    ("sends", "tested"),
    [
        ([("a", 0), ("b", 1)], False),
        ([("a", 0), ("a", 4)], True),
        ([("a", 0), ("a", 5)], False),
        ([("a", 0), ("a", 5), ("a", 9)], True),
        ([("a", 0), ("a", 1, "fail")], False),
        ([("a", 0, "info"), ("a", 1, "info")], True),
    ],
)
def test_what_puts_it_to_the_test(sends, tested):
    assert judge(sends, [("a", 10)], within=4).put_to_the_test is tested


def test_a_key_that_was_sent_twice_and_had_no_effect_is_no_test():
    assert not judge([("a", 0, "info"), ("a", 1, "info"), ("b", 2)], [("b", 3)]).put_to_the_test


def test_each_subscriber_has_effects_of_its_own():
    found = judge([("a", 0), ("a", 1)], [("a", 2, "ann"), ("a", 2, "bob"), ("a", 3, "bob")], subscribers=["ann", "eve"])
    assert [(wrong.kind, wrong.subscriber) for wrong in found.wrong] == [("missing", "eve"), ("twice", "bob")]


def test_ids_of_one_key_count_together():
    found = judge([("a1", 0), ("a2", 1)], [("a1", 2), ("a2", 3)], key_of=lambda id_: id_[0])
    assert found.wrong == [WrongEffect("twice", "a", "", 2, (2, 3))]
    assert (found.sent.counts["a"], found.sent.first_at["a"]) == (2, 0)


# A simulated store that remembers each key for a time, and forgets what it is told to.


def effects_of(arrivals, within, *, forgets=None):
    remembered, effects = {}, []
    for key, at in arrivals:
        if key != forgets and key in remembered and at - remembered[key] <= within:
            continue
        remembered[key] = at
        effects.append((key, at))
    return effects


@st.composite
def arrival_lists(draw):
    gaps = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=25))
    now, arrivals = 0, []
    for key, gap in gaps:
        now += gap
        arrivals.append((key, now))
    return arrivals


@given(arrival_lists(), st.sampled_from([2, 5, math.inf]))
def test_a_store_that_remembers_is_accepted(arrivals, within):
    assert judge(arrivals, effects_of(arrivals, within), within=within).wrong == []


@given(arrival_lists(), st.sampled_from([2, 5, math.inf]), st.integers(0, 4))
def test_the_one_key_that_is_forgotten_is_found(arrivals, within, key):
    at = [when for one, when in arrivals if one == key]
    planted = any(later - earlier <= within for earlier, later in pairwise(at))
    found = judge(arrivals, effects_of(arrivals, within, forgets=key), within=within).wrong
    assert [(wrong.kind, wrong.key) for wrong in found] == ([("twice", key)] if planted else [])


@given(arrival_lists(), st.integers(1, 5))
def test_a_time_to_live_that_is_too_short_is_found_where_it_shows(arrivals, within):
    effects = effects_of(arrivals, within - 1)
    shows = {key for key, at in effects for other, then in effects if key == other and then - at == within}
    assert {wrong.key for wrong in judge(arrivals, effects, within=within).wrong} == shows


@given(arrival_lists(), st.data())
def test_an_effect_that_is_lost_or_invented_is_found(arrivals, data):
    effects = effects_of(arrivals, math.inf)
    lost = data.draw(st.sampled_from(effects))
    effects = [("invented", 0), *(effect for effect in effects if effect != lost)]
    found = {(wrong.kind, wrong.key) for wrong in judge(arrivals, effects).wrong}
    assert found == {("missing", lost[0]), ("unexpected", "invented")}


def oracle(sends, effects, within, subscribers):
    """Straight from the table, key by key and pair by pair."""
    found = set()
    for subscriber in subscribers:
        for key in {id_ for id_, *_ in sends} | {id_ for id_, *_ in effects}:
            outcomes = [outcome for id_, _, outcome in sends if id_ == key]
            at = sorted(when for id_, when, who in effects if (id_, who) == (key, subscriber))
            close = any(at[j] - at[i] <= within for i in range(len(at)) for j in range(i + 1, len(at)))
            if at and not outcomes:
                found.add(("unexpected", key, subscriber))
            elif at and set(outcomes) == {"fail"}:
                found.add(("phantom", key, subscriber))
            elif close:
                found.add(("twice", key, subscriber))
            elif not at and "ok" in outcomes:
                found.add(("missing", key, subscriber))
    return found


moments = st.integers(0, 12)
keys = st.integers(0, 4)


@given(
    st.lists(st.tuples(keys, moments, st.sampled_from(["ok", "info", "fail"])), max_size=12),
    st.lists(st.tuples(keys, moments, st.sampled_from(["ann", "bob"])), max_size=12),
    st.sampled_from([1, 3, math.inf]),
)
def test_the_findings_are_those_of_the_definition(sends, effects, within):
    sends, effects = (sorted(rows, key=lambda row: row[1]) for rows in (sends, effects))
    found = judge(sends, effects, within=within, subscribers=["ann", "bob"])
    assert {(wrong.kind, wrong.key, wrong.subscriber) for wrong in found.wrong} == oracle(
        sends, effects, within, ["ann", "bob"]
    )
    assert len({(wrong.key, wrong.subscriber) for wrong in found.wrong}) == len(found.wrong)
    again = {
        one[0]
        for i, one in enumerate(sends)
        for two in sends[i + 1 :]
        if one[0] == two[0] and "fail" not in {one[2], two[2]} and two[1] - one[1] <= within
    }
    assert found.put_to_the_test is any(key in again for key, _, _ in effects)
