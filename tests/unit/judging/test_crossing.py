from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from tests.generated import records

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.attribution import disjoint
from pytest_netchaos.judging.crossing import crossed
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Send

CUT = Outage(10.0, 20.0, ("cut",))
LATER = Outage(30.0, 40.0, ("cut",))


def record(sends, deliveries, subscribers=("",)):
    return DeliveryRecord(tuple(sends), tuple(deliveries), subscribers, (), 100.0)


@pytest.mark.parametrize(
    ("sends", "deliveries", "expected"),
    [
        pytest.param([Send("a", 9.0)], [Delivery("a", 9.5)], False, id="before"),
        pytest.param([Send("a", 9.0)], [Delivery("a", 10.0)], False, id="arrived as it began"),
        pytest.param([Send("a", 9.0)], [Delivery("a", 10.1)], True, id="arrived in it"),
        pytest.param([Send("a", 9.0)], [], True, id="in flight and lost"),
        pytest.param([Send("a", 9.0, "info")], [], True, id="in flight and unclear"),
        pytest.param([Send("a", 9.0, "fail")], [], False, id="refused before"),
        pytest.param([Send("a", 8.0), Send("b", 9.0)], [Delivery("b", 9.5)], False, id="lost long before"),
        pytest.param([Send("a", 8.0), Send("b", 9.0)], [Delivery("a", 9.5)], True, id="the last one in flight"),
        pytest.param([Send("a", 8.0), Send("b", 9.0, "fail")], [Delivery("a", 9.5)], False, id="the last one refused"),
        pytest.param([Send("a", 10.0)], [Delivery("a", 10.0)], True, id="sent as it began"),
        pytest.param([Send("a", 15.0, "fail")], [], True, id="refused in it"),
        pytest.param([Send("a", 25.0)], [Delivery("a", 25.0)], True, id="after it"),
        pytest.param([Send("a", 1.0)], [Delivery("a", 2.0), Delivery("x", 25.0)], False, id="a stranger after it"),
        pytest.param([Send("a", 1.0)], [Delivery("a", 2.0), Delivery("a", 25.0)], True, id="a duplicate after it"),
        pytest.param([], [Delivery("a", 25.0)], False, id="nothing sent"),
    ],
)
@pytest.mark.parametrize("outages", [[CUT], [CUT, LATER], [LATER, CUT]], ids=["one", "two", "two, not in order"])
def test_what_crosses_an_outage(sends, deliveries, expected, outages):
    assert crossed(record(sends, deliveries), outages) is expected


def test_what_one_subscriber_has_another_may_still_wait_for():
    made = record([Send("a", 9.0)], [Delivery("a", 9.5, "ann")], ("ann",))
    assert not crossed(made, [CUT])
    assert crossed(replace(made, subscribers=("ann", "bob")), [CUT])


def test_what_another_sender_sent_later_is_no_sign_of_what_was_in_flight():
    sends = [Send("a", 8.0, sender="ann"), Send("b", 9.0, sender="bob")]
    assert crossed(record(sends, [Delivery("b", 9.5)]), [CUT])
    assert not crossed(record(sends, [Delivery("a", 8.5), Delivery("b", 9.5)]), [CUT])


def test_without_an_outage_nothing_crosses_one():
    assert not crossed(record([Send("a", 9.0)], []), [])


def crosses(record, outage):
    """Read the definition aloud, for one outage."""
    start, known = outage.started_at, {send.id for send in record.sends}
    if any(send.at >= start for send in record.sends):
        return True
    if any(delivery.at > start and delivery.id in known for delivery in record.deliveries):
        return True
    for subscriber in {*record.subscribers, *(delivery.subscriber for delivery in record.deliveries)}:
        had = {d.id for d in record.deliveries if d.subscriber == subscriber and d.at <= start}
        for position, send in enumerate(record.sends):
            later = [other.id for other in record.sends[position:] if other.sender == send.sender]
            if send.outcome != "fail" and not any(id_ in had for id_ in later):
                return True
    return False


@given(records())
def test_it_agrees_with_the_definition_for_each_outage(record):
    outages = disjoint(record.outages)
    assert crossed(record, outages) is bool(record.sends and any(crosses(record, outage) for outage in outages))
