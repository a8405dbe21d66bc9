from __future__ import annotations

import json
import sys
from urllib.parse import unquote

import pytest
from tests.scripted import as_json, http, scripted
from toxiproxy.api import APIConsumer

from pytest_netchaos.errors import EngineError, ServiceError
from pytest_netchaos.services.docker.owner import Owner
from pytest_netchaos.services.toxiproxy import names
from pytest_netchaos.services.toxiproxy.client import bound_client

ELSEWHERE = ("somewhere", 9)


@pytest.fixture(autouse=True)
def consumer(monkeypatch):
    """Where the library points before a test."""
    monkeypatch.setattr(APIConsumer, "host", ELSEWHERE[0])
    monkeypatch.setattr(APIConsumer, "port", ELSEWHERE[1])


@pytest.fixture
def proxies():
    return {name: {"name": name} for name in ("theirs", "other")}


@pytest.fixture
def server(proxies):
    """Keeps proxies, and nothing else."""

    def answer(method, path, body):
        if method == "POST":
            made = {"enabled": True, **json.loads(body)}
            proxies[made["name"]] = made
            return as_json(201, made)
        if method == "DELETE":
            gone = proxies.pop(unquote(path.rpartition("/")[2]), None)
            return http(204) if gone else as_json(404, {"error": "proxy not found"})
        return as_json(
            200, {name: {"upstream": "u", "enabled": True, "listen": "l", **p} for name, p in proxies.items()}
        )

    with scripted(answer) as made:
        yield made


@pytest.mark.parametrize("is_shared", [True, False])
def test_what_the_client_makes_is_gone_in_the_end_and_what_was_there_is_not(server, proxies, is_shared):
    with bound_client("127.0.0.1", server.port, is_shared=is_shared) as client:
        assert (APIConsumer.host, APIConsumer.port) == ("127.0.0.1", server.port)
        client.create(upstream="127.0.0.1:1", name="mine")
        client.populate([{"name": "mine too", "upstream": "127.0.0.1:1"}, {"name": "mine three", "upstream": "x:1"}])
        assert set(client.proxies()) == {"theirs", "other", "mine", "mine too", "mine three"}
        del proxies["mine too"]
    assert set(proxies) == {"theirs", "other"}
    assert (APIConsumer.host, APIConsumer.port) == ELSEWHERE


@pytest.mark.parametrize("is_shared", [True, False])
def test_what_others_made_meanwhile_is_left_alone_where_there_are_others(server, proxies, is_shared):
    with bound_client("127.0.0.1", server.port, is_shared=is_shared):
        proxies["by another client"] = {"name": "by another client"}
    assert ("by another client" in proxies) == is_shared


def test_the_proxies_of_links_are_left_alone(server, proxies):
    link = names.name(names.label(Owner.here("run", "main")), 1, "redis")
    with bound_client("127.0.0.1", server.port, is_shared=False):
        proxies[link] = {"name": link}
    assert link in proxies


def test_the_library_points_elsewhere_again_after_a_failure(server, proxies):
    with pytest.raises(ZeroDivisionError), bound_client("127.0.0.1", server.port, is_shared=False) as client:
        client.create(upstream="127.0.0.1:1", name="mine")
        raise ZeroDivisionError
    assert "mine" not in proxies
    assert (APIConsumer.host, APIConsumer.port) == ELSEWHERE


def test_nobody_answers():
    with (
        pytest.raises(EngineError, match=r"127\.0\.0\.1:1 can.t be told"),
        bound_client("127.0.0.1", 1, is_shared=False),
    ):
        pytest.fail("there is a client")
    assert (APIConsumer.host, APIConsumer.port) == ELSEWHERE


def test_a_library_that_is_missing_is_said_with_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "toxiproxy", None)
    with (
        pytest.raises(ServiceError, match=r"pip install 'pytest-netchaos\[toxiproxy\]'"),
        bound_client("127.0.0.1", 1, is_shared=False),
    ):
        pytest.fail("there is a client")
