from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

import pytest

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.matchers.dedupe import deduplicated


def ledger(sends, effects):
    """Sends are (id, at) or (id, at, outcome); effects are (id, at) or (id, at, subscriber)."""
    made = Ledger(clock=lambda: 100.0)
    for id_, at, *outcome in sends:
        made.sent(id_, at=at, outcome=outcome[0] if outcome else "ok")
    for id_, at, *subscriber in effects:
        made.delivered(id_, at=at, subscriber=subscriber[0] if subscriber else "")
    return made


def explain(made, matcher):
    return "\n".join(matcher.explain(made))


TWICE = [("a", 1.0), ("a", 1.5), ("b", 2.0)]


def test_one_effect_per_key():
    assert ledger(TWICE, [("a", 1.1), ("b", 2.1)]) == deduplicated()
    assert ledger(TWICE, [("a", 1.1), ("a", 1.6), ("b", 2.1)]) != deduplicated()
    assert ledger(TWICE, [("a", 1.1)]) != deduplicated()


def test_only_within_the_time_to_live():
    made = ledger([*TWICE, ("a", 9.0)], [("a", 1.1), ("b", 2.1), ("a", 9.1)])
    assert made == deduplicated(within=5)
    assert made != deduplicated(within=10)
    assert made != deduplicated()


class Event(NamedTuple):
    order: str
    attempt: int


@pytest.mark.parametrize("by", [0, "order", itemgetter(0)])
def test_the_key_is_part_of_the_id(by):
    first, again = Event("o1", 1), Event("o1", 2)
    assert ledger([(first, 1.0), (again, 2.0)], [(first, 1.1)]) == deduplicated(by=by)
    assert ledger([(first, 1.0), (again, 2.0)], [(first, 1.1), (again, 2.1)]) != deduplicated(by=by)


def test_a_name_is_an_item_of_a_mapping():
    class Frozen(dict):
        def __hash__(self):
            return hash(tuple(self.items()))

    first, again = Frozen(order="o1", attempt=1), Frozen(order="o1", attempt=2)
    assert ledger([(first, 1.0), (again, 2.0)], [(again, 2.1)]) == deduplicated(by="order")


def test_each_kind_is_told():
    sends = [*TWICE, ("b", 2.2), ("b", 2.4), ("c", 3.0, "fail")]
    effects = [("a", 1.1), ("a", 1.6), ("c", 4.0), ("x", 5.0), ("x", 6.0)]
    assert explain(ledger(sends, effects), deduplicated(within=5)) == (
        "3 keys sent 6 times, 5 effects: 1 twice, 1 missing, 1 unexpected, 1 phantom: deduplicated(within=5)\n"
        "  twice       'a'  sent twice, 2 effects: 0.100s after the first send, and 0.500s after that\n"
        "  missing     'b'  sent 3 times, acknowledged, no effect\n"
        "  unexpected  'x'  2 effects, never sent\n"
        "  phantom     'c'  1 effect, sent once, never accepted"
    )


def test_subscribers_are_named_where_there_are_several():
    made = ledger(TWICE, [("a", 1.1, "ann"), ("b", 2.1, "ann"), ("a", 1.1, "bob")])
    assert explain(made, deduplicated()) == (
        "2 keys sent 3 times, 3 effects: 1 missing: deduplicated()\n"
        "  missing     'b' at 'bob'  sent once, acknowledged, no effect"
    )


def test_nothing_sent_twice_is_nothing_to_deduplicate():
    assert explain(ledger([("a", 1.0), ("b", 2.0)], [("a", 1.1), ("b", 2.1)]), deduplicated()) == (
        "2 keys, none of them sent twice: nothing to deduplicate: deduplicated()"
    )
    assert explain(ledger(TWICE, [("a", 1.1), ("b", 2.1)]), deduplicated(within=0.4)) == (
        "2 keys, none of them sent twice within 0.4s: nothing to deduplicate: deduplicated(within=0.4)"
    )


def test_no_effect_of_what_was_sent_twice_is_nothing_to_deduplicate():
    made = ledger([("a", 1.0, "info"), ("a", 1.5, "info"), ("b", 2.0)], [("b", 2.1)])
    assert explain(made, deduplicated()) == (
        "no effect of any key that was sent again (1 key): nothing to deduplicate: deduplicated()"
    )


def test_an_empty_ledger_is_nothing_to_judge():
    assert explain(Ledger(), deduplicated()) == "nothing was sent: nothing to judge: deduplicated()"


def test_many_wrong_keys_fit_what_pytest_shows():
    many = [(f"k{n:03}", n / 100) for n in range(1000)]
    lines = deduplicated().explain(ledger(many, [*many[:500], *many[:500]]))
    assert lines[0] == "1000 keys sent 1000 times, 1000 effects: 500 twice, 500 missing: deduplicated()"
    assert len(lines) <= 8
    assert sum(map(len, lines)) <= 640
    assert sum("more" in line for line in lines) == 2


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: deduplicated(by=1.5), TypeError, "by must be a function of an id, an index or a name, not 1.5"),
        (lambda: deduplicated(by=True), TypeError, "by must be a function of an id, an index or a name, not True"),
        (lambda: deduplicated(within="1"), TypeError, "within must be a number, not '1'"),
        (
            lambda: deduplicated(within=0),
            ValueError,
            "within must be above 0 and up to 86400, not 0 (seconds; a day at most)",
        ),
    ],
)
def test_bad_arguments_are_refused(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("by", "why"),
    [
        (3, "IndexError('string index out of range')"),
        ("order", "AttributeError(\"'str' object has no attribute 'order'\")"),
        (itemgetter("order"), "TypeError"),
    ],
)
def test_an_id_without_such_a_key_is_named(by, why):
    with pytest.raises(ValueError, match=r"^deduplicated\(by=.*\) makes no key of the id 'a': ") as caught:
        deduplicated(by=by).explain(ledger(TWICE, []))
    assert why in str(caught.value)


def test_a_key_that_cannot_be_hashed_is_named():
    with pytest.raises(TypeError, match=r"^deduplicated\(by=list\) makes a key of 'a' that can't be hashed: \['a'\]$"):
        deduplicated(by=list).explain(ledger(TWICE, []))


def test_a_function_is_shown_by_its_name():
    assert repr(deduplicated(by=str.upper, within=2.0)) == "deduplicated(by=upper, within=2.0)"
    assert repr(deduplicated(by="order")) == "deduplicated(by='order')"
