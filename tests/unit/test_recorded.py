from __future__ import annotations

import time
from dataclasses import replace

import pytest
from tests.unit.report.recorded_runs import FULL

from pytest_netchaos.faults import Cut
from pytest_netchaos.history import Connection, Dial, Dials, FaultSpan, History
from pytest_netchaos.ledger import Connect, Delivery, DeliveryRecord, Note, Send
from pytest_netchaos.recorded import began_at

NOW = time.monotonic()
NOTHING = DeliveryRecord((), (), (), (), NOW)


@pytest.mark.parametrize(
    "first",
    [
        ([History("db", NOW, Dials([Dial(1, NOW - 5, "served")]))], [], []),
        ([History("db", NOW, connections=(Connection(1, 1, NOW - 5),))], [], []),
        ([History("db", NOW, faults=(FaultSpan(Cut(), NOW - 5),))], [], []),
        ([], [replace(NOTHING, sends=(Send(1, NOW - 5), Send(2, NOW - 1)))], []),
        ([], [replace(NOTHING, deliveries=(Delivery(1, NOW - 5),))], []),
        ([], [replace(NOTHING, connects=(Connect(NOW - 5),))], []),
        ([], [], [Note(NOW - 5, "a"), Note(NOW - 1, "b")]),
    ],
)
def test_the_first_event_may_be_of_any_kind(first):
    late = History("late", NOW, Dials([Dial(1, NOW - 2, "served")]))
    histories, records, notes = first
    assert began_at([*histories, late], records, notes) == NOW - 5


def test_where_nothing_happened_it_begins_now():
    before = time.monotonic()
    assert before <= began_at([], [NOTHING], []) <= time.monotonic()


def test_a_time_of_another_clock_is_not_the_first():
    record = replace(NOTHING, sends=(Send(1, NOW - 1e9), Send(2, NOW - 3), Send(3, NOW + 1e9)))
    assert began_at([], [record], [Note(NOW - 1e9, "a"), Note(NOW - 1, "b")]) == NOW - 3


def test_what_was_recorded_cannot_be_changed():
    with pytest.raises(AttributeError):
        FULL.seed = 1
