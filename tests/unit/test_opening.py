from __future__ import annotations

import socket

import pytest
from tests.needs import toxiproxy

from pytest_netchaos.errors import EngineDied
from pytest_netchaos.opening import open_network

DB = "127.0.0.1:5432"


def test_a_wrong_engine_is_shown_without_its_password():
    with (
        pytest.raises(ValueError, match=r"^engine must be an http:// URL .*, not 'http://u:\*\*\*@h'$"),
        open_network(engine="http://u:p:ss@h"),
    ):
        pass


@pytest.mark.parametrize("fails_with", [None, EngineDied("gone")])
def test_a_network_is_closed_although_its_body_has_raised_and_that_is_what_is_heard(engine, monkeypatch, fails_with):
    monkeypatch.setattr("pytest_netchaos.engines.embedded.EmbeddedEngine", lambda: engine)
    with pytest.raises(ZeroDivisionError), open_network() as network:
        link = network.link(DB)
        if fails_with is not None:
            engine.links[0].fails_with["close"] = fails_with
        raise ZeroDivisionError
    assert engine.links[0].calls == [("close",)]
    assert repr(link).endswith(": closed>")
    assert not engine.is_alive


def test_a_network_that_cannot_be_closed_says_so_where_nothing_else_is_wrong(engine, monkeypatch):
    monkeypatch.setattr("pytest_netchaos.engines.embedded.EmbeddedEngine", lambda: engine)
    with pytest.raises(EngineDied, match=r"^gone$"), open_network() as network:
        network.link(DB)
        engine.links[0].fails_with["close"] = EngineDied("gone")
    assert not engine.is_alive


def test_a_network_on_another_engine():
    toxiproxy()
    with socket.create_server(("127.0.0.1", 0)) as server, open_network(engine="toxiproxy") as network:
        link = network.link(server.getsockname())
        with socket.create_connection(link.address):
            link.wait_for_connection()
            with link.cut(), pytest.raises(ConnectionRefusedError):
                socket.create_connection(link.address)


def test_an_engine_that_there_is_not():
    with (
        pytest.raises(ValueError, match=r"^engine must be one of embedded, .*, not 'relay'$"),
        open_network(engine="relay"),
    ):
        pytest.fail("it was opened")
