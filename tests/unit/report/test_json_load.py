from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from tests.unit.report.recorded_runs import FULL, recorded_runs, same

from pytest_netchaos.faults import Blackhole
from pytest_netchaos.history import ArmedFault, Connection, Dial, Dials, FaultSpan, History, Lag, Outage
from pytest_netchaos.ledger import DeliveryRecord, Send
from pytest_netchaos.matchers import at_least_once, dead_peer_detected, reconnected
from pytest_netchaos.recorded import RecordedRun, RunOfTest
from pytest_netchaos.report import json_write
from pytest_netchaos.report.json_load import load_timeline
from pytest_netchaos.report.json_write import pieces


@pytest.fixture(scope="module")
def there_and_back(tmp_path_factory):
    path = tmp_path_factory.mktemp("timelines") / "it.json"

    def go(recorded):
        path.write_text("".join(pieces(recorded)), encoding="ascii")
        return load_timeline(path)

    return go


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "it.json"
    path.write_text("".join(pieces(FULL)), encoding="ascii")
    return path


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_was_written_comes_back(there_and_back):
    assert same(there_and_back(FULL), FULL)


@given(recorded_runs())
def test_whatever_was_written_comes_back(there_and_back, recorded):
    assert same(there_and_back(recorded), recorded)


@given(recorded_runs())
def test_what_came_back_comes_back_again(there_and_back, recorded):
    once = there_and_back(recorded)
    assert same(there_and_back(once), once)


@pytest.mark.parametrize("kind", [Dial, Connection, FaultSpan, ArmedFault, Lag, Outage])
def test_each_time_of_an_event_counts_from_the_first_event(kind):
    times = {field.name for field in fields(kind) if field.name == "at" or field.name.endswith("_at")}
    assert times <= json_write._TIMES


def test_who_hung_up_late_did_so_in_a_file_as_well(there_and_back):
    blackhole = FaultSpan(Blackhole(), 1001.0, None, (1,))
    dials = Dials([Dial(1, 1000.0, "served", connection=1, ended_at=1003.0, hung_up_at=1003.0)])
    connection = Connection(1, 1, 1000.0, server_hung_up_at=1004.0)
    history = History("db", 1009.0, dials, (connection,), (blackhole,))
    loaded = there_and_back(RecordedRun(RunOfTest("t"), zero=1000.0, links={"db": history})).links["db"]
    assert (loaded.dials[0].hung_up_at, loaded.connections[0].server_hung_up_at) == (3.0, 4.0)
    for seen in (history, loaded):
        assert seen == dead_peer_detected(2.0)
        assert seen == dead_peer_detected(3.0, by="server")


def test_times_count_from_the_first_event(there_and_back):
    history = History("db", 1005.5)
    late = RecordedRun(RunOfTest("t"), zero=1000.0, links={"db": history})
    assert there_and_back(late).links["db"].now == 5.5
    assert there_and_back(late).zero == 0.0


def test_ids_that_json_cannot_hold_stand_for_what_they_were_throughout_a_file(there_and_back):
    one, other = frozenset("a"), frozenset("b")
    record = DeliveryRecord((Send(one, 0.0), Send(other, 1.0), Send(one, 2.0)), (), ("",), (), 3.0)
    read = there_and_back(RecordedRun(RunOfTest("t"), ledgers=(record, record)))
    first, second, third = (send.id for send in read.ledgers[0].sends)
    assert first == third != second
    assert read.ledgers[1].sends[0].id == first
    assert repr(second) == "frozenset({'b'})"


def test_matchers_judge_what_was_read_as_what_was_written(there_and_back):
    read = there_and_back(FULL)
    for matcher in (reconnected(within=0.1), reconnected(within=5)):
        assert matcher.explain(read.links["db"]) == matcher.explain(FULL.links["db"])
    assert at_least_once().explain(read.ledgers[0]) == at_least_once().explain(FULL.ledgers[0])


def test_its_timeline_tells_what_happened_in_one_order(there_and_back):
    read = there_and_back(FULL)
    assert list(read.timeline) == list(FULL.timeline)
    kinds = {entry.kind for entry in read.timeline}
    assert kinds == {"dial", "refused", "open", "close", "fault", "heal", "note", "sent", "delivered"}


def test_fields_that_a_later_writer_has_added_are_left_out(file):
    data = json.loads(file.read_text())
    data["links"][0]["dials"][0]["colour"] = "red"
    file.write_text(json.dumps(data | {"mood": "good"}))
    assert same(load_timeline(file), FULL)


def test_a_path_may_be_a_string(file):
    assert same(load_timeline(str(file)), FULL)


def test_a_file_that_is_not_there_is_said_by_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_timeline(tmp_path / "none.json")


@pytest.mark.parametrize("text", ["", "{", "\xff", "[" * 100_000])
def test_what_is_no_json_is_refused(file, text):
    file.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"it\.json is no JSON: "):
        load_timeline(file)


@pytest.mark.parametrize("text", ["[]", "3", "{}", '{"format": "HAR"}'])
def test_other_json_is_refused(file, text):
    file.write_text(text)
    with pytest.raises(ValueError, match=r"it\.json is no timeline: it doesn't say 'format': 'pytest-netchaos"):
        load_timeline(file)


def test_another_version_is_refused(file):
    change(file, version=2)
    with pytest.raises(ValueError, match="is a timeline of version 2, and this pytest-netchaos reads 1: read it with"):
        load_timeline(file)


@pytest.mark.parametrize(
    "damage",
    [
        {"links": [{}]},
        {"links": 3},
        {"ledgers": [{"sends": None}]},
        {"notes": [[1]]},
        {"lags": [{"at": 1}]},
        {"seed": "x"},
        {"remarks": None},
    ],
)
def test_a_damaged_one_is_refused(file, damage):
    change(file, **damage)
    with pytest.raises(ValueError, match=r"it\.json is a timeline that was damaged: "):
        load_timeline(file)


def test_a_fault_of_a_kind_that_nobody_knows_is_damage(file):
    file.write_text(file.read_text().replace('"kind":"delay"', '"kind":"gremlin"'))
    with pytest.raises(ValueError, match="damaged: KeyError: 'gremlin'"):
        load_timeline(file)


def test_a_run_without_anything_comes_back(there_and_back):
    empty = replace(FULL, links={}, upstreams={}, ledgers=(), notes=(), lags=(), remarks=())
    assert same(there_and_back(empty), empty)
