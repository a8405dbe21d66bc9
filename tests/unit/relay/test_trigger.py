from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.relay.arguments import trigger_of

texts = st.text(max_size=10) | st.integers().map(str) | st.sampled_from(["when", "bytes", "dial", "upstream"])


def read(*fields):
    rest, trigger = trigger_of(("once", "inf", *fields))
    assert rest == ("once", "inf")
    return None if trigger is None else (trigger.kind, trigger.number, trigger.direction, trigger.connection)


def test_a_trigger_is_read_and_what_is_before_it_is_left():
    assert read() is None
    assert read("when", "connection", "3") == ("connection", 3, "", 0)
    assert read("when", "dial", "1") == ("dial", 1, "", 0)
    assert read("when", "bytes", "0", "downstream", "2") == ("bytes", 0, "downstream", 2)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ((), "kind"),
        (("connection",), "kind"),
        (("connection", "1", "2"), "kind"),
        (("connection", "0"), "number"),
        (("connection", "x"), "number"),
        (("dial", "-1"), "number"),
        (("dial", "1.5"), "number"),
        (("dance", "1"), "dance"),
        (("", "1"), "''"),
        (("bytes", "5"), "bytes"),
        (("bytes", "-1", "upstream", "1"), "number"),
        (("bytes", "x", "upstream", "1"), "number"),
        (("bytes", "1", "both", "1"), "direction"),
        (("bytes", "1", "upstream", "0"), "connection"),
        (("bytes", "1", "upstream", ""), "connection"),
        (("connection", "9" * 5000), "number"),
    ],
)
def test_what_is_no_trigger_is_refused_by_name(fields, named):
    with pytest.raises(ValueError, match=named):
        read("when", *fields)


@given(st.lists(texts, max_size=6))
def test_no_fields_do_worse_than_be_refused(fields):
    try:
        rest, trigger = trigger_of(tuple(fields))
    except ValueError:
        return
    assert (trigger is None) == ("when" not in fields)
    assert rest == tuple(fields[: len(rest)])
