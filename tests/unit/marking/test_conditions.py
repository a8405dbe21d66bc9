from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_netchaos.marking.conditions import Conditions, conditions_of, keep, name_of, note_run
from pytest_netchaos.marking.marker import Standing
from pytest_netchaos.seeds import derive_seed


def item(nodeid="t.py::test_x", parent="t.py", name="test_x"):
    return SimpleNamespace(nodeid=nodeid, parent=SimpleNamespace(nodeid=parent), name=name, stash=pytest.Stash())


def test_a_seed_is_derived_from_the_name_unless_a_marker_gives_it():
    assert Conditions().seed(5, item()) == derive_seed(5, "t.py::test_x")
    assert Conditions((Standing((), seed=9),)).seed(5, item()) == 9


def test_a_runs_seed_is_derived_from_the_markers_and_its_number():
    seeds = [Conditions((Standing((), seed=9),), run, 3).seed(5, item()) for run in (1, 2, 3)]
    assert seeds == [derive_seed(9, f"run{run}") for run in (1, 2, 3)]
    assert len(set(seeds)) == 3


def test_without_one_it_is_derived_from_its_own_name():
    assert Conditions((), 1, 3).seed(5, item("t.py::test_x[run1]")) == derive_seed(5, "t.py::test_x[run1]")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (item(), "t.py::test_x"),
        (item("t.py::test_x@group"), "t.py::test_x"),
        (item("t.py::test_x[a@b]", name="test_x[a@b]"), "t.py::test_x[a@b]"),
        (item("t.py::test_x[a@b]@group", name="test_x[a@b]"), "t.py::test_x[a@b]"),
        (item("of@somebody::test_x", "else"), "of@somebody::test_x"),
    ],
)
def test_the_name_of_a_test_is_the_same_with_the_groups_of_xdist(given, name):
    assert name_of(given) == name


def test_what_is_kept_is_found():
    test, conditions = item(), Conditions((Standing(()),))
    assert conditions_of(test) == Conditions()
    keep(test, conditions)
    assert conditions_of(test) is conditions


def test_the_report_of_a_repeated_test_says_which_run_it_was():
    test, report = item(), SimpleNamespace()
    test.config = SimpleNamespace(rootpath=Path("/shop"), invocation_params=SimpleNamespace(dir=Path("/shop/sub")))
    note_run(test, report, 5)
    assert not vars(report)
    keep(test, Conditions((Standing((), seed=9),), 2, 3))
    note_run(test, report, 5)
    assert report.netchaos_run == {
        "run": 2, "runs": 3, "seed": derive_seed(9, "run2"), "typed": "../t.py::test_x",
    }  # fmt: skip
