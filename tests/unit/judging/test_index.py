from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generated import sends

from pytest_netchaos.judging.index import Absent, Tally, index
from pytest_netchaos.ledger import Send


def sent(text):
    """Sends of one-letter ids, with ``!`` failed, with ``?`` unclear."""
    outcomes = {"!": "fail", "?": "info"}
    return [Send(word[0], float(n), outcomes.get(word[1:], "ok")) for n, word in enumerate(text.split())]


def test_only_ids_that_were_sent_again_have_a_list():
    found = index(sent("a b a! c"))
    assert (found.first, found.repeated) == ({"a": 0, "b": 1, "c": 3}, {"a": [0, 2]})
    assert [found.tally(id_) for id_ in "abc"] == [Tally(2, 1, 0), Tally(1, 1, 0), Tally(1, 1, 0)]


def test_an_id_of_two_senders_is_shared():
    assert index([Send("a", 0.0, sender="s"), Send("a", 1.0, sender="t"), Send("b", 2.0), Send("b", 3.0)]).shared == {
        "a"
    }


@pytest.mark.parametrize(
    ("text", "got", "lost", "unseen"),
    [
        ("a b? c!", "", [0], [0, 1]),
        ("a b? c!", "abc", [], []),
        ("a a", "a", [1], [1]),
        ("a? a", "a", [], [0]),
        ("a a? a?", "aa", [], [2]),
        ("a! a", "", [1], [1]),
        ("a b a a", "b", [0, 2, 3], [0, 2, 3]),
    ],
)
def test_what_is_absent(text, got, lost, unseen):
    assert index(sent(text)).absent(Counter(got)) == Absent(lost, unseen)


@given(sends, st.lists(st.sampled_from("abcdefx"), max_size=12))
def test_what_is_absent_agrees_with_crossing_off_one_by_one(made, got):
    counts = Counter(got)
    left = counts.copy()
    lost, unclear = [], []
    for outcome, gone in (("ok", lost), ("info", unclear)):  # deliveries stand for acknowledged sends first
        for position, send in enumerate(made):
            if send.outcome == outcome:
                if left[send.id]:
                    left[send.id] -= 1
                else:
                    gone.append(position)
    assert index(made).absent(counts) == Absent(lost, sorted(lost + unclear))


@given(sends)
def test_the_first_of_each_id_is_the_first(made):
    found = index(made)
    ids = [send.id for send in made]
    assert found.first == {id_: ids.index(id_) for id_ in ids}
    assert found.shared == {id_ for id_ in ids if len({send.sender for send in made if send.id == id_}) > 1}
    for id_ in ids:
        outcomes = [send.outcome for send in made if send.id == id_]
        assert found.tally(id_) == Tally(len(outcomes), outcomes.count("ok"), outcomes.count("info"))
