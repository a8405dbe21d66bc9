from __future__ import annotations

import contextlib
import errno
import http.client
import resource
from pathlib import Path

import pytest

from pytest_netchaos.addresses import upstream
from pytest_netchaos.engines import audit
from pytest_netchaos.engines.embedded import EmbeddedEngine
from pytest_netchaos.faults import Cut


@pytest.fixture
def engine():
    made = EmbeddedEngine()
    yield made
    made.stop()


@pytest.fixture
def link(engine):
    made = engine.open("db", upstream("127.0.0.1:1"), "127.0.0.1", 0, 7)
    yield made
    made.close()


def ask(address, path):
    with contextlib.closing(http.client.HTTPConnection(address.host, address.port, timeout=10)) as client:
        client.request("GET", path)
        response = client.getresponse()
        return response.status, response.read()


def test_its_api_is_served_once(engine):
    address = engine.api(5)
    assert engine.api(6) == address
    assert not address.is_shared
    assert ask(address, "/proxies") == (200, b"{}")
    assert ask(address, "/metrics")[0] == 404


def test_its_api_ends_with_it(engine):
    address = engine.api()
    assert ask(address, "/version")[0] == 200
    engine.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(address, "/version")


@pytest.fixture
def few_descriptors():
    """Have a soft limit of descriptors that is below the hard one, as most shells do."""
    soft, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = min(soft, hard - 1, 1024)
    assert few > len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    yield few
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_relay_may_have_as_many_descriptors_as_the_system_allows(few_descriptors, engine):
    soft, hard = resource.prlimit(engine.pid, resource.RLIMIT_NOFILE)
    assert soft == hard > few_descriptors
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == few_descriptors, "that of the tests stays"


def test_a_limit_that_may_not_be_raised_stays(monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "")

    monkeypatch.setattr(resource, "prlimit", refuse)
    engine = EmbeddedEngine()
    assert engine.sees_all_dials() in (True, False)
    engine.stop()


def test_what_the_relay_turns_out_not_to_see_is_overheard(link):
    link.event("blind", 1.0, "Too many open files")
    assert link.log.blind == "dials that were refused to other processes can't be seen: Too many open files"
    assert (link.host, link.port) in audit._wanted


def test_no_event_is_dated_before_the_one_that_was_told_before_it(link):
    """By the kernel's time the client dialled while the relay was still carrying out what made it dial."""
    number = link.number(Cut(), None)
    link.event("dial", 1.0, "1", "127.0.0.1:9")
    link.event("open", 1.1, "1", "1")
    link.event("close", 2.0, "1", "fault", "RST", "cut")
    link.event("on", 2.1, str(number), "1", "1")
    link.event("dial", 1.9, "2", "127.0.0.1:10")
    link.event("refused", 1.9, "2", "cut")
    link.event("dial", 2.5, "3", "127.0.0.1:11")
    history = link.log.history(3.0)
    assert [dial.at for dial in history.dials] == [1.0, 2.1, 2.5]
    assert history.dials[1].ended_at == history.faults[0].started_at == 2.1
    assert [dial.waited for dial in history.dials] == [None, pytest.approx(0.1), pytest.approx(0.4)]
