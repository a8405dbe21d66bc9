from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generated import sends, sends_of_one

from pytest_netchaos.judging.index import index
from pytest_netchaos.judging.ordering import Skip, disorders, skips
from pytest_netchaos.ledger import Delivery, Send


def gaps(sent, got):
    counts, found = Counter(got), index(sent)
    return list(skips(found, found.absent(counts).lost, counts, "ann"))


def plain(text):
    outcomes = {"!": "fail", "?": "info"}
    return [Send(word[0], float(n), outcomes.get(word[1:], "ok")) for n, word in enumerate(text.split())]


@pytest.mark.parametrize(
    ("sent", "got", "expected"),
    [
        pytest.param("a b c", "abc", [], id="nothing lost"),
        pytest.param("a b c", "ac", [("b", "a", "c")], id="one"),
        pytest.param("a b c", "ca", [("b", "a", "c")], id="in whatever order the others came"),
        pytest.param("a b c", "acb", [], id="came late"),
        pytest.param("a b c d e f", "adf", [("bc", "a", "d"), ("e", "d", "f")], id="two"),
        pytest.param("a b c", "c", [], id="at the beginning"),
        pytest.param("a b c", "a", [], id="at the end"),
        pytest.param("a b c", "", [], id="all"),
        pytest.param("a b? c", "ac", [], id="unclear"),
        pytest.param("a b! c", "ac", [], id="refused"),
        pytest.param("a! b c?", "ac", [("b", "a", "c")], id="whatever arrived bounds it"),
        pytest.param("a b c d", "axc", [("b", "a", "c")], id="a stranger bounds nothing"),
        pytest.param("a b a c", "abc", [], id="sent again, lost outside perhaps"),
        pytest.param("a b c b d", "acd", [("b", "a", "c"), ("b", "c", "d")], id="sent twice, lost twice"),
        pytest.param("a b c b d", "abcd", [("b", "c", "d")], id="sent twice, lost once"),
        pytest.param("b a b c d", "abcd", [], id="the first of two may be the lost one"),
        pytest.param("b a c b", "bc", [], id="an id that came too seldom bounds nothing"),
        pytest.param("b? a b", "b", [], id="nor does one that may stand for either of its sends"),
    ],
)
def test_what_is_skipped(sent, got, expected):
    found = [("".join(send.id for send in skip.sends), skip.after, skip.before) for skip in gaps(plain(sent), got)]
    assert found == expected


def test_each_sender_has_gaps_of_its_own():
    sent = [
        Send("a", 0.0, sender="s"),
        Send("b", 1.0, sender="t"),
        Send("c", 2.0, sender="s"),
        Send("d", 3.0, sender="t"),
    ]
    assert gaps(sent, "acd") == []
    more = [*sent, Send("e", 4.0, sender="s")]
    assert gaps(more, "ade") == [Skip((sent[2],), "ann", "a", "e")]


def test_an_id_of_two_senders_is_in_no_gap_and_bounds_none():
    sent = [
        Send("a", 0.0, sender="s"),
        Send("b", 1.0, sender="s"),
        Send("b", 2.0, sender="t"),
        Send("c", 3.0, sender="s"),
    ]
    assert gaps(sent, "ac") == []
    assert gaps([sent[1], sent[2], sent[0], sent[3]], "bbc") == []


@given(sends, st.lists(st.sampled_from("abcdefx"), max_size=12))
def test_gaps_agree_with_the_definition(made, got):
    counts = Counter(got)
    ids = {send.id for send in made}
    at = {id_: [n for n, send in enumerate(made) if send.id == id_] for id_ in ids}
    owned = {id_ for id_ in ids if len({made[n].sender for n in at[id_]}) == 1}
    sure = {n for id_ in owned if counts[id_] >= len(at[id_]) for n in at[id_]}

    def inside(n):
        mine = [m for m in sure if made[m].sender == made[n].sender]
        return any(m < n for m in mine) and any(m > n for m in mine)

    expected = {}
    for id_ in owned:
        accepted = [n for n in at[id_] if made[n].outcome == "ok"]
        lost = max(0, len(accepted) - counts[id_])
        # Every way to say which of its sends are the lost ones.
        expected[id_] = min(sum(map(inside, chosen)) for chosen in combinations(accepted, lost))
    found = gaps(made, got)
    assert Counter(send.id for skip in found for send in skip.sends) == +Counter(expected)
    for skip in found:
        places = [made.index(send) for send in skip.sends]
        around = [n for n in sure if made[n].sender == skip.sends[0].sender]
        before = [n for n in around if n < places[0]]
        after = [n for n in around if n > places[-1]]
        assert (made[max(before)].id, made[min(after)].id) == (skip.after, skip.before)
        assert not [n for n in around if places[0] < n < places[-1]]


def can_be_in_order(made, got):
    """Try every way to say which delivery stands for which send."""
    taken = {send.id: [n for n, other in enumerate(made) if other.id == send.id] for send in made}
    counts = Counter()
    order = []
    for id_ in got:
        counts[id_] += 1
        if id_ in taken and counts[id_] <= len(taken[id_]):  # else it's a stranger, or a duplicate
            order.append(id_)
    total = Counter(order)
    ids = list(total)

    def place(left, chosen):
        if not left:
            uses = {id_: iter(positions) for id_, positions in chosen.items()}
            line = [next(uses[id_]) for id_ in order]
            return all(one < other for one, other in pairwise(line))
        return any(place(left[1:], {**chosen, left[0]: ways}) for ways in permutations(taken[left[0]], total[left[0]]))

    return place(ids, {})


@given(sends_of_one.filter(lambda made: max(Counter(s.id for s in made).values(), default=0) <= 3), st.data())
def test_an_order_is_wrong_only_if_no_way_to_read_it_is_right(made, data):
    got = data.draw(st.lists(st.sampled_from("abcdx"), max_size=6))
    found = list(disorders(index(made), [Delivery(id_, 0.0) for id_ in got], Counter(got), ""))
    assert (not found) is can_be_in_order(made, got)
