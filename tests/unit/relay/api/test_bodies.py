from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.relay.api import bodies
from pytest_netchaos.relay.api.bodies import ProxyInput, Refused, decode


def why(call, *arguments):
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.status == 400
    return caught.value.why


def read(text):
    return ProxyInput(decode(text.encode()))


def test_only_the_first_value_counts():
    assert read('{"name":"a"} {"name":"b"').name == "a"


def test_keys_are_read_in_any_case_and_the_last_one_wins():
    assert read('{"name":"a","NAME":"b","Enabled":false}').name == "b"


def test_null_keeps_what_was_there():
    proxy = read('{"name":"a","name":null,"enabled":null}')
    assert (proxy.name, proxy.enabled) == ("a", None)
    assert read("null").name is None


def test_unknown_keys_are_ignored():
    assert read('{"x":[1],"name":"a"}').name == "a"


def test_invalid_characters_are_replaced():
    assert ProxyInput(decode(b'{"name":"\xffa"}')).name == "\ufffda"
    assert read('{"name":"\\ud800a"}').name == "\ufffda"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "EOF"),
        (" \r\n\t", "EOF"),
        ("{", "unexpected EOF"),
        ('{"name": "a', "unexpected EOF"),
        ('{"name":', "unexpected EOF"),
        ("x", "invalid JSON at character 1: Expecting value"),
        ("\ufeff{}", "invalid JSON at character 1"),
        ("NaN", "invalid JSON: NaN is no number"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "a proxy must be an object, not an array"),
        ("5", "a proxy must be an object, not 5"),
        ('{"name":5}', "name must be a string, not 5"),
        ('{"upstream":{}}', "upstream must be a string, not an object"),
        ('{"listen":true}', "listen must be a string, not true"),
        ('{"enabled":"x"}', "enabled must be true or false, not 'x'"),
        ('{"name":"\t"}', "invalid JSON at character 10: Invalid control character at"),
    ],
)
def test_a_bad_body_is_refused_with_its_field_and_its_value(text, expected):
    said = why(read, text)
    assert said.startswith("bad request body: ")
    assert expected in said


@pytest.mark.parametrize(
    "said", ["1.5", "1.0", "1e3", "1E3", "9223372036854775808", "1" * 5000, '"1"', "true", "[]", "{}"]
)
def test_integers_are_strict(said):
    assert why(bodies.integer, decode(said.encode()), "rate").startswith("bad request body: rate must be an integer")


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integers_of_64_bits_are_exact(number):
    assert bodies.integer(decode(str(number).encode()), "n") == number


@given(st.binary(max_size=200))
def test_no_body_does_worse_than_be_refused(data):
    with contextlib.suppress(Refused):
        ProxyInput(decode(data))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    )
)
def test_no_value_does_worse_than_be_refused(value):
    for key in ("name", "listen", "upstream", "enabled", "toxics"):
        with contextlib.suppress(Refused):
            ProxyInput(decode(json.dumps({key: value}).encode()))


def test_what_is_missing_is_named():
    assert why(read("{}").require) == "missing required field: name"
    assert (
        why(read('{"name":"a","upstream":""}').require, " at proxy 2") == "missing required field: upstream at proxy 2"
    )


def test_a_long_value_is_cut_short_in_a_message():
    assert len(bodies.show("x" * 1000)) == 80
