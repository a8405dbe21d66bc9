from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.relay.api.addresses import BadAddress, parse, parse_listen


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("host:80", ("host", 80)),
        (":80", ("", 80)),
        ("[::1]:80", ("::1", 80)),
        ("host:", ("host", 0)),
        ("host:http", ("host", 80)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
    ],
)
def test_addresses(address, expected):
    assert parse(address) == expected


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("host", "missing port"),
        ("[::1]", "missing port"),
        ("::1:80", "too many colons"),
        ("[::1:80", "missing ']'"),
        ("a[b:80", "unexpected"),
        ("host:65536", "invalid port"),
        ("host:-1", "unknown port"),
        ("host:nope", "unknown port"),
        ("ho st:80", "white space"),
        ("host:" + "9" * 5000, "unknown port"),
    ],
)
def test_what_is_no_address_says_why(address, why):
    with pytest.raises(BadAddress, match=why):
        parse(address)


@given(st.text())
def test_no_text_does_worse_than_be_refused(text):
    try:
        host, port = parse(text)
    except BadAddress:
        return
    assert 0 <= port < 65536
    assert not host.startswith("[")


@pytest.mark.parametrize(
    ("address", "expected"),
    [("", ("127.0.0.1", 0)), (":1", ("", 1)), ("0.0.0.0:1", ("", 1)), ("[::]:1", ("", 1)), ("h:1", ("h", 1))],
)
def test_where_to_listen(address, expected):
    assert parse_listen(address) == expected
