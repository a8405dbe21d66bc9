from __future__ import annotations

import pytest

from pytest_netchaos.relay import retry as module
from pytest_netchaos.relay.loop import Timer
from pytest_netchaos.relay.retry import ACCEPT_PAUSE, Retry


class FakeLoop:
    def __init__(self):
        self.timers = []

    def call_at(self, when, call):
        self.timers.append(Timer(when, call))
        return self.timers[-1]


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def test_however_often_it_is_asked_there_is_one_timer(clock):
    loop = FakeLoop()
    retry = Retry(loop, list)
    assert [retry.later() for _ in range(3)] == [True, False, False]
    assert [timer.when for timer in loop.timers] == [clock[0] + ACCEPT_PAUSE]


def test_a_try_that_fails_is_followed_by_another(clock):
    loop = FakeLoop()
    retry = Retry(loop, list)
    retry.later()
    clock[0] += ACCEPT_PAUSE
    assert not retry.later()
    assert len(loop.timers) == 2


@pytest.mark.usefixtures("clock")
def test_when_it_is_over_the_next_one_is_the_first_again():
    loop = FakeLoop()
    retry = Retry(loop, list)
    retry.over()
    retry.later()
    retry.over()
    assert loop.timers[0].call is None
    assert retry.later()
