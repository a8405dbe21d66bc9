from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_netchaos.marking.repeated import Repeated, name_without_run


def report(run, outcome="passed", when="call", *, runs=3, name="t.py::test_x", **more):
    return SimpleNamespace(
        nodeid=f"{name}[run{run}]", when=when, passed=outcome == "passed", failed=outcome == "failed",
        netchaos_run={"run": run, "runs": runs, "seed": run * 100, "typed": f"sub/{name}[run{run}]"}, **more,
    )  # fmt: skip


def lines(*reports):
    repeated = Repeated(["--netchaos-seed=4", "--netchaos-profile=2g"])
    for each in reports:
        repeated.pytest_runtest_logreport(each)
    return list(repeated.lines())


@pytest.mark.parametrize(
    ("node_id", "name"),
    [
        ("t.py::test_x[run7]", "t.py::test_x"),
        ("t.py::test_x[slow-3g-run7]", "t.py::test_x[slow-3g]"),
        ("t.py::test_x[1-slow-3g-run7]", "t.py::test_x[1-slow-3g]"),
        ("t.py::test_x[run7-later]", "t.py::test_x[later]"),
        ("t.py::test_run7[run7]", "t.py::test_run7"),
        ("t.py::test_x[run7]@group", "t.py::test_x@group"),
    ],
)
def test_the_runs_of_a_test_have_one_name(node_id, name):
    assert name_without_run(node_id, 7) == name


def test_it_says_how_many_failed_and_the_first_by_number_whichever_came_first():
    assert lines(report(3, "failed"), report(1), report(2, "failed")) == [
        "t.py::test_x: 2 of 3 runs failed, first run2, with seed=200",
        "    pytest 'sub/t.py::test_x[run2]' --netchaos-seed=4 --netchaos-profile=2g",
    ]


def test_runs_that_did_not_take_place_are_not_counted():
    assert lines(report(1), report(2, "failed"), report(3, "skipped"))[0] == (
        "t.py::test_x: 1 of 2 runs (3 were asked for) failed, first run2, with seed=200"
    )
    assert lines(report(1, "failed"))[0].startswith("t.py::test_x: 1 of 1 run (3 were asked for) failed, ")
    assert lines(report(1, when="setup"), report(1, "skipped")) == []


def test_a_run_whose_fixture_failed_has_failed():
    assert lines(report(1, "failed", "setup"), report(2), report(3))[0].startswith("t.py::test_x: 1 of 3 runs failed")
    assert lines(report(1), report(1, "failed", "teardown"), report(2), report(3))[0].startswith(
        "t.py::test_x: 1 of 3 runs failed"
    )


def test_a_run_that_is_tried_again_has_not_failed_yet():
    assert lines(report(1, "rerun"), report(1), report(2), report(3)) == ["1 test passed all of 3 runs"]


def test_an_expected_failure_has_run():
    assert lines(report(1, "skipped", wasxfail="known"), report(2), report(3)) == ["1 test passed all of 3 runs"]


def test_those_that_passed_are_said_in_one_line():
    assert lines(report(1), report(2), report(1, name="other")) == ["2 tests passed all of 3 runs"]


def test_other_tests_are_not_mentioned():
    assert lines(SimpleNamespace(nodeid="t", when="call", passed=True, failed=False)) == []
