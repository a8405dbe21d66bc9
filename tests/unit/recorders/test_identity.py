"""How an id is read from a payload."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.recorders.identity import as_text, id_reader


@pytest.mark.parametrize(
    ("rule", "payload", "expected"),
    [
        (None, "m1", "m1"),
        (None, ("a", 1), ("a", 1)),
        ("n", {"n": 1}, 1),
        ("n", SimpleNamespace(n=2), 2),
        ("n", '{"n": 3}', 3),
        ("n", b'{"n": 4}', 4),
        (1, ("a", "b"), "b"),
        (-1, ["a", "b"], "b"),
        (0, {0: "a"}, "a"),
        (0, '["a"]', "a"),
        (lambda payload: payload["a"]["b"], {"a": {"b": 5}}, 5),
    ],
)
def test_an_id_is_the_payload_or_a_part_of_it(rule, payload, expected):
    assert id_reader(rule)(payload) == expected


@pytest.mark.parametrize(
    ("rule", "payload", "error"),
    [
        ("n", {}, KeyError),
        ("n", ["a"], TypeError),
        ("n", object(), AttributeError),
        ("n", "not JSON", json.JSONDecodeError),
        (5, ["a"], IndexError),
        (0, 17, TypeError),
    ],
)
def test_a_part_that_is_not_there_is_an_error(rule, payload, error):
    with pytest.raises(error):
        id_reader(rule)(payload)


@pytest.mark.parametrize("rule", [True, 1.5, ["n"], b"n"])
def test_a_rule_that_is_none_is_refused_by_value(rule):
    with pytest.raises(TypeError, match=r"id must be a key .* not "):
        id_reader(rule)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("a", "a"),
        (b"a", "a"),
        (bytearray(b"a"), "a"),
        (memoryview(b"a"), "a"),
        (b"\xff", b"\xff"),
        (5, "5"),
        (1.5, "1.5"),
    ],
)
def test_text_is_what_the_other_end_would_see(payload, expected):
    assert as_text(payload) == expected


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.binary()))
def test_what_redis_gives_back_has_the_id_that_it_was_sent_with(payload):
    from redis._parsers import Encoder

    encoder = Encoder("utf-8", "surrogateescape", decode_responses=False)
    if isinstance(payload, str):
        payload.encode("utf-8", "surrogateescape")
    assert as_text(encoder.encode(payload)) == as_text(payload)
