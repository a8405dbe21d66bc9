from __future__ import annotations

from pathlib import Path

from tests.unit.report.recorded_runs import FULL

from pytest_netchaos.faults import Cut, Delay
from pytest_netchaos.history import Connection, Dial, Dials, FaultSpan, History
from pytest_netchaos.report.junit import properties

DB = History(
    "db",
    10.0,
    Dials([Dial(1, 1.0, "served", connection=1), Dial(2, 3.0, "refused")]),
    (Connection(1, 1, 1.0),),
    (FaultSpan(Cut(), 2.0, 4.0), FaultSpan(Delay(1), 2.0), FaultSpan(Cut(), 9.0)),
)


def test_a_test_without_a_link_has_none():
    assert properties(7, []) == []
    assert properties(7, [], Path("/x.json")) == []


def test_a_test_with_links_has_what_they_saw():
    other = History("cache", 12.0, Dials([Dial(1, 1.0, "pending")]), (), (FaultSpan(Cut(), 3.0, 5.5),))
    assert properties(7, [DB, other], Path("/x.json")) == [
        ("netchaos_seed", "7"),
        ("netchaos_links", "2: db, cache"),
        ("netchaos_faults", "4: 3 cut, 1 delay"),
        ("netchaos_dials", "3"),
        ("netchaos_connections", "1"),
        ("netchaos_outages_seconds", "6.500"),
        ("netchaos_timeline", "/x.json"),
    ]


def test_a_link_that_saw_nothing_is_counted():
    assert dict(properties(7, [History("db", 1.0)])) == {
        "netchaos_seed": "7",
        "netchaos_links": "1: db",
        "netchaos_faults": "0",
        "netchaos_dials": "0",
        "netchaos_connections": "0",
        "netchaos_outages_seconds": "0.000",
    }


def test_of_many_links_the_first_are_named():
    found = dict(properties(7, [History(f"n{n}", 1.0) for n in range(9)]))
    assert found["netchaos_links"] == "9: n0, n1, n2, n3, n4, n5, n6, n7, …"


def test_all_are_texts_that_can_be_written_as_utf_8():
    found = properties(7, [History("\udc80", 1.0), *FULL.links.values()])
    for name, value in found:
        assert (name + value).encode()
    assert dict(found)["netchaos_links"] == "2: \\udc80, db"
