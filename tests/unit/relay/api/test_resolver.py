from __future__ import annotations

import socket
import threading

import pytest

from pytest_netchaos.relay.api import resolver
from pytest_netchaos.relay.api.resolver import Resolver, numeric


@pytest.fixture
def made(loop):
    made = Resolver(loop)
    yield made
    made.close()


@pytest.fixture
def lookups(monkeypatch):
    """Lookups that end when the test says so; what is asked is noted."""
    asked, go_on = [], threading.Event()

    def ask(host, port, flags=0):
        if flags:
            raise OSError
        asked.append(host)
        assert go_on.wait(10)
        return [(socket.AF_INET, ("10.0.0.1", port)), (socket.AF_INET6, ("fd00::1", port, 0, 0))]

    monkeypatch.setattr(resolver, "_ask", ask)
    yield asked, go_on
    go_on.set()


def test_numbers_and_localhost_need_no_lookup():
    assert numeric("127.0.0.1", 5) == [(socket.AF_INET, ("127.0.0.1", 5))]
    assert numeric("::1", 5)[0][1][:2] == ("::1", 5)
    assert [address for _, address in numeric("localhost", 5)] == [("127.0.0.1", 5), ("::1", 5)]
    assert numeric("some.host", 5) == []
    assert numeric("a\0b", 5) == []


def test_one_lookup_answers_everybody_who_waits_for_it(made, lookups, spin):
    asked, go_on = lookups
    found = []
    made.look_up("a.test", 1, lambda addresses, _: found.append(addresses))
    made.look_up("a.test", 2, lambda addresses, _: found.append(addresses))
    go_on.set()
    spin(lambda: len(found) == 2)
    assert asked == ["a.test"]
    assert [[address[1] for _, address in one] for one in found] == [[1, 1], [2, 2]]


def test_a_name_is_looked_up_anew_each_time(made, lookups, spin):
    asked, go_on = lookups
    go_on.set()
    found = []
    for count in (1, 2):
        made.look_up("a.test", 1, lambda *answer: found.append(answer))
        spin(lambda count=count: len(found) == count)
    assert asked == ["a.test", "a.test"]


def test_more_lookups_than_threads_wait_for_their_turn(made, lookups, monkeypatch, spin):
    monkeypatch.setattr(resolver, "MOST_THREADS", 2)
    asked, go_on = lookups
    found = []
    for number in range(5):
        made.look_up(f"{number}.test", 1, lambda *answer: found.append(answer))
    spin(lambda: len(asked) == 2)
    assert len(asked) == 2
    go_on.set()
    spin(lambda: len(found) == 5)


def test_a_lookup_without_an_answer_is_given_up(made, lookups, monkeypatch, spin):
    monkeypatch.setattr(resolver, "PATIENCE", 0.05)
    found = []
    made.look_up("a.test", 1, lambda *answer: found.append(answer))
    spin(lambda: found)
    assert found == [([], "no answer within 0.05 s")]


def test_a_failure_says_why(made, monkeypatch, spin):
    def ask(*_):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(resolver, "_ask", ask)
    found = []
    made.look_up("a.test", 1, lambda *answer: found.append(answer))
    spin(lambda: found)
    assert found == [([], "Name or service not known")]


def test_whoever_has_an_answer_is_held_no_longer(made, lookups, loop, spin):
    lookups[1].set()
    found = []
    made.look_up("a.test", 1, lambda *answer: found.append(answer))
    (patience,) = loop._timers
    spin(lambda: found)
    assert patience[2].call is None
