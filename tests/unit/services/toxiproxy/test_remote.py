from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import time

import pytest
from tests.scripted import as_json, http, scripted

from pytest_netchaos.addresses import upstream
from pytest_netchaos.engines.toxiproxy import ToxiproxyEngine
from pytest_netchaos.errors import EngineError
from pytest_netchaos.faults import Delay
from pytest_netchaos.services.docker.owner import Owner
from pytest_netchaos.services.toxiproxy import names, remote
from pytest_netchaos.services.toxiproxy.api import NotToxiproxy
from pytest_netchaos.services.toxiproxy.remote import Place, RemoteToxiproxy, own_address, parse

KILLED = """
import os, signal, sys
from pytest_netchaos.addresses import upstream
from pytest_netchaos.engines.toxiproxy import ToxiproxyEngine
from pytest_netchaos.services.docker.owner import Owner
from pytest_netchaos.services.toxiproxy.remote import RemoteToxiproxy

engine = ToxiproxyEngine(RemoteToxiproxy(sys.argv[1]), Owner.here("run", "gw0"))
engine.open("db", upstream("127.0.0.1:1"), "127.0.0.1", 0, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def engine(url, here):
    """Make engines on the real Toxiproxy."""
    made = []

    def make(query=""):
        made.append(ToxiproxyEngine(RemoteToxiproxy(url + query), here))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def open_link(engine, name="db"):
    return engine.open(name, upstream("127.0.0.1:1"), "127.0.0.1", 0, 1)


def free_ports(count):
    """Ports that follow each other, and that nobody has now; no other worker looks at them."""
    for first in range(20_000 + os.getpid() % (10_000 // count) * count, 40_000, count):
        try:
            for port in range(first, first + count):
                socket.create_server(("0.0.0.0", port)).close()
        except OSError:
            continue
        return first
    raise AssertionError


# URLs


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1", Place("127.0.0.1", 8474, None, "")),
        ("http://toxi.example:9000/", Place("toxi.example", 9000, None, "")),
        ("http://[::1]:9000", Place("::1", 9000, None, "")),
        ("http://h?ports=5", Place("h", 8474, (5,), "")),
        ("http://h?ports=8666-8668&host=10.0.0.5", Place("h", 8474, (8666, 8667, 8668), "10.0.0.5")),
        ("http://h/?host=me", Place("h", 8474, None, "me")),
    ],
)
def test_urls(url, place):
    assert parse(url) == place


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h", "an http:// URL of a Toxiproxy's API"),
        ("http://", "an http:// URL"),
        ("http://:8474", "an http:// URL"),
        ("http://h/proxies", "an http:// URL"),
        ("http://h:0", "an http:// URL"),
        ("http://h:65536", "an http:// URL"),
        ("http://h:port", "an http:// URL"),
        ("http://[::1", "an http:// URL"),
        ("http://user:secret@h", "an http:// URL"),
        ("http://h?ports=", "a URL whose ports= is a port or a range, such as ports=8666-8697"),
        ("http://h?ports=0", "a URL whose ports="),
        ("http://h?ports=5-4", "a URL whose ports="),
        ("http://h?ports=1-70000", "a URL whose ports="),
        ("http://h?ports=1,2", "a URL whose ports="),
        ("http://h?ports=-5", "a URL whose ports="),
        ("http://h?host=", "a URL whose host= is this machine's address"),
        ("http://h?port=1&hosts=x", r"a URL whose query has nothing but ports= and host= (not hosts, port=)"),
    ],
)
def test_what_is_no_url_of_a_toxiproxy(url, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is what counts
        parse(url)
    assert str(caught.value).startswith(expected)


# Who is there


@pytest.mark.parametrize("answer", [http(200, "<html>"), http(404, "404 page not found"), http(200, "2.1.4")])
def test_what_is_no_toxiproxy_is_refused(answer):
    with scripted(lambda *_: answer) as server, pytest.raises(NotToxiproxy):
        RemoteToxiproxy(f"http://127.0.0.1:{server.port}")


def test_nobody_is_there():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(EngineError, match="no Toxiproxy answers at"):
            RemoteToxiproxy(f"http://127.0.0.1:{sock.getsockname()[1]}")


def elsewhere(server, monkeypatch):
    """A Toxiproxy that seems to be on another machine."""
    monkeypatch.setattr(remote, "_is_loopback", lambda _: False)
    return RemoteToxiproxy(f"http://127.0.0.1:{server.port}")


def answer(_, path, __):
    return as_json(200, {"version": "2.12.0"} if path == "/version" else {})


def test_one_on_another_machine_has_to_be_told_how_to_reach_us(monkeypatch):
    with scripted(answer) as server:
        there = elsewhere(server, monkeypatch)
        with pytest.raises(EngineError) as caught:
            _ = there.way_back
        where = f"127.0.0.1:{server.port}"
        assert str(caught.value) == (
            f"the Toxiproxy at {where} has to reach this machine: say by which address, as in "
            f"--netchaos-engine='http://{where}?host=127.0.0.1'"
        )
        assert there.seat().listen == "0.0.0.0:0"
        there.stop()


@pytest.mark.parametrize(
    ("host", "listen"), [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("no-such-host.invalid", "127.0.0.1")]
)
def test_the_way_back_that_the_url_says(host, listen):
    with scripted(answer) as server:
        there = RemoteToxiproxy(f"http://127.0.0.1:{server.port}?host={host}")
        assert (there.way_back.listen, there.way_back.name) == (listen, host)
        there.stop()


def test_our_own_address():
    assert own_address("127.0.0.1") == "127.0.0.1"
    assert own_address("no-such-host.invalid") == "ADDRESS"


def test_where_it_listens_and_where_we_dial(monkeypatch):
    with scripted(answer) as server:
        near = RemoteToxiproxy(f"http://localhost:{server.port}")
        seat = near.seat()
        assert (seat.listen, seat.host) == (f"127.0.0.1:{seat.port}", "127.0.0.1")
        seat.leave()
        ranged = RemoteToxiproxy(f"http://127.0.0.1:{server.port}?ports=5-6")
        assert (ranged.seat().listen, ranged.seat().address("0.0.0.0:9")) == ("0.0.0.0:5", ("127.0.0.1", 6))
        near._api.host, near._is_near = "2001:db8::1", False
        assert (near.seat().listen, near.seat().host) == ("[::]:0", "2001:db8::1")
        near._api.host = "127.0.0.1"
        for each in (near, ranged):
            assert each.is_alive
            assert each.obituary() == ""
            assert repr(each) == f"<Toxiproxy at {each.api.where}>"
            each.stop()


# Proxies, on a real one


def test_links_come_and_go_and_proxies_of_others_are_left_alone(engine, toxiproxy, here):
    toxiproxy.api.create("somebody-elses", "127.0.0.1:0", "127.0.0.1:1")
    toxiproxy.api.add_toxic("somebody-elses", "slow", "latency", "upstream", {"latency": 5})
    before = toxiproxy.api.proxies()
    made = engine()
    link = open_link(made, "my db")
    (ours,) = toxiproxy.api.proxies().keys() - before.keys()
    assert ours.startswith(names.label(here) + "-")
    assert ours.endswith("-my-db")
    link.heal(link.inject(Delay(0.1), None))
    link.close()
    assert toxiproxy.api.proxies() == before
    made.stop()
    assert toxiproxy.api.proxies() == before
    toxiproxy.api.delete("somebody-elses")


def test_links_that_nobody_has_closed_are_gone_with_their_engine(engine, toxiproxy):
    made = engine()
    for n in range(3):
        open_link(made, f"db{n}")
    assert len(toxiproxy.api.proxies()) == 3
    made.stop()
    assert toxiproxy.api.proxies() == {}


def test_an_engine_that_follows_another_one_finds_its_names_free(engine, toxiproxy):
    """One that has died may have left some: its links are closed when its test ends."""
    first, second = engine(), engine()
    links = [open_link(first), open_link(second)]
    assert len(toxiproxy.api.proxies()) == 2
    for link in links:
        link.close()


def test_the_ports_of_the_url_are_used_and_given_back(engine):
    first = free_ports(2)
    made = engine(f"?ports={first}-{first + 1}&host=127.0.0.1")
    links = [open_link(made), open_link(made)]
    with pytest.raises(EngineError, match=r"each port that http://.* allows \(ports=…\) has a link already"):
        open_link(made)
    listening = [proxy["listen"].rpartition(":")[2] for proxy in made.server.api.proxies().values()]
    assert sorted(listening) == [str(first), str(first + 1)]
    links[1].close()
    open_link(made).close()
    links[0].close()


def test_two_workers_that_share_a_range_take_different_ports(engine):
    first = free_ports(2)
    query = f"?ports={first}-{first + 1}&host=127.0.0.1"
    one, other = engine(query), engine(query)
    link = open_link(one)
    open_link(other).close()
    second = open_link(other)
    with pytest.raises(EngineError, match="has a link already"):
        open_link(other)
    link.close()
    open_link(other).close()
    second.close()


def test_a_proxy_that_can_not_be_made_leaves_nothing(engine):
    made = engine("?ports=1-1&host=127.0.0.1")
    made.server._free = [70_000]
    for _ in range(2):
        with pytest.raises(EngineError, match="refused POST /proxies: 500"):
            open_link(made)
    assert made.server.api.proxies() == {}
    assert made.server._free == [70_000]


# What the dead have left


def test_what_a_killed_run_has_left_is_taken_away_by_the_next_one(url, toxiproxy):
    done = subprocess.run([sys.executable, "-c", KILLED, url], check=False)
    assert done.returncode == -9
    assert len(toxiproxy.api.proxies()) == 1
    RemoteToxiproxy(url).stop()
    assert toxiproxy.api.proxies() == {}


def test_what_lives_or_is_not_ours_is_left_alone(url, toxiproxy, here, dead):
    owners = [here, dataclasses.replace(dead, host="another/machine/1"), dataclasses.replace(dead, started="")]
    kept = [names.name(names.label(owner), 1, "db") for owner in owners]
    kept += ["redis", "netchaos-old-main-1-db"]
    gone = [names.name(names.label(dead), n, "db") for n in range(3)]
    for name in kept + gone:
        toxiproxy.api.create(name, "127.0.0.1:0", "127.0.0.1:1")
    RemoteToxiproxy(url).stop()
    assert sorted(toxiproxy.api.proxies()) == sorted(kept)
    for name in kept:
        toxiproxy.api.delete(name)


def test_a_pid_that_was_given_out_again_is_a_dead_owner(url, toxiproxy):
    again = dataclasses.replace(Owner.here("run", "main"), started="1")
    toxiproxy.api.create(names.name(names.label(again), 1, "db"), "127.0.0.1:0", "127.0.0.1:1")
    RemoteToxiproxy(url).stop()
    assert toxiproxy.api.proxies() == {}


def test_a_server_that_can_not_list_its_proxies_is_used_all_the_same():
    def hangs_or_fails(_, path, __):
        return as_json(200, {"version": "2.12.0"}) if path == "/version" else as_json(503, {"error": "busy"})

    before = time.monotonic()
    with scripted(hangs_or_fails) as server:
        RemoteToxiproxy(f"http://127.0.0.1:{server.port}").stop()
    assert time.monotonic() - before < 10
