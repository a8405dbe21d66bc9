from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.history import Outage
from pytest_netchaos.matchers.words import (
    CHARACTERS,
    LINES,
    arranged,
    between,
    counted,
    fault_name,
    fitted,
    has_room,
    named,
    short,
    times,
)


def test_an_id_that_just_fits_is_whole_and_a_longer_one_is_cut():
    assert short("x" * 22) == f"'{'x' * 22}'"
    assert short("a" + "x" * 30 + "z") == f"'a{'x' * 9}…{'x' * 10}z'"
    assert len(short("x" * 23)) == 24


def test_three_ids_are_named_and_of_more_the_ends():
    assert named([1, 2, 3]) == "1, 2, 3"
    assert named([1, 2, 3, 4]) == "1 … 4 (4)"


def test_of_copies_the_messages_are_counted():
    assert named([1, 2], 2) == "1, 2"
    assert named([1, 2], 5) == "1, 2 (5)"
    assert named([1, 2, 3, 4], 9) == "1 … 4 (9)"


@pytest.mark.parametrize(("number", "text"), [(0, "0 keys"), (1, "1 key"), (2, "2 keys")])
def test_nouns_have_their_numbers(number, text):
    assert counted(number, "key") == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 times"), (1, "once"), (2, "twice"), (3, "3 times")])
def test_times(number, text):
    assert times(number) == text


def test_a_range_of_one_time_is_that_time():
    assert between(0.1, 0.1004) == "0.100s"
    assert between(0.1, 0.2) == "0.100..0.200s"


def test_a_fault_is_numbered_where_there_are_several():
    cut, both = Outage(1.0, 2.0, ("cut",)), Outage(3.0, 4.0, ("stall", "reset"))
    assert fault_name([cut], 0) == "the cut"
    assert fault_name([cut, both], 1) == "the stall and reset (outage 2 of 2)"


def test_all_lines_are_shown_where_there_is_room():
    assert fitted("bad", [["a", "b"], [], ["c"]]) == ["bad", "a", "b", "c"]


def test_what_is_left_out_is_counted_and_each_group_has_its_share():
    groups = [[f"a{n}" for n in range(9)], ["b"], [f"c{n}" for n in range(9)]]
    assert fitted("bad", groups) == ["bad", "a0", "a1", "a2 … and 6 more", "b", "c0", "c1", "c2 … and 6 more"]


def test_long_lines_leave_room_for_fewer():
    assert len(fitted("bad", [["x" * 200] * 9])) == 4


def test_groups_for_which_there_is_no_room_are_left_to_the_verdict():
    assert fitted("bad", [["x" * 320], ["y" * 320], ["z"]]) == ["bad", "x" * 320]


def test_arranged_lines_are_all_there_and_those_that_pytest_shows_come_first():
    groups = [[f"a{n}" for n in range(9)], [], ["b"], ["c"]]
    assert arranged("bad", groups) == ["bad", *(f"a{n}" for n in range(5)), "b", "c", *(f"a{n}" for n in range(5, 9))]
    assert arranged("bad", [["x" * 320], ["y" * 320], ["z"]]) == ["bad", "x" * 320, "y" * 320, "z"]


def test_there_is_room_for_a_line_of_each_group_or_not():
    assert has_room("bad", [["x" * 300] * 9, [], ["y" * 300]])
    assert not has_room("bad", [["x" * 320], ["y" * 320]])
    assert not has_room("bad", [["x"]] * 8)


@given(st.lists(st.lists(st.text("x", max_size=110), max_size=12), max_size=4), st.text("v", max_size=100))
def test_pytest_shows_all_of_it_and_nothing_is_left_out_silently(groups, verdict):
    lines = fitted(verdict, groups)
    assert len(lines) <= LINES
    assert sum(map(len, lines)) <= CHARACTERS
    left_out = sum(int(line.partition(" … and ")[2].split()[0]) for line in lines if " … and " in line)
    assert len(lines) - 1 + left_out == sum(map(len, groups))
