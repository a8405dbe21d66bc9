from __future__ import annotations

import os
import socket

import pytest

from pytest_netchaos.addresses import upstream
from pytest_netchaos.engines.embedded import EmbeddedEngine
from pytest_netchaos.errors import EngineDied, EngineError, PortInUse
from pytest_netchaos.faults import Cut
from pytest_netchaos.session import choices


@pytest.fixture(params=["", "portable"], ids=["handed-over", "ordered"])
def engine(request, monkeypatch):
    monkeypatch.setenv(choices.RELAY_VARIABLE, request.param)
    made = EmbeddedEngine()
    yield made
    made.stop()


def listens(address):
    try:
        socket.create_connection(address, 10.0).close()
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:  # accepted, and reset since: nobody listens behind the link
        return True
    return True


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.5"])
def test_a_link_can_be_dialled_when_it_is_made(engine, host):
    link = engine.open("db", upstream("127.0.0.1:1"), host, 0, 7)
    assert listens((link.host, link.port))
    link.close()
    assert not listens((link.host, link.port))


def test_a_port_that_is_taken_is_an_error_that_says_so(engine):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        expected = rf"^can't listen at 127\.0\.0\.1 port {port}: Address already in use; port=0 takes a free one$"
        with pytest.raises(PortInUse, match=expected):
            engine.open("db", upstream("127.0.0.1:1"), "127.0.0.1", port, 7)
    link = engine.open("db", upstream("127.0.0.1:1"), "127.0.0.1", port, 7)
    assert link.port == port
    link.close()


def test_a_port_of_a_link_that_was_not_made_is_given_back(engine):
    with pytest.raises(KeyError), engine.reserve("127.0.0.1", 0, "127.0.0.1") as reserved:
        assert listens(reserved.address)
        assert listens(("127.0.0.1", reserved.inner_port))
        raise KeyError
    engine.channel.request("sync")
    assert not listens(reserved.address)
    assert not listens(("127.0.0.1", reserved.inner_port))


def test_no_way_back_is_an_error_that_names_the_address(engine):
    expected = r"^can't listen at 192\.0\.2\.1, where the Toxiproxy is to find this machine: Cannot assign "
    with pytest.raises(EngineError, match=expected), engine.reserve("127.0.0.1", 0, "192.0.2.1"):
        pytest.fail("nobody has that address")


def test_each_link_has_a_number_of_its_own(engine):
    with engine.reserve("127.0.0.1", 0) as first, engine.reserve("127.0.0.1", 0) as second:
        assert first.id != second.id
        assert first.address != second.address
        assert first.inner_port == 0


def test_a_dead_relay_is_told(engine):
    os.kill(engine.pid, 9)
    engine._process.obituary()
    with pytest.raises(EngineDied):
        for _ in range(3):  # what is posted first may still find room in the channel
            engine.open("db", upstream("127.0.0.1:1"), "127.0.0.1", 0, 7)
            engine.check()


def test_what_it_takes_to_see_refused_dials_is_told(engine, request):
    link = engine.open("db", upstream("127.0.0.1:1"), "127.0.0.1", 0, 7)
    engine._sees_all = False
    link._overhear_dials = (said := []).append
    link.inject(Cut(), None)
    word = "CAP_NET_RAW" if "handed" in request.node.name else "any system but Linux"
    assert word in said[0]
    link.close()


def test_a_wrong_value_names_the_variable(monkeypatch):
    monkeypatch.setenv(choices.RELAY_VARIABLE, "kqueue")
    with pytest.raises(EngineError, match=r"^NETCHAOS_RELAY must be portable or select, or not set, not 'kqueue'$"):
        EmbeddedEngine()
