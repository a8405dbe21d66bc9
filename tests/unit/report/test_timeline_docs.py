"""``docs/timeline.md`` names the fields that are written, and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.report.recorded_runs import FULL

from pytest_netchaos.report.json_files import file_name
from pytest_netchaos.report.json_load import load_timeline
from pytest_netchaos.report.json_write import pieces

PAGE = (Path(__file__).parents[3] / "docs" / "timeline.md").read_text(encoding="utf-8")
WRITTEN = json.loads("".join(pieces(FULL)))
(LINK,) = WRITTEN["links"]
(LEDGER,) = WRITTEN["ledgers"]


def documented(title):
    """Return the rows of the table of fields under a title: field, then the other cells."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = (line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `"))
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in rows}


def fields(objects):
    return {name for one in objects for name in one}


@pytest.mark.parametrize(
    ("title", "objects"),
    [
        ("The file", [WRITTEN]),
        ("Links", [LINK]),
        ("Dials", LINK["dials"]),
        ("Connections", LINK["connections"]),
        ("Faults", LINK["faults"]),
        ("Armed", LINK["armed"]),
        ("Lags", WRITTEN["lags"]),
        ("Ledgers", [LEDGER]),
        ("Outages", LEDGER["outages"]),
    ],
)
def test_each_field_that_is_written_is_documented_and_the_other_way_round(title, objects):
    assert set(documented(title)) == fields(objects)


@pytest.mark.parametrize(
    ("title", "objects"),
    [
        ("Dials", LINK["dials"]),
        ("Connections", LINK["connections"]),
        ("Faults", LINK["faults"]),
        ("Armed", LINK["armed"]),
        ("Lags", WRITTEN["lags"]),
        ("Outages", LEDGER["outages"]),
    ],
)
def test_a_field_has_a_default_where_it_can_be_left_out(title, objects):
    always = set.intersection(*(set(one) for one in objects))
    assert {name for name, (_, default, _) in documented(title).items() if not default} <= always
    assert any(default for _, default, _ in documented(title).values())


@pytest.mark.parametrize(("title", "name", "length"), [
    ("The file", "notes", 2), ("Ledgers", "sends", 5), ("Ledgers", "deliveries", 3), ("Ledgers", "connects", 3),
])  # fmt: skip
def test_an_array_has_as_many_parts_as_is_documented(title, name, length):
    said = re.match(r"`\[(.*?)\]`", documented(title)[name][1])[1]
    assert len(said.split(", ")) == length
    assert max(map(len, (WRITTEN | LEDGER)[name])) == length


def test_every_field_with_a_time_or_a_unit_says_so():
    for title in ("Dials", "Connections", "Faults", "Armed", "Lags", "Outages"):
        for name, (kind, *_) in documented(title).items():
            is_time = name == "until" or name.endswith("at")
            assert (kind == "time") is is_time, name
            assert (kind == "bytes") is name.startswith(("bytes", "lost")), name
            assert (kind == "seconds") is (name in {"waited", "lasted"}), name


def test_the_example_is_a_timeline(tmp_path):
    path = tmp_path / "example.json"
    path.write_text(PAGE.partition("```json\n")[2].partition("```")[0])
    read = load_timeline(path)
    assert "".join(pieces(read)) == path.read_text(), "it is as it would be written today"
    assert re.search(r'load_timeline\("timelines/(.*)"\)', PAGE)[1] == file_name(read.run.test)
    assert [str(entry.kind) for entry in read.timeline].count("sent") == 2
    assert {span.fault.kind for span in read.links["broker"].faults} == {"cut"}
    for section in (read.notes, read.lags, read.remarks, read.links, read.ledgers):
        assert section
