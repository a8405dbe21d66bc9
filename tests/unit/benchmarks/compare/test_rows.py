from __future__ import annotations

from benchmarks.compare.goals import Of, Verdict, at_least, at_most
from benchmarks.compare.rows import DIRECT, EMBEDDED, TOXIPROXY, Row

GOALS = (at_least(4, Of.TOXIPROXY), at_least(0.6, Of.DIRECT), at_most(3, unit="GB/s"))
ROW = Row("throughput", "GB/s", {EMBEDDED: [4, 5, 6], TOXIPROXY: [1, 1, 1], DIRECT: [10, 10, 10]}, GOALS)


def test_each_goal_is_judged_by_what_it_is_about():
    assert [ROW.judge(goal) for goal in GOALS] == [Verdict.MET, Verdict.NOT_MET, Verdict.NOT_MET]


def test_the_verdicts_are_told_in_words():
    assert ROW.verdicts() == "≥ 4 × Toxiproxy: met; ≥ 0.6 × direct: NOT met; ≤ 3 GB/s: NOT met"


def test_without_toxiproxy_its_goals_are_not_judged_and_the_others_are():
    row = Row("throughput", "GB/s", {EMBEDDED: [4, 5, 6], DIRECT: [5, 5, 5]}, GOALS)
    assert [row.judge(goal) for goal in GOALS] == [Verdict.NOT_JUDGED, Verdict.MET, Verdict.NOT_MET]
    assert row.summary(TOXIPROXY) is None
    assert row.ratio(TOXIPROXY) is None


def test_a_document_has_every_single_value_and_the_verdicts():
    document = ROW.document()
    assert document["values"] == {EMBEDDED: [4, 5, 6], TOXIPROXY: [1, 1, 1], DIRECT: [10, 10, 10]}
    assert document["goals"] == [
        {"goal": "≥ 4 × Toxiproxy", "verdict": "met"},
        {"goal": "≥ 0.6 × direct", "verdict": "not_met"},
        {"goal": "≤ 3 GB/s", "verdict": "not_met"},
    ]
