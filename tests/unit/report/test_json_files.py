from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.report.recorded_runs import FULL, same

from pytest_netchaos.errors import NetchaosError
from pytest_netchaos.recorded import RunOfTest
from pytest_netchaos.report import json_files
from pytest_netchaos.report.json_files import file_name, write_timeline
from pytest_netchaos.report.json_load import load_timeline

AS_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="a superuser may write into a directory without the right"
)


def called(test):
    return replace(FULL, run=RunOfTest(test))


def test_a_name_shows_which_test_it_is():
    assert file_name("tests/test_chat.py::test_it[a/b]").startswith("tests_test_chat.py_test_it_a_b-")


@pytest.mark.parametrize(
    "neighbours",
    [
        ("t.py::test[a]", "t.py::test[A]"),
        ("t.py::test[a/b]", "t.py::test[a:b]"),
        ("t.py::test[é]", "t.py::test[e\u0301]"),
        ("t.py::test[\udc80]", "t.py::test[\udc81]"),
        ("t.py::test[a ]", "t.py::test[a]"),
        ("a" * 5000, "a" * 5001),
        ("", "/"),
    ],
)
def test_what_looks_the_same_has_names_that_differ_even_where_case_does_not_count(neighbours):
    one, other = map(file_name, neighbours)
    assert one.lower() != other.lower()


@given(st.text(max_size=400))
def test_every_name_is_one_that_every_file_system_takes(test):
    name = file_name(test)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=-")
    assert len(name) <= 143
    assert name[0] not in ".-"
    assert name == file_name(test)


def test_it_makes_the_directory_and_says_where_the_file_is(tmp_path):
    path = write_timeline(tmp_path / "a" / "b", FULL)
    assert path.parent == tmp_path / "a" / "b"
    assert same(load_timeline(path), FULL)


def test_a_file_of_the_same_test_is_replaced_and_nothing_is_left_over(tmp_path):
    write_timeline(tmp_path, called("t"))
    path = write_timeline(tmp_path, replace(called("t"), seed=5))
    assert load_timeline(path).seed == 5
    assert list(tmp_path.iterdir()) == [path]


def test_who_is_interrupted_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = write_timeline(tmp_path, FULL)

    def broken(_):
        yield "{"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json_files, "pieces", broken)
    with pytest.raises(NetchaosError) as caught:
        write_timeline(tmp_path, FULL)
    assert f"the timeline of {FULL.run.test} can't be written to {path}: " in str(caught.value)
    assert "No space left on device" in str(caught.value)
    assert same(load_timeline(path), FULL)
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_that_is_a_file_by_now_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NetchaosError, match="can't be written to"):
        write_timeline(tmp_path / "file", FULL)


@AS_ROOT
def test_a_directory_without_the_right_to_write_is_said(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(NetchaosError, match="can't be written to"):
        write_timeline(tmp_path, FULL)
