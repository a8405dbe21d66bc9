from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generated import records

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.resumption import Reconnect, reconnects
from pytest_netchaos.judging.silence import Silence, silences
from pytest_netchaos.ledger import Connect, Delivery, DeliveryRecord, Send


def record(got, *, connects=(0.0, 5.0, 9.0), outages=(), outcomes=None):
    """Messages 0 to 9 at 0 s to 9 s; ``got`` maps those that arrived to when."""
    return DeliveryRecord(
        tuple(Send(n, float(n), (outcomes or {}).get(n, "ok")) for n in range(10)),
        tuple(sorted((Delivery(n, float(at)) for n, at in got.items()), key=lambda one: one.at)),
        ("",),
        outages,
        20.0,
        tuple(Connect(at) for at in connects),
    )


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        pytest.param({0: 1, 1: 2}, [(1, 1, (2, 3, 4, 5, 6, 7, 8, 9))], id="since the first reconnect"),
        pytest.param({0: 1, 5: 6}, [(2, 5, (6, 7, 8, 9))], id="since the second"),
        pytest.param({0: 1, 5: 5}, [(2, 5, (6, 7, 8, 9))], id="heard at the first"),
        pytest.param({0: 1, 5: 9}, [], id="went on, and lost the rest"),
        pytest.param({0: 1, 9: 9.5}, [], id="went on"),
        pytest.param({0: 1, 9: 1.5}, [], id="nothing was due"),
        pytest.param({}, [], id="never heard anything"),
        pytest.param({7: 1, 3: 6}, [(2, 7, (8, 9))], id="the last to come was not the latest"),
    ],
)
def test_who_has_gone_silent(got, expected):
    assert [(one.number, one.last, one.due) for one in silences(record(got))] == expected


def test_what_it_says():
    assert silences(record({0: 1, 8: 2})) == [Silence("", 1, Reconnect(5.0), "", 8, (9,))]


def test_only_what_was_acknowledged_is_due():
    outcomes = {8: "info", 9: "fail"}
    assert silences(record({7: 1}, outcomes=outcomes)) == []


def test_without_connects_the_heals_count_and_nothing_is_due_in_an_outage():
    cut = Outage(3.0, 4.0, ("cut",))
    assert [one.reconnect.outage for one in silences(record({0: 1}, connects=(), outages=(cut,)))] == [cut]
    assert silences(record({0: 1}, connects=(), outages=(cut, Outage(8.0, None, ("cut",))))) == []


@given(records(), st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["ann", "bob"])), max_size=5))
def test_it_agrees_with_the_definition(made, connects):
    made = replace(made, connects=tuple(Connect(float(at), who) for at, who in sorted(connects)))
    copies = Counter(send.id for send in made.sends)
    own = [(n, send) for n, send in enumerate(made.sends) if copies[send.id] == 1]
    expected = set()
    for who, moments in reconnects(made).items():
        for sender in "st":
            here = {send.id: n for n, send in own if send.sender == sender}
            got = [one for one in made.deliveries if one.subscriber == who and one.id in here]
            if not got or not moments or any(outage.healed_at is None for outage in made.outages):
                continue
            after = [number for number, moment in enumerate(moments, 1) if all(one.at < moment.at for one in got)]
            latest = max(here[one.id] for one in got)
            due = tuple(send.id for n, send in own if n > latest and send.sender == sender and send.outcome == "ok")
            if after and due:
                expected.add((who, after[0], sender, made.sends[latest].id, due))
    assert {(one.subscriber, one.number, one.sender, one.last, one.due) for one in silences(made)} == expected
