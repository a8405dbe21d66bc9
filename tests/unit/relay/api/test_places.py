from __future__ import annotations

import socket

import pytest

from pytest_netchaos.relay.api.places import Place, is_same

SOMEWHERE = [(socket.AF_INET, ("127.0.0.1", 80))]


@pytest.mark.parametrize(
    ("listen", "port", "addresses", "expected"),
    [
        ("127.0.0.1:80", 80, SOMEWHERE, True),
        ("127.0.0.1:81", 80, SOMEWHERE, False),
        ("", 80, SOMEWHERE, False),  # one that never listened is nowhere
        ("", 80, [], False),
        ("[::]:80", 80, [], True),
        ("0.0.0.0:80", 80, [], True),
        ("0.0.0.0:80", 80, SOMEWHERE, False),
        ("[::]:0", 0, [], False),  # a free port is another one each time
    ],
)
def test_a_proxy_is_at_a_place_where_it_listens_there(listen, port, addresses, expected):
    assert is_same(listen, Place(port, addresses)) is expected
