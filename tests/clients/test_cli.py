"""Toxiproxy's own command line client."""

from __future__ import annotations

import subprocess

import pytest


@pytest.fixture
def run(api, cli):
    """Run a command; returns its exit code and what it said."""

    def call(*arguments):
        done = subprocess.run(
            [cli, "--host", f"http://{api.where}", *arguments], capture_output=True, text=True, timeout=30, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return call


@pytest.fixture
def proxy(run):
    code, said = run("create", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9", "db")
    assert (code, said) == (0, "Created new proxy db\n")


@pytest.mark.usefixtures("proxy")
def test_proxies_are_listed_toggled_and_deleted(run, api):
    code, said = run("list")
    assert code == 0
    listen = api.proxies()["db"]["listen"]
    assert ["db", listen, "127.0.0.1:9", "enabled", "0"] in [line.split() for line in said.splitlines()]
    assert run("toggle", "db") == (0, "Proxy db is now disabled\n")
    assert not api.proxies()["db"]["enabled"]
    assert run("toggle", "db") == (0, "Proxy db is now enabled\n")
    assert api.proxies()["db"]["listen"] == listen
    assert run("delete", "db") == (0, "Deleted proxy db\n")
    assert api.proxies() == {}


@pytest.mark.usefixtures("proxy")
def test_toxics_are_added_updated_inspected_and_removed(run, api):
    code, said = run("toxic", "add", "-t", "latency", "-n", "slow", "-a", "latency=100", "-a", "jitter=50", "db")
    assert (code, said) == (0, "Added downstream latency toxic 'slow' on proxy 'db'\n")
    code, said = run("toxic", "update", "-n", "slow", "--toxicity", "0.5", "-a", "jitter=25", "db")
    assert (code, said) == (0, "Updated toxic 'slow' on proxy 'db'\n")
    (toxic,) = api.proxies()["db"]["toxics"]
    assert (toxic["attributes"], toxic["toxicity"]) == ({"latency": 100, "jitter": 25}, 0.5)
    code, said = run("inspect", "db")
    assert code == 0
    assert "type=latency stream=downstream toxicity=0.50 attributes=[ jitter=25 latency=100 ]" in " ".join(said.split())
    assert run("toxic", "delete", "-n", "slow", "db") == (0, "Removed toxic 'slow' on proxy 'db'\n")
    assert api.proxies()["db"]["toxics"] == []


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("create", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:9", "db"), "409: proxy already exists"),
        (("inspect", "nobody"), "404: proxy not found"),
        (("toxic", "delete", "-n", "nobody", "db"), "404: toxic not found"),
        (("toxic", "add", "-t", "poison", "-n", "x", "-a", "a=1", "db"), "400: invalid toxic type"),
    ],
    ids=["twice", "no proxy", "no toxic", "no type"],
)
def test_what_is_wrong_is_said_in_the_servers_words(run, command, why):
    code, said = run(*command)
    assert code != 0
    assert f"HTTP {why}" in said
