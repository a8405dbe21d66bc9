from __future__ import annotations

from hypothesis import given
from tests.generated import records

from pytest_netchaos.judging.clocks import Misdated, misdated
from pytest_netchaos.judging.index import index
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Send


def found(sends, deliveries, now=100.0):
    record = DeliveryRecord(tuple(sends), tuple(deliveries), ("",), (), now)
    return misdated(record, index(record.sends))


def test_what_is_later_than_now_is_in_the_future():
    assert found([Send("a", 1.0), Send("b", 107.0, sender="s")], [Delivery("a", 104.0, "ann")]) == [
        Misdated("b", "sent", "s", 7.0, future=True),
        Misdated("a", "delivered", "ann", 4.0, future=True),
    ]


def test_what_arrives_before_it_was_sent_is_early():
    assert found([Send("a", 5.0)], [Delivery("a", 3.0, "ann"), Delivery("a", 6.0, "ann")]) == [
        Misdated("a", "delivered", "ann", 2.0, future=False)
    ]


def test_at_the_same_time_is_neither():
    assert found([Send("a", 100.0)], [Delivery("a", 100.0)]) == []


def test_of_an_id_that_was_sent_twice_the_first_time_counts():
    assert found([Send("a", 5.0), Send("a", 50.0)], [Delivery("a", 6.0), Delivery("a", 7.0)]) == []


def test_what_was_never_sent_has_no_time_to_be_early():
    assert found([], [Delivery("a", 3.0)]) == []


@given(records())
def test_it_agrees_with_a_look_at_every_pair(record):
    future = [(e.id, e.at - record.now) for e in (*record.sends, *record.deliveries) if e.at > record.now]
    early = [
        (d.id, min(send.at for send in record.sends if send.id == d.id) - d.at)
        for d in record.deliveries
        if all(send.at > d.at for send in record.sends if send.id == d.id) and any(s.id == d.id for s in record.sends)
    ]
    agreed = misdated(record, index(record.sends))
    assert [(one.id, one.by) for one in agreed if one.future] == future
    assert [(one.id, one.by) for one in agreed if not one.future] == early
