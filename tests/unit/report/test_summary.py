from __future__ import annotations

from itertools import permutations

from pytest_netchaos.report.summary import Tallied, lines, short, summed
from pytest_netchaos.report.tally import Recovery, Tally


def made(name, outcome="passed", **counted):
    known = {"marked": True, "links": 1, "faults": 1, "hit": 1, "outages": 0, "reconnects": 0} | counted
    return Tallied(name, outcome, Tally(**({"recoveries": [], "vacuous": []} | known)))


RUN = [
    made("t.py::a", outages=2, reconnects=2, recoveries=[Recovery(link="db", seconds=1.25)]),
    made("t.py::b", "failed", faults=1200, hit=1198, recoveries=[Recovery(link="x", seconds=0.077)]),
    made("t.py::c", hit=0, vacuous=["cut() on link 'db'", "refuse() on link 'db'"]),
    made("t.py::d", "skipped", links=0, faults=0, hit=0),
    made("t.py::e", "failed", marked=False, recoveries=[Recovery(link="db", seconds=1.25)] * 3),
]


def test_a_run_is_a_table():
    assert lines(summed(RUN)) == [
        "flaky-network tests  4: 2 passed, 1 failed, 1 skipped",
        "faults injected      1,203, of which 1,200 hit traffic",
        "outages              2",
        "reconnects           2",
        "slowest recoveries   1.25 s  t.py::a, link 'db'",
        "                     1.25 s  t.py::e, link 'db'",
        "                     1.25 s  t.py::e, link 'db'",
        "vacuous tests        1: no fault of theirs hit traffic, so they prove nothing",
        "                     t.py::c: cut() on link 'db', refuse() on link 'db'",
    ]


def test_a_quiet_run_is_a_line():
    assert ", ".join(short(summed(RUN))) == (
        "netchaos: 4 flaky-network tests (1 failed), 1,200 of 1,203 faults hit traffic, 2 reconnects, 1 vacuous test"
    )


def test_it_does_not_depend_on_the_order_in_which_tests_ended():
    assert len({tuple(lines(summed(order))) for order in permutations(RUN)}) == 1


def test_a_run_without_faults_has_short_lines():
    assert lines(summed([made("t.py::a", marked=False, faults=0, hit=0)])) == [
        "flaky-network tests  0",
        "faults injected      0",
        "outages              0",
        "reconnects           0",
    ]


def made_many_vacuous_tests_the_first_are_named():
    table = lines(summed([made(f"t.py::t{n:02}", hit=0, vacuous=["cut() on link 'db'"]) for n in range(12)]))
    assert "12: no fault of theirs hit traffic" in table[4]
    assert table[-2:] == ["                     t.py::t09: cut() on link 'db'", "                     … 2 more"]
