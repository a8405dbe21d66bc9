"""What a story is told from."""

from __future__ import annotations

import pytest

from pytest_netchaos.faults import Cut
from pytest_netchaos.history import FaultSpan, History, Outage
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Note, Send
from pytest_netchaos.report.facts import LEAST_JUDGED, MOST_JUDGED, Facts, LedgerFacts, LinkFacts


def record(sends, subscribers, outages=()):
    names = tuple(f"s{number}" for number in range(subscribers))
    return DeliveryRecord(
        sends=tuple(Send(number, float(number)) for number in range(sends)),
        deliveries=tuple(Delivery(number, number + 0.5, name) for number in range(sends) for name in names),
        subscribers=names,
        outages=outages,
        now=sends + 1.0,
    )


@pytest.mark.parametrize(
    ("sends", "subscribers", "judged"),
    [
        (2000, 1, 2000),
        (MOST_JUDGED + 1, 1, MOST_JUDGED),
        (1300, 80, 1250),
        (1100, 150, LEAST_JUDGED),
    ],
)
def test_the_more_subscribers_there_are_the_fewer_messages_are_judged(sends, subscribers, judged):
    assert len(LedgerFacts(record(sends, subscribers)).judged.sends) == judged


def test_the_messages_that_are_judged_are_those_around_the_first_fault():
    facts = LedgerFacts(record(3000, 150, (Outage(1000.0, 1001.0, ("cut",)),)))
    ids = [send.id for send in facts.judged.sends]
    assert (ids[0], ids[-1]) == (500, 1499)


def test_a_server_that_goes_away_may_be_the_first_fault():
    cut = LinkFacts(History("db", 9.0, faults=(FaultSpan(Cut(), 5.0),)))
    assert Facts((cut,)).first_fault == 5.0
    assert Facts((cut,), server_outages=(Outage(6.0, 7.0, ("kill",)),)).first_fault == 5.0
    assert Facts((cut,), server_outages=(Outage(3.0, 4.0, ("kill",)),)).first_fault == 3.0
    assert Facts().first_fault is None


def test_notes_of_the_same_time_stay_in_the_order_in_which_they_were_written():
    facts = Facts(notes=(Note(1.0, "second"), Note(0.5, "first"), Note(1.0, "last"), Note(1.0, "and")))
    assert [note.text for note in facts.all_notes] == ["first", "second", "last", "and"]
