from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_netchaos.relay.background import Background


@pytest.mark.parametrize(
    ("peer", "is_background"),
    [
        ("127.0.0.2:80", True),
        ("[::1]:80", True),
        ("127.0.0.1:80", False),
        ("127.0.0.22:80", False),
        ("[::2]:80", False),
        ("", False),
    ],
)
def test_the_host_that_dials_decides(peer, is_background):
    assert (peer in Background(frozenset({"127.0.0.2", "::1"}), {})) is is_background


def test_without_hosts_everybody_is_a_client():
    assert "127.0.0.1:80" not in Background(frozenset(), {})
    assert "" not in Background(frozenset(), {})


def test_its_dials_are_numbered_apart_from_those_of_clients():
    background = Background(frozenset(), {})
    assert [background.number() for _ in range(3)] == [-1, -2, -3]


@pytest.mark.parametrize(
    "end", [lambda b, c: b.unreachable(c, "ECONNREFUSED"), lambda b, c: b.ended(c, "client", "FIN", "")]
)
def test_a_connection_that_is_over_is_forgotten(end):
    connection = SimpleNamespace(dial=-1, number=0)
    connections = {-1: connection, 1: "a client's"}
    background = Background(frozenset(), connections)
    background.opened(connection)
    background.hung_up(connection, "client")
    assert (connection.number, len(connections)) == (0, 2)
    end(background, connection)
    assert connections == {1: "a client's"}
