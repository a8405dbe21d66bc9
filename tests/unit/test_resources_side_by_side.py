from __future__ import annotations

import threading

import pytest

from pytest_netchaos import ServiceError, choices
from pytest_netchaos.options import Settings
from pytest_netchaos.resources import Resources

SOON = 5.0


class FakeEngine:
    is_alive = True
    stopped = False

    def stop(self):
        self.stopped = True


class FakeRedis:
    """A server that starts once somebody says so."""

    def __init__(self, go, error=None):
        self._go = go
        self._error = error

    def start(self):
        assert self._go.wait(SOON), "nobody else was started meanwhile"
        if self._error:
            raise self._error

    def close(self):
        pass


@pytest.fixture
def make(monkeypatch):
    """Make resources whose engine and Redis are fakes; the Redis is up once the engine was asked for."""

    def resources(engine, redis="docker", engine_error=None, redis_error=None):
        made = Resources(Settings(0, 5.0, choices.engine(engine), choices.redis(redis)), "run", "main", print)
        asked = threading.Event()
        started = []

        def start(_choice):
            asked.set()
            started.append(FakeEngine())
            if engine_error and len(started) == 1:
                raise engine_error
            return started[-1]

        monkeypatch.setattr(made, "_start_engine", start)
        monkeypatch.setattr(made, "_make_redis", lambda _choice: FakeRedis(asked, redis_error))
        if engine == "embedded":
            asked.set()
        return made, started

    return resources


def test_two_containers_are_started_side_by_side(make):
    resources, started = make("docker")
    resources.redis()  # it waits for the engine's start
    assert resources.engine() is started[0]
    resources.close()
    assert started[0].stopped


def test_an_engine_that_needs_no_container_is_started_when_it_is_used(make):
    resources, started = make("embedded")
    resources.redis()
    assert started == []


def test_an_engine_that_is_there_is_not_started_again(make):
    resources, started = make("docker")
    resources.engine()
    resources.redis()
    assert len(started) == 1


def test_an_engine_that_fails_beside_redis_is_tried_again_when_it_is_used(make):
    resources, started = make("docker", engine_error=ServiceError("no room"))
    resources.redis()
    assert resources.engine() is started[1]


def test_an_engine_beside_a_redis_that_fails_is_ended_all_the_same(make):
    resources, started = make("docker", redis_error=ServiceError("no"))
    with pytest.raises(ServiceError):
        resources.redis()
    resources.close()
    assert started[0].stopped
