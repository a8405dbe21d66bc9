from __future__ import annotations

from benchmarks.compare import table
from benchmarks.compare.goals import Of, at_most
from benchmarks.compare.rows import DIRECT, EMBEDDED, TOXIPROXY, Row

FAST = Row("round trip", "µs", {EMBEDDED: [60, 62, 64], TOXIPROXY: [120, 124, 128], DIRECT: [20, 20, 20]})
COSTLY = Row("memory", "KB", {EMBEDDED: [2500.4]}, (at_most(3, unit="KB"), at_most(1, Of.TOXIPROXY)), "alone")


def test_markdown_has_a_cell_for_each_thing():
    head, rule, *rows = table.markdown([FAST, COSTLY]).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in rows]
    assert cells == [
        ["round trip", "µs", "62.0 ± 2.0", "124 ± 4", "20.0 ± 0.0", "0.500 ± 0.000", "3.100 ± 0.100", ""],
        ["memory", "KB", "2,500", "", "", "", "", "≤ 3 KB: NOT met; ≤ 1 × Toxiproxy: not judged; alone"],
    ]
    assert head.count("|") == rule.count("|") == rows[0].count("|")


def test_a_text_has_its_columns_below_one_another():
    lines = table.text([FAST, COSTLY]).splitlines()
    ends = [line.index(word) + len(word) for line, word in zip(lines, ("embedded", "62.0 ± 2.0", "2,500"), strict=True)]
    assert len(set(ends)) == 1


def test_a_single_measurement_has_no_spread():
    assert "±" not in table.text([COSTLY])
