from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.relay.marks import marks_of

texts = st.text(max_size=12) | st.sampled_from(["replay", "1;2;0;", "0;;1;1:2:3", ";;;", "1:2:3"])


def read(*fields):
    rest, patience, marks = marks_of(("once", "inf", *fields))
    assert rest == ("once", "inf")
    return patience, [mark and (mark.gap, mark.length, mark.connections, mark.places) for mark in marks]


def test_marks_are_read_and_what_is_before_them_is_left():
    assert read() == (0.0, [])
    assert read("replay", "5.0") == (5.0, [])
    assert read("replay", "5", "", "0.5;;0;", "1;0.25;2;1:100:50,2:0:7") == (
        5.0,
        [None, (0.5, None, 0, {}), (1.0, 0.25, 2, {1: (100, 50), 2: (0, 7)})],
    )


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ((), "patience"),
        (("x",), "patience"),
        (("inf",), "patience"),
        (("1", "2"), "a mark has"),
        (("1", "1;2;3;4;5"), "a mark has"),
        (("1", "-1;;0;"), "gap"),
        (("1", "nan;;0;"), "gap"),
        (("1", "inf;;0;"), "gap"),
        (("1", "0;inf;0;"), "length"),
        (("1", "0;;-1;"), "connections"),
        (("1", "0;;x;"), "connections"),
        (("1", "0;;0;1:2"), "a place has"),
        (("1", "0;;0;1:2:-3"), "each number"),
        (("1", "0;;0;1:2:x"), "each number"),
    ],
)
def test_what_is_no_mark_is_refused_by_name(fields, named):
    with pytest.raises(ValueError, match=named):
        read("replay", *fields)


@given(st.lists(texts, max_size=6))
def test_anything_is_read_or_refused(fields):
    try:
        rest, patience, marks = marks_of(tuple(fields))
    except ValueError:
        return
    assert "replay" not in rest
    assert patience >= 0
    assert all(mark is None or mark.connections >= 0 for mark in marks)
