from __future__ import annotations

import enum
import json
import math
import uuid
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_netchaos.report.json_ids import IdEncoder, OpaqueId, decode

Point = namedtuple("Point", "x y")  # noqa: PYI024 - as somebody's ids may be


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Name(enum.StrEnum):
    ANN = "ann"


class Text(str):
    __slots__ = ()

    def __str__(self):
        return "not what it is"


class Shy:
    def __repr__(self):
        raise LookupError("no")


class Contrary:
    """Equals 1, but has another hash: to a dictionary it is another id."""

    def __int__(self):
        return 1

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 77


def there(id_):
    return json.loads(IdEncoder().encode(id_))


def back(*ids):
    encoder = IdEncoder()
    return [decode(json.loads(encoder.encode(id_))) for id_ in ids]


@pytest.mark.parametrize(
    ("id_", "written"),
    [
        ("a", "a"),
        ('é\udc80\n"', 'é\udc80\n"'),
        (7, 7),
        (-(2**53), -(2**53)),
        (0.5, 0.5),
        (True, True),
        (None, None),
        (Level.LOW, 1),
        (Name.ANN, "ann"),
        (Text("a"), "a"),
        (Decimal(3), 3),
        (Fraction(1, 2), 0.5),
        ((), {"tuple": []}),
        ((1, ("a", b"\x00")), {"tuple": [1, {"tuple": ["a", {"bytes": "00"}]}]}),
        (Point(1, 2), {"tuple": [1, 2]}),
        (b"\x00\xff", {"bytes": "00ff"}),
        (memoryview(b"a"), {"bytes": "61"}),
        (2**53 + 1, {"repr": "9007199254740993", "number": 0}),
        (math.inf, {"repr": "inf", "number": 0}),
        (math.nan, {"repr": "nan", "number": 0}),
        (Color.RED, {"repr": "<Color.RED: 1>", "number": 0}),
        (uuid.UUID(int=1), {"repr": "UUID('00000000-0000-0000-0000-000000000001')", "number": 0}),
        (frozenset(), {"repr": "frozenset()", "number": 0}),
        (Shy(), {"repr": "<Shy whose repr raised LookupError>", "number": 0}),
    ],
)  # fmt: skip
def test_an_id_is_written_as_the_table_says(id_, written):
    found = there(id_)
    assert found == written
    assert type(found) is type(written)


def test_who_only_looks_equal_to_a_plain_value_is_not_written_as_one():
    assert set(there(Contrary())) == {"repr", "number"}


def test_opaque_ids_are_equal_where_the_originals_were():
    one, same, other = back(Color.RED, Color.RED, uuid.UUID(int=1))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != 0
    assert repr(one) == "<Color.RED: 1>"
    assert isinstance(one, OpaqueId)


def test_a_not_a_number_is_itself_and_no_other():
    first, second = float("nan"), float("nan")
    one, same, other = back(first, first, second)
    assert one == same
    assert one != other


def test_large_numbers_stay_equal_whatever_their_type():
    whole, floating, text = back(2**60, float(2**60), str(2**60))
    assert whole == floating
    assert whole != text


@pytest.mark.parametrize("value", [[1], {"tuple": [[]]}, {"bytes": "zz"}])
def test_what_is_no_id_is_refused(value):
    with pytest.raises(ValueError, match=r"an id can't be|hexadecimal"):
        decode(value)


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text().map(Text),
    st.binary(),
    st.uuids(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.frozensets(st.integers()),
    st.sampled_from([*Color, *Level, *Name, 2**53, 2**53 + 1, float(2**53), -(2**60), -float(2**60)]),
)
ids = st.recursive(plain, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)


@given(st.lists(ids, min_size=2, max_size=8))
@example([2**60, float(2**60)])
@example([(0.0,), (-0.0,), (False,), (Decimal(0),)])
@example([1, True, 1.0, Level.LOW])
def test_ids_are_equal_afterwards_exactly_where_they_were_before(some):
    read = back(*some)
    for index, one in enumerate(some):
        for other_index, other in enumerate(some):
            are_one = len({one, other}) == 1
            assert (len({read[index], read[other_index]}) == 1) is are_one, (one, other)


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.binary(),
                    lambda inner: st.lists(inner, max_size=3).map(tuple)))  # fmt: skip
def test_plain_ids_come_back_as_they_are(id_):
    (read,) = back(id_)
    assert read == id_
    assert type(read) is type(id_)
