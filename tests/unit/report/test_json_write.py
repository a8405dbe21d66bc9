from __future__ import annotations

import json
import tracemalloc

from tests.unit.report.recorded_runs import FULL

from pytest_netchaos.ledger import Delivery, DeliveryRecord, Send
from pytest_netchaos.recorded import RecordedRun, RunOfTest
from pytest_netchaos.report.json_write import pieces


def written(recorded):
    return json.loads("".join(pieces(recorded)))


def test_large_numbers_are_texts_since_other_readers_keep_53_bits():
    assert written(FULL)["seed"] == "9223372036854775807"


def test_the_first_event_has_a_time_of_day_for_people_and_one_for_programs():
    found = written(FULL)
    assert found["zero"] == "2025-10-09T08:53:20.250000+00:00"
    assert found["unix_zero"] == 1_760_000_000.25


def test_a_dial_leaves_out_what_has_its_default():
    assert written(FULL)["links"][0]["dials"][1] == {
        "number": 2, "at": 1.25, "outcome": "refused", "reason": "cut", "ended_at": 1.25, "waited": 0.25,
    }  # fmt: skip


def test_a_fault_is_written_whole_by_its_kind():
    assert written(FULL)["links"][0]["faults"][0]["fault"] == {
        "kind": "flap", "down": 0.25, "up": [0.1, 0.5], "cycles": 3,
        "fault": {"kind": "blackhole", "toxicity": 1.0, "direction": "both"},
    }  # fmt: skip


def test_a_message_is_an_array_without_the_defaults_at_its_end():
    ledger = written(FULL)["ledgers"][0]
    assert ledger["sends"] == [["a", 0.5, "info", "ann"], [2, 0.75, "ok", "bob"], [3, 0.875], [4, 0.875, "ok", "", 1.0]]
    assert ledger["deliveries"] == [["a", 0.625, "bob"], [{"tuple": [1, {"bytes": "00"}]}, 0.75]]
    assert ledger["connects"] == [[0.25, "bob", "sid-1"], [0.375, "", None]]


def test_each_event_has_a_line_of_its_own():
    text = "".join(pieces(FULL))
    assert text.endswith("]\n}\n")
    assert text.isascii()
    for line in ('["a",0.500000000,"info","ann"],', '["a",0.625000000,"bob"],'):
        assert line in text.splitlines()


def many(count):
    sends = tuple(Send(n, float(n)) for n in range(count))
    deliveries = tuple(Delivery(n, float(n)) for n in range(count))
    return RecordedRun(RunOfTest("t"), ledgers=(DeliveryRecord(sends, deliveries, ("",), (), float(count)),))


def test_more_than_a_batch_is_written_whole():
    found = written(many(2500))["ledgers"][0]
    assert [send[0] for send in found["sends"]] == list(range(2500))
    assert [delivery[0] for delivery in found["deliveries"]] == list(range(2500))


def test_many_messages_need_no_more_memory_than_a_few():
    recorded = many(20_000)
    tracemalloc.start()
    try:
        size = sum(map(len, pieces(recorded)))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 700_000
    assert most < size / 2
