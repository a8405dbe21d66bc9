from __future__ import annotations

import math
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generated import records

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.attribution import Blame, disjoint, stretches
from pytest_netchaos.judging.delivery import Anomaly, Disorder, Misdated, SentAgain, audit
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Send

CUT = Outage(10.0, 20.0, ("cut",))
STALL = Outage(30.0, 40.0, ("stall",))
RESET = Outage(10.0, 10.0, ("reset",))
STILL_CUT = Outage(30.0, None, ("cut",))


def record(sends, deliveries, *, subscribers=("",), outages=()):
    return DeliveryRecord(tuple(sends), tuple(deliveries), tuple(subscribers), tuple(outages), 100.0)


def timed(sends, arrivals, outages):
    """A record of ids that are their own times of sending; ``arrivals`` maps those that arrived to when."""
    deliveries = sorted((Delivery(at, when) for at, when in arrivals.items()), key=lambda d: d.at)
    return record([Send(float(at), float(at)) for at in sends], deliveries, outages=outages)


def blames(sends, arrivals, outages):
    return {lost.send.id: lost.blame.phase for lost in audit(timed(sends, arrivals, outages)).lost}


def plain(sent, got):
    """A record of one sender and one subscriber; ``sent`` maps or lists ids (with ``!`` failed, with ``?`` unclear)."""
    outcomes = {"!": "fail", "?": "info"}
    sends = [Send(word[0], float(n), outcomes.get(word[1:], "ok")) for n, word in enumerate(sent.split())]
    return record(sends, [Delivery(id_, 50.0 + n) for n, id_ in enumerate(got.split())])


@pytest.mark.parametrize(
    ("sent", "got", "lost", "duplicated", "unexpected", "recovered", "phantom"),
    [
        ("a b c", "a b c", "", "", "", "", ""),
        ("a b c", "a c", "b", "", "", "", ""),
        ("a", "a a a", "", "aa", "", "", ""),
        ("a", "a x x", "", "", "xx", "", ""),
        ("a?", "a", "", "", "", "a", ""),
        ("a?", "", "", "", "", "", ""),
        ("a!", "", "", "", "", "", ""),
        ("a!", "a", "", "", "", "", "a"),
        ("a!", "a a", "", "a", "", "", "a"),
        ("a? a", "a", "", "", "", "", ""),
        ("a? a", "a a", "", "", "", "a", ""),
        ("a? a", "a a a", "", "a", "", "a", ""),
        ("a a", "a", "a", "", "", "", ""),
        ("a a", "a a", "", "", "", "", ""),
        ("a a", "", "aa", "", "", "", ""),
        ("a? a!", "a", "", "", "", "a", ""),
        ("a? a!", "a a", "", "", "", "a", "a"),
        ("a? a! a", "a a a", "", "", "", "a", "a"),
        ("", "x", "", "", "x", "", ""),
    ],
)
def test_anomalies(sent, got, lost, duplicated, unexpected, recovered, phantom):
    found = audit(plain(sent, got))
    assert "".join(item.send.id for item in found.lost) == lost
    for kind, expected in {
        "duplicated": duplicated,
        "unexpected": unexpected,
        "recovered": recovered,
        "phantom": phantom,
    }.items():
        assert "".join(item.id * item.count for item in getattr(found, kind)) == expected, kind
        assert found.count(kind) == len(expected)
    assert found.count("lost") == len(lost)


def test_an_anomaly_says_how_often_it_was_delivered():
    assert audit(plain("a", "a a a")).duplicated == [Anomaly("a", "", 2, 3)]


def test_of_an_id_that_was_sent_more_often_than_it_arrived_the_last_send_is_lost():
    assert [lost.send.at for lost in audit(plain("a b a? a", "a b")).lost] == [3.0]


def test_it_counts_sends_and_deliveries():
    found = audit(plain("a b c", "a a"))
    assert (found.sent, found.received, found.began_at) == (3, 2, 0.0)


def test_it_knows_when_the_first_message_was_sent():
    assert audit(record([Send("a", 7.0), Send("b", 8.0)], [])).began_at == 7.0


def test_each_subscriber_is_judged_for_itself():
    sends = [Send("a", 0.0), Send("b", 1.0)]
    got = [Delivery("a", 2.0, "ann"), Delivery("b", 2.0, "bob"), Delivery("b", 3.0, "bob")]
    found = audit(record(sends, got, subscribers=("ann", "bob", "eve")))
    assert [(lost.subscriber, lost.send.id) for lost in found.lost] == [
        ("ann", "b"),
        ("bob", "a"),
        ("eve", "a"),
        ("eve", "b"),
    ]
    assert found.duplicated == [Anomaly("b", "bob", 1, 2)]


def test_a_subscriber_of_a_hand_made_record_need_not_be_listed():
    assert audit(record([], [Delivery("x", 1.0, "eve")])).unexpected == [Anomaly("x", "eve", 1, 1)]


@pytest.mark.parametrize(
    ("sent", "got", "late"),
    [
        ("a b c", "a b c", []),
        ("a b c", "a c", []),
        ("a b c", "b a c", [("a", "b")]),
        ("a b c d", "d a b c", [("a", "d"), ("b", "d"), ("c", "d")]),
        ("a b c", "a c b", [("b", "c")]),
        ("a b", "a b a", []),
        ("a b", "x b a", [("a", "b")]),
        ("a? b a", "b a", []),
        ("a? b a", "a b", []),
        ("a? b a", "a b a", []),
        ("a? b a", "a a b", [("b", "a")]),
        ("a? b a", "b a a", [("a", "b")]),
        ("a a b", "a b a", [("a", "b")]),
        ("a b! c", "a c b", [("b", "c")]),
        ("a b a c", "c a a", [("a", "c"), ("a", "c")]),
        ("a b a? a? c", "b a c", []),
    ],
)
def test_out_of_order(sent, got, late):
    assert audit(plain(sent, got)).out_of_order == [Disorder(id_, "", after) for id_, after in late]


def test_each_sender_has_an_order_of_its_own():
    sends = [Send("a", 0.0, sender="ann"), Send("b", 1.0, sender="bob"), Send("c", 2.0, sender="ann")]
    got = [Delivery(id_, 5.0) for id_ in "bca"]
    assert audit(record(sends, got)).out_of_order == [Disorder("a", "", "c")]


def test_an_id_that_several_senders_sent_has_no_place_in_an_order():
    sends = [Send("a", 0.0, sender="ann"), Send("a", 1.0, sender="bob"), Send("c", 2.0, sender="ann")]
    assert audit(record(sends, [Delivery(id_, 5.0) for id_ in "caa"])).out_of_order == []


def test_each_subscriber_sees_an_order_of_its_own():
    sends = [Send("a", 0.0), Send("b", 1.0)]
    got = [Delivery("b", 2.0, "ann"), Delivery("a", 3.0, "bob"), Delivery("b", 4.0, "bob"), Delivery("a", 5.0, "ann")]
    found = audit(record(sends, got, subscribers=("ann", "bob")))
    assert found.out_of_order == [Disorder("a", "ann", "b")]


@pytest.mark.parametrize(
    ("sends", "arrivals", "outages", "expected"),
    [
        pytest.param([1, 2], {1: 1}, [], {2: "no fault"}, id="no outage"),
        pytest.param([8, 9], {}, [CUT], {8: "in flight", 9: "in flight"}, id="nothing arrived before"),
        pytest.param([7, 8, 9], {8: 8}, [CUT], {7: "before", 9: "in flight"}, id="tail of sends"),
        pytest.param([7, 8], {8: 10}, [CUT], {7: "before"}, id="arrived as the outage began"),
        pytest.param([7, 8], {8: 10.1}, [CUT], {7: "in flight"}, id="overtaken only in the outage"),
        pytest.param([9, 10, 19], {9: 9}, [CUT], {10: "during", 19: "during"}, id="from its beginning to its end"),
        pytest.param([20], {}, [CUT], {20: "after"}, id="at the heal"),
        pytest.param([20, 21], {20: 20}, [CUT], {21: "resumed"}, id="arrived at the heal"),
        pytest.param([21, 22, 23, 24], {23: 24}, [CUT], {21: "after", 22: "after", 24: "resumed"}, id="resumed"),
        pytest.param([9, 21, 22], {9: 21.5}, [CUT], {21: "after", 22: "after"}, id="an old one is no sign"),
        pytest.param([9, 10, 11], {9: 9}, [RESET], {10: "after", 11: "after"}, id="a reset takes no time"),
        pytest.param([8, 9], {8: 8.5}, [RESET], {9: "in flight"}, id="in flight at a reset"),
        pytest.param([21, 22], {}, [CUT, STALL], {21: "after", 22: "after"}, id="between two, nothing arrived"),
        pytest.param(
            [21, 22, 23, 24, 25],
            {22: 22, 24: 24},
            [CUT, STALL],
            {21: "after", 23: "before", 25: "in flight"},
            id="between two",
        ),
        pytest.param(
            [21, 22, 23], {22: 45}, [CUT, STALL], {21: "after", 23: "in flight"}, id="arrived after the second"
        ),
        pytest.param([29, 31], {29: 29}, [CUT, STILL_CUT], {31: "during"}, id="an outage that goes on"),
    ],
)
def test_each_loss_has_its_phase(sends, arrivals, outages, expected):
    assert blames(sends, arrivals, outages) == expected


@pytest.mark.parametrize(
    ("sent_at", "blame"),
    [
        (8.5, Blame("in flight", 0, 1.5)),
        (12.5, Blame("during", 0, 2.5)),
        (20.5, Blame("after", 0, 0.5)),
        (26.0, Blame("before", 1, 4.0)),
        (29.5, Blame("in flight", 1, 0.5)),
        (41.0, Blame("after", 1, 1.0)),
        (43.0, Blame("resumed", 1, 3.0)),
    ],
)
def test_each_loss_refers_to_an_outage_and_its_distance(sent_at, blame):
    arrivals = {25.0: 25.5, 27.0: 27.5, 42.0: 42.5}
    found = audit(timed(sorted([*arrivals, sent_at]), arrivals, [CUT, STALL]))
    assert [lost.blame for lost in found.lost] == [blame]


def test_a_phase_is_that_of_the_subscriber():
    sends = [Send("a", 8.0), Send("b", 9.0)]
    got = [Delivery("b", 9.5, "ann")]
    found = audit(record(sends, got, subscribers=("ann", "bob"), outages=[CUT]))
    assert [(lost.subscriber, lost.send.id, lost.blame.phase) for lost in found.lost] == [
        ("ann", "a", "before"),
        ("bob", "a", "in flight"),
        ("bob", "b", "in flight"),
    ]


def test_a_phase_is_that_of_the_sender():
    sends = [Send("a1", 8.0, sender="ann"), Send("b1", 9.0, sender="bob"), Send("b2", 21.0, sender="bob")]
    sends += [Send("a2", 22.0, sender="ann"), Send("a3", 23.0, sender="ann"), Send("b3", 24.0, sender="bob")]
    got = [Delivery("b1", 9.5), Delivery("b2", 21.5), Delivery("a3", 23.5)]
    found = audit(record(sends, got, outages=[CUT]))
    assert [(lost.send.id, lost.blame.phase) for lost in found.lost] == [
        ("a1", "in flight"),  # b1, sent later, had arrived; but by another way
        ("a2", "after"),
        ("b3", "resumed"),
    ]


def test_what_had_arrived_before_an_outage_had_arrived_though_it_came_again():
    sends = [Send("a", 7.0), Send("b", 8.0), Send("c", 25.0), Send("d", 26.0)]
    got = [Delivery("b", 8.5), Delivery("c", 25.5), Delivery("b", 50.0)]
    found = audit(record(sends, got, outages=[CUT]))
    assert [(lost.send.id, lost.blame.phase) for lost in found.lost] == [("a", "before"), ("d", "resumed")]


def test_a_resend_that_is_lost_is_not_taken_for_the_first_one_that_arrived():
    sends = [Send("a", 5.0), Send("b", 21.0), Send("a", 22.0), Send("c", 23.0)]
    got = [Delivery("a", 5.5), Delivery("c", 23.5)]
    found = audit(record(sends, got, outages=[CUT]))
    assert [(lost.send.id, lost.blame.phase) for lost in found.lost] == [("b", "after"), ("a", "after")]


@pytest.mark.parametrize(
    ("outages", "merged"),
    [
        ([STALL, CUT], (CUT, STALL)),
        ([CUT, Outage(15.0, 25.0, ("stall",))], (Outage(10.0, 25.0, ("cut", "stall")),)),
        ([CUT, Outage(12.0, 13.0, ("cut",))], (CUT,)),
        ([CUT, Outage(20.0, 21.0, ("cut",))], (Outage(10.0, 21.0, ("cut",)),)),
        ([CUT, Outage(12.0, None, ("refuse",))], (Outage(10.0, None, ("cut", "refuse")),)),
        ([STILL_CUT, Outage(50.0, 51.0, ("reset",))], (Outage(30.0, None, ("cut", "reset")),)),
        ([], ()),
    ],
)
def test_overlapping_outages_are_one(outages, merged):
    assert disjoint(outages) == merged


def test_an_audit_shows_the_outages_that_its_numbers_count():
    assert audit(record([], [], outages=[STALL, CUT])).outages == (CUT, STALL)


def test_stretches_number_the_outages_and_what_lies_between():
    sends = [Send(at, at) for at in (9.0, 10.0, 19.9, 20.0, 29.9, 30.0, 99.0)]
    assert stretches(sends, [CUT, STILL_CUT]) == [0, 1, 1, 2, 2, 3, 3]


# Oracles, written for clearness and not for speed.

words = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["ok", "fail", "info"])), max_size=8)


@given(words, st.lists(st.sampled_from("abcdx"), max_size=10))
def test_verdicts_agree_with_the_definitions(sent, got):
    found = audit(
        record(
            [Send(id_, float(n), outcome) for n, (id_, outcome) in enumerate(sent)],
            [Delivery(id_, 50.0 + n) for n, id_ in enumerate(got)],
        )
    )
    attempts, accepted = Counter(id_ for id_, _ in sent), Counter(id_ for id_, outcome in sent if outcome == "ok")
    delivered = Counter(got)
    unexpected = Counter({id_: n for id_, n in delivered.items() if id_ not in attempts})
    assert Counter(lost.send.id for lost in found.lost) == accepted - delivered
    assert Counter({item.id: item.count for item in found.unexpected}) == unexpected
    assert Counter({item.id: item.count for item in found.duplicated}) == delivered - attempts - unexpected
    unaccounted = Counter({item.id: item.count for item in found.recovered})
    unaccounted.update({item.id: item.count for item in found.phantom})
    assert unaccounted == (delivered & attempts) - accepted


@given(st.permutations(range(7)), st.sets(st.integers(0, 6)), st.data())
def test_the_order_agrees_with_a_look_at_every_pair(order, dropped, data):
    senders = data.draw(st.lists(st.sampled_from(["ann", "bob"]), min_size=7, max_size=7))
    got = [n for n in order if n not in dropped]
    found = audit(record([Send(n, float(n), "ok", senders[n]) for n in range(7)], [Delivery(n, 9.0) for n in got]))
    late = [n for place, n in enumerate(got) if any(m > n and senders[m] == senders[n] for m in got[:place])]
    assert [item.id for item in found.out_of_order] == late
    assert all(item.after > item.id and senders[item.after] == senders[item.id] for item in found.out_of_order)


def oracle_phase(n, sends, arrivals, outages):
    """Read the definitions aloud."""
    at = sends[n]
    if not outages:
        return "no fault"
    if any(o.started_at <= at and (o.healed_at is None or at < o.healed_at) for o in outages):
        return "during"
    earlier = [o for o in outages if o.healed_at is not None and o.healed_at <= at]
    later = [o for o in outages if o.started_at > at]
    until = later[0].started_at if later else float("inf")
    if earlier:
        heal = earlier[-1].healed_at
        if not any(m in arrivals and heal <= sends[m] < until for m in range(n)):
            return "after"
    if not later:
        return "resumed"
    overtaken = any(m in arrivals and sends[m] < until and arrivals[m] <= until for m in range(n + 1, len(sends)))
    return "before" if overtaken else "in flight"


@given(
    st.lists(st.integers(0, 60), max_size=14).map(sorted),
    st.dictionaries(st.integers(0, 13), st.integers(0, 25), max_size=10),
    st.lists(st.integers(1, 59), max_size=6, unique=True).map(sorted),
    st.booleans(),
)
def test_phases_agree_with_the_definitions(sends, delays, bounds, goes_on):
    arrivals = {n: sends[n] + delay for n, delay in delays.items() if n < len(sends)}
    pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
    outages = [Outage(start, end, ("cut",)) for start, end in pairs]
    if goes_on and outages:
        outages[-1] = Outage(outages[-1].started_at, None, ("cut",))
    deliveries = sorted((Delivery(n, at) for n, at in arrivals.items()), key=lambda d: d.at)
    found = audit(record([Send(n, at) for n, at in enumerate(sends)], deliveries, outages=outages))
    expected = {n: oracle_phase(n, sends, arrivals, outages) for n in range(len(sends)) if n not in arrivals}
    assert {lost.send.id: lost.blame.phase for lost in found.lost} == expected
    assert all(lost.blame.distance >= 0 for lost in found.lost)


def oracle_lost(record, subscriber):
    """Cross off the deliveries one by one: of an id, its first acknowledged sends are the ones that arrived."""
    left = Counter(delivery.id for delivery in record.deliveries if delivery.subscriber == subscriber)
    for position, send in enumerate(record.sends):
        if send.outcome == "ok":
            if left[send.id]:
                left[send.id] -= 1
            else:
                yield position


@given(records())
def test_every_kind_agrees_with_the_definitions_for_several_senders_subscribers_and_outages(record):
    found = audit(record)
    everybody = list(dict.fromkeys([*record.subscribers, *(delivery.subscriber for delivery in record.deliveries)]))
    attempts = Counter(send.id for send in record.sends)
    accepted = Counter(send.id for send in record.sends if send.outcome == "ok")
    unclear = Counter(send.id for send in record.sends if send.outcome == "info")
    expected = {kind: Counter() for kind in ("unexpected", "duplicated", "recovered", "phantom", "unseen")}
    again, lost = set(), []
    for subscriber in everybody:
        mine = [delivery for delivery in record.deliveries if delivery.subscriber == subscriber]
        got = Counter(delivery.id for delivery in mine)
        for id_, count in got.items():
            one = {(id_, subscriber): 1}
            unaccounted = max(0, min(count, attempts[id_]) - accepted[id_])
            for kind, times in {
                "unexpected": 0 if attempts[id_] else count,
                "duplicated": max(0, count - attempts[id_]) if attempts[id_] else 0,
                "recovered": min(unaccounted, unclear[id_]),
                "phantom": max(0, unaccounted - unclear[id_]),
            }.items():
                for _ in range(times):
                    expected[kind].update(one)
            if count < accepted[id_]:
                again.add((id_, subscriber, attempts[id_], accepted[id_], count))
        for id_ in attempts:
            expected["unseen"][id_, subscriber] += max(0, accepted[id_] + unclear[id_] - got[id_])
        arrivals = {delivery.id: delivery.at for delivery in reversed(mine)}, {d.id: d.at for d in mine}
        lost += [
            (record.sends[at], subscriber, oracle_blame(at, record.sends, *arrivals, found.outages))
            for at in oracle_lost(record, subscriber)
        ]
    for kind in ("unexpected", "duplicated", "recovered", "phantom"):
        assert Counter({(one.id, one.subscriber): one.count for one in getattr(found, kind)}) == expected[kind], kind
    assert Counter((one.send.id, one.subscriber) for one in found.unseen) == +expected["unseen"]
    assert [(one.send, one.subscriber, one.blame.phase) for one in found.lost] == lost
    assert {tuple(one) for one in found.sent_again} == again
    assert not Counter((one.send, one.subscriber) for one in found.lost) - Counter(map(tuple, found.unseen))
    skipped = Counter((send, skip.subscriber) for skip in found.skipped for send in skip.sends)
    assert found.count("skipped") == skipped.total()


def oracle_blame(at, sends, first, last, outages):
    """Read the definitions aloud once more, for ids that may be sent and arrive several times."""
    sent_at = sends[at].at
    if not outages:
        return "no fault"
    if any(o.started_at <= sent_at and (o.healed_at is None or sent_at < o.healed_at) for o in outages):
        return "during"
    earlier = [o.healed_at for o in outages if o.healed_at is not None and o.healed_at <= sent_at]
    start = min((o.started_at for o in outages if o.started_at > sent_at), default=None)
    heal = max(earlier, default=-math.inf)
    here = [
        n
        for n, send in enumerate(sends)
        if heal <= send.at
        and (start is None or send.at < start)
        and send.id in first
        and send.sender == sends[at].sender
    ]
    if earlier and not any(n <= at and last[sends[n].id] >= heal for n in here):
        return "after"
    if start is None:
        return "resumed"
    return "before" if any(n >= at and first[sends[n].id] <= start for n in here) else "in flight"


@pytest.mark.parametrize(
    ("sent", "got", "unseen"),
    [("a b? c!", "", "ab"), ("a b? c!", "abc", ""), ("a? a", "a", "a"), ("a a", "aa", ""), ("a", "aa", "")],
)
def test_what_may_still_come_is_unseen(sent, got, unseen):
    found = audit(plain(sent, " ".join(got)))
    assert "".join(one.send.id for one in found.unseen) == unseen
    assert found.count("unseen") == len(unseen)


@pytest.mark.parametrize(
    ("sent", "got", "again"),
    [
        ("a a", "a", [SentAgain("a", "", 2, 2, 1)]),
        ("a a? a", "a", [SentAgain("a", "", 3, 2, 1)]),
        ("a a", "", []),
        ("a a", "aa", []),
        ("a a?", "a", []),
    ],
)
def test_an_id_that_was_sent_again_and_came_less_often_may_be_a_slip(sent, got, again):
    assert audit(plain(sent, " ".join(got))).sent_again == again


def test_a_gap_counts_each_message_in_it():
    found = audit(plain("a b c d e f", "a d f"))
    assert [("".join(send.id for send in skip.sends), skip.after, skip.before) for skip in found.skipped] == [
        ("bc", "a", "d"),
        ("e", "d", "f"),
    ]
    assert (found.count("skipped"), found.count("lost")) == (3, 3)


def test_a_time_that_cannot_be_is_found():
    found = audit(record([Send("a", 5.0)], [Delivery("a", 3.0)]))
    assert found.misdated == [Misdated("a", "delivered", "", 2.0, future=False)]
    assert found.count("misdated") == 1


@pytest.mark.parametrize("distinct", [200_000, 1], ids=["distinct ids", "one id"])
def test_it_is_linear_in_the_record(distinct):
    sends = [Send(n % distinct, float(n)) for n in range(200_000)]
    deliveries = [Delivery(send.id, send.at) for send in sends if send.at % 3]
    outages = [Outage(float(at), at + 50.0, ("cut",)) for at in range(100, 200_000, 1000)]
    began = time.process_time()
    found = audit(record(sends, deliveries, outages=outages))
    assert found.count("lost") == len(sends) - len(deliveries)
    # About a second; anything quadratic takes hours.
    assert time.process_time() - began < 30
