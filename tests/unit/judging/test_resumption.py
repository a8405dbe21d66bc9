from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.resumption import VERDICTS, Reconnect, reconnects, resumptions
from pytest_netchaos.ledger import Connect, Delivery, DeliveryRecord, Send


def record(sends, deliveries, *, connects=(), outages=(), subscribers=("",)):
    return DeliveryRecord(
        tuple(sorted(sends, key=lambda send: send.at)),
        tuple(sorted(deliveries, key=lambda delivery: delivery.at)),
        tuple(subscribers),
        tuple(outages),
        1000.0,
        tuple(sorted(connects, key=lambda connect: connect.at)),
    )


def connections(*got, sessions=None, outcomes=()):
    """Messages 0 to 19; connection n begins at 100 n and gets the messages that are given for it."""
    sends = [Send(n, n, dict(outcomes).get(n, "ok")) for n in range(20)]
    deliveries = [Delivery(id_, 100 * n + i) for n, ids in enumerate(got, 1) for i, id_ in enumerate(ids)]
    named = sessions or [None] * len(got)
    connects = [Connect(100 * n, "", session) for n, session in enumerate(named, 1)]
    return record(sends, deliveries, connects=connects)


def verdicts(made):
    return [found.verdicts for found in resumptions(made)]


@pytest.mark.parametrize(
    ("before", "after", "verdict", "repeated", "left_out"),
    [
        pytest.param([0, 1, 2], [3, 4], ("resumed",), (), (), id="the next"),
        pytest.param([0, 1, 2], [2, 3], ("rewound",), (2,), (), id="the last again"),
        pytest.param([0, 1, 2], [1, 2, 3], ("rewound",), (1, 2), (), id="two again"),
        pytest.param([0, 1, 2], [4, 5], ("skipped",), (), (3,), id="one left out"),
        pytest.param([0, 1, 2], [5, 3, 4], ("skipped",), (), (3, 4), id="late is left out"),
        pytest.param([0, 1, 2], [2, 4, 3], ("rewound", "skipped"), (2,), (3,), id="back, and then too far"),
        pytest.param([0, 1, 2], [0, 1, 2, 3], ("restarted",), (0, 1, 2), (), id="from the beginning"),
        pytest.param([0, 1, 2], [0, 1, 2, 4], ("skipped", "restarted"), (0, 1, 2), (3,), id="and too far"),
        pytest.param([5, 6], [5, 6, 7], ("restarted",), (5, 6), (), id="from its own beginning"),
        pytest.param([5, 6], [4, 5], ("restarted",), (5,), (), id="from before that"),
        pytest.param([0], [0, 1], ("rewound",), (0,), (), id="one is not enough for a beginning"),
        pytest.param([5], [4, 6], ("restarted",), (), (), id="before the only one"),
        pytest.param([0, 2, 1], [3], ("resumed",), (), (), id="the latest counts, not the last in time"),
        pytest.param([0, 1, 3], [2, 4], ("rewound",), (), (), id="a gap is filled"),
        pytest.param([0, 1, 2], [3, 1], ("resumed",), (), (), id="the first decides"),
        pytest.param([0, 1, 2], ["x", 3], ("resumed",), (), (), id="what was never sent is passed over"),
    ],
)
def test_each_verdict(before, after, verdict, repeated, left_out):
    (found,) = resumptions(connections(before, after))
    assert (found.verdicts, found.repeated, found.left_out) == (verdict, repeated, left_out)
    assert found.verdict == verdict[-1]


def test_what_it_says_of_a_reconnect():
    (found,) = resumptions(connections([0, 1], [4], sessions=["s", "s"]))
    assert (found.subscriber, found.number, found.sender, found.last, found.next) == ("", 1, "", 1, 4)
    assert (found.reconnect, found.session_before) == (Reconnect(200, "s"), "s")


@pytest.mark.parametrize(
    ("sessions", "verdict"),
    [
        (["s", "s"], ("resumed",)),
        (["s", "t"], ("restarted",)),
        ([None, "t"], ("resumed",)),
        (["s", None], ("resumed",)),
    ],
)
def test_another_session_is_a_restart(sessions, verdict):
    assert verdicts(connections([0, 1], [2], sessions=sessions)) == [verdict]


def test_a_session_is_compared_with_that_of_the_latest_delivery():
    made = connections([0, 1], [], [2], sessions=["s", "t", "s"])
    assert verdicts(made) == [("resumed",)]
    assert verdicts(connections([0, 1], [], [2], sessions=["s", "t", "t"])) == [("restarted",)]


def test_in_another_session_it_may_go_back_too():
    assert verdicts(connections([0, 1, 2], [2], sessions=["s", "t"])) == [("rewound", "restarted")]


def test_only_what_was_acknowledged_is_left_out():
    made = connections([0], [4], outcomes={1: "fail", 2: "info"})
    assert [found.left_out for found in resumptions(made)] == [(3,)]
    assert verdicts(connections([0], [3], outcomes={1: "fail", 2: "info"})) == [("resumed",)]


def test_each_reconnect_goes_on_from_all_that_had_arrived():
    made = connections([0, 1, 2], [1], [3], [4, 5], [7])
    assert verdicts(made) == [("rewound",), ("resumed",), ("resumed",), ("skipped",)]
    assert [found.number for found in resumptions(made)] == [1, 2, 3, 4]


def test_a_reconnect_after_which_nothing_arrived_is_passed_over():
    made = connections([0, 1], [], [2], [])
    assert [(found.number, found.verdict) for found in resumptions(made)] == [(2, "resumed")]


def test_a_reconnect_before_which_nothing_arrived_is_passed_over():
    assert resumptions(connections([], [2])) == []


def test_what_arrived_before_the_first_connect_counts():
    made = record(
        [Send(n, n) for n in range(4)],
        [Delivery(0, 5), Delivery(2, 30)],
        connects=[Connect(10), Connect(20)],
    )
    assert verdicts(made) == [("skipped",)]


def test_what_arrives_at_the_reconnect_comes_after_it():
    made = record(
        [Send(n, n) for n in range(4)],
        [Delivery(0, 5), Delivery(2, 20)],
        connects=[Connect(1), Connect(20)],
    )
    assert verdicts(made) == [("skipped",)]


def test_without_connects_the_heals_count():
    outages = [Outage(10, 20, ("cut",)), Outage(30, 30, ("reset",)), Outage(40, None, ("cut",))]
    made = record(
        [Send(n, n) for n in range(6)],
        [Delivery(0, 5), Delivery(1, 15), Delivery(2, 20), Delivery(4, 35), Delivery(5, 45)],
        outages=outages,
    )
    assert [(found.reconnect, found.verdict) for found in resumptions(made)] == [
        (Reconnect(20, None, outages[0]), "resumed"),
        (Reconnect(30, None, outages[1]), "skipped"),
    ]


def test_each_subscriber_has_reconnects_of_its_own():
    cut = Outage(10, 20, ("cut",))
    made = record(
        [Send("a", 0)],
        [Delivery("a", 5, "bob")],
        connects=[Connect(1, "ann"), Connect(15, "ann"), Connect(16, "ann", "s"), Connect(1, "eve")],
        outages=[cut],
        subscribers=["ann", "bob", "zoe"],
    )
    assert reconnects(made) == {
        "ann": [Reconnect(15), Reconnect(16, "s")],
        "bob": [Reconnect(20, None, cut)],
        "eve": [],
        "zoe": [Reconnect(20, None, cut)],
    }


def test_a_ledger_that_has_seen_nobody_has_one_subscriber():
    cut = Outage(10, 20, ("cut",))
    assert reconnects(record([], [], outages=[cut])) == {"": [Reconnect(20, None, cut)]}
    assert reconnects(record([], [], outages=[cut], connects=[Connect(1, "ann")])) == {"ann": []}


def test_each_sender_has_an_order_of_its_own_and_the_worst_is_shown():
    sends = [Send(f"{sender}{n}", n, sender=sender) for n in range(9) for sender in ("ann", "bob", "eve")]
    got = ["ann0", "bob0", "eve0", "eve1"], ["ann1", "bob3", "eve1"]
    deliveries = [Delivery(id_, 100 * k + i) for k, ids in enumerate(got) for i, id_ in enumerate(ids)]
    (found,) = resumptions(record(sends, deliveries, connects=[Connect(50), Connect(100)]))
    assert (found.sender, found.verdicts, found.last, found.next) == ("bob", ("skipped",), "bob0", "bob3")
    assert found.left_out == ("bob1", "bob2")


def test_a_sender_of_whom_nothing_arrived_after_it_is_judged_at_the_next_one():
    sends = [Send(f"{sender}{n}", n, sender=sender) for n in range(9) for sender in ("ann", "bob")]
    got = ["ann0", "bob0"], ["bob1"], ["ann2", "bob2"]
    deliveries = [Delivery(id_, 100 * k + i) for k, ids in enumerate(got) for i, id_ in enumerate(ids)]
    made = record(sends, deliveries, connects=[Connect(50), Connect(100), Connect(200)])
    assert [(found.sender, found.verdict) for found in resumptions(made)] == [("bob", "resumed"), ("ann", "skipped")]


def test_an_id_that_was_sent_more_than_once_has_no_place_in_the_order():
    sends = [Send("a", 0), Send("b", 1), Send("b", 2), Send("c", 3), Send("d", 4)]
    made = record(
        sends,
        [Delivery("a", 10), Delivery("b", 21), Delivery("c", 22)],
        connects=[Connect(5), Connect(20)],
    )
    assert verdicts(made) == [("resumed",)]


# A simulated subscriber that goes on from a place of its choice.


@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=6),
    st.integers(-6, 6),
    st.booleans(),
    st.data(),
)
def test_an_offset_that_is_off_is_found_and_named(counts, offset, another, data):
    """Each connection goes on after what was had; at one of them it is ``offset`` messages off, or in a new session."""
    at = data.draw(st.integers(1, len(counts) - 1))
    begin, got = 0, []
    for number, count in enumerate(counts):
        start = max(0, begin + (offset if number == at else 0))
        got.append(range(start, max(start + count, begin)))
        begin = got[-1][-1] + 1 if len(got[-1]) else begin
    sends = [Send(n, n) for n in range(100)]
    deliveries = [Delivery(id_, 1000 * k + i) for k, ids in enumerate(got, 1) for i, id_ in enumerate(ids)]
    connects = [Connect(1000 * k, "", "new" if another and k > at else "old") for k in range(1, len(counts) + 1)]
    found = resumptions(record(sends, deliveries, connects=connects))
    had = sum(counts[:at])
    start = max(0, had + offset)
    back = start < had
    from_the_beginning = start == 0 and had > 1
    expected = {
        "rewound": back and not from_the_beginning,
        "skipped": offset > 0,
        "restarted": from_the_beginning or another,
    }
    assert found[at - 1].verdicts == (tuple(v for v in VERDICTS if expected.get(v)) or ("resumed",))
    assert found[at - 1].repeated == tuple(range(start, had))
    assert found[at - 1].left_out == tuple(range(had, start))
    assert all(one.verdict == "resumed" for one in found if one.number != at)


# The oracle: straight from the definitions, by looking at everything again for each reconnect.


def oracle(made):
    found = []
    for subscriber in {*made.subscribers, *(one.subscriber for one in made.connects)}:
        got = [delivery for delivery in made.deliveries if delivery.subscriber == subscriber]
        connects = [connect for connect in made.connects if connect.subscriber == subscriber]
        moments = (
            [(connect.at, connect.session) for connect in connects[1:]]
            if connects
            else [(outage.healed_at, None) for outage in made.outages if outage.healed_at is not None]
        )
        for number, (at, session) in enumerate(moments):
            until = moments[number + 1][0] if number + 1 < len(moments) else float("inf")
            before = [delivery for delivery in got if delivery.at < at]
            after = [delivery for delivery in got if at <= delivery.at < until]
            judged = [
                verdict
                for sender in {send.sender for send in made.sends}
                if (verdict := one_sender(made, sender, before, after))
            ]
            if judged:
                held = [s for when, s in moments if when <= before[-1].at] if before else []
                was = held[-1] if held else (connects[0].session if connects else None)
                another = was is not None and session is not None and was != session
                found.append((subscriber, number + 1, max(worst(v | {"restarted"} if another else v) for v in judged)))
    return sorted(found)


def worst(verdict):
    return max((VERDICTS.index(v) for v in verdict), default=0)


def one_sender(made, sender, before, after):
    ids = [send.id for send in made.sends]
    order = [send for send in made.sends if send.sender == sender and ids.count(send.id) == 1]
    place = {send.id: n for n, send in enumerate(order)}
    had = [place[delivery.id] for delivery in before if delivery.id in place]
    came = [place[delivery.id] for delivery in after if delivery.id in place]
    if not had or not came:
        return None
    verdict = {"resumed"}
    if came[0] < had[0] or (came[0] == had[0] and max(had) > had[0]):
        verdict.add("restarted")
    elif came[0] <= max(had):
        verdict.add("rewound")
    new = [n for n in came if n > max(had)]
    if new and any(order[n].outcome == "ok" for n in range(max(had) + 1, new[0])):
        verdict.add("skipped")
    return verdict


moments = st.integers(0, 30)
names = st.sampled_from(["ann", "bob"])


@st.composite
def arbitrary_records(draw):
    rows = draw(st.lists(st.tuples(moments, st.sampled_from(["ok", "ok", "info", "fail"]), names), max_size=12))
    ids = draw(st.lists(st.integers(0, 12), min_size=len(rows), max_size=len(rows), unique=draw(st.booleans())))
    sends = [Send(id_, *row) for id_, row in zip(ids, rows, strict=True)]
    rows = draw(st.lists(st.tuples(st.sampled_from([*ids, 99]), moments, names), max_size=20))
    connects = draw(
        st.lists(st.tuples(moments, st.sampled_from(["ann", "bob"][: draw(st.integers(1, 2))])), max_size=6)
    )
    sessions = st.sampled_from([None, "s", "t"])
    return record(
        sends,
        [Delivery(*row) for row in rows],
        connects=[Connect(*row, draw(sessions)) for row in connects],
        outages=[Outage(5, 8, ("cut",)), Outage(15, 15, ("reset",)), Outage(20, None, ("cut",))][
            : draw(st.integers(0, 3))
        ],
        subscribers=["ann", "bob"],
    )


@given(arbitrary_records())
def test_the_verdicts_are_those_of_the_definition(made):
    found = sorted((one.subscriber, one.number, VERDICTS.index(one.verdict)) for one in resumptions(made))
    assert found == oracle(made)
