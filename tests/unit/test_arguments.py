from __future__ import annotations

import math

import pytest

from pytest_netchaos.arguments import check_id, check_name, check_session, check_time


@pytest.mark.parametrize("value", [1, "a", (1, "a"), (None,), frozenset([1]), 2.5])
def test_what_can_be_hashed_is_an_id(value):
    check_id(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"n": 1}, "id must be hashable, not 'dict': use what identifies the message, such as its number, or a tuple"),
        ((1, []), "id must be hashable, not 'tuple' (unhashable type: 'list'): use what identifies the message"),
    ],
)
def test_what_cannot_be_hashed_is_refused_with_what_it_is(value, said):
    with pytest.raises(TypeError) as caught:
        check_id(value)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("value", [None, 7, b"ann", ("ann",)])
def test_a_name_is_a_string(value):
    with pytest.raises(TypeError) as caught:
        check_name("sender", value)
    said = f"sender must be a name, as a string, not {value!r}: leave it out where there is only one"
    assert str(caught.value) == said


@pytest.mark.parametrize("value", ["", "ann"])
def test_any_string_is_a_name(value):
    check_name("sender", value)


@pytest.mark.parametrize("value", [0, -1.5, 1e12])
def test_a_finite_number_is_a_time(value):
    assert check_time(value) == value


@pytest.mark.parametrize("value", ["1.5", True, b"1", (1,)])
def test_a_time_is_a_number(value):
    with pytest.raises(TypeError, match=r"^at must be a number \(seconds of time.monotonic\(\)\), not "):
        check_time(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_time_is_finite(value):
    with pytest.raises(ValueError, match=rf"^at must be finite \(seconds of time.monotonic\(\)\), not {value!r}$"):
        check_time(value)


def test_none_is_no_id():
    with pytest.raises(TypeError, match=r"^id must be what identifies the message, not None: is it missing from"):
        check_id(None)


def test_a_session_may_be_unknown_and_has_to_be_hashable():
    check_session(None)
    with pytest.raises(TypeError, match=r"^session must be hashable, not 'list'"):
        check_session([])


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_a_number_that_no_clock_has_is_not_finite(value):
    with pytest.raises(ValueError, match=r"^at must be finite"):
        check_time(value)
