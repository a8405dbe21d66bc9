from __future__ import annotations

import threading

import pytest

from pytest_netchaos import ServiceError
from pytest_netchaos.engines import embedded, toxiproxy
from pytest_netchaos.errors import DockerUnavailable, EngineError, PortInUse
from pytest_netchaos.options import Settings
from pytest_netchaos.services import redis, redis_at, redis_container
from pytest_netchaos.services.docker import session
from pytest_netchaos.services.toxiproxy import container, local, remote
from pytest_netchaos.session import choices
from pytest_netchaos.session import resources as resources_module
from pytest_netchaos.session.choices import EMBEDDED, Choice
from pytest_netchaos.session.resources import Resources

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


def test_an_engine_that_fails_beside_redis_says_so_when_it_is_used(make):
    resources, started = make("docker", engine_error=ServiceError("no room"))
    resources.redis()
    for _ in range(2):
        with pytest.raises(ServiceError, match=r"^no room$"):
            resources.engine()
    assert len(started) == 1


def test_an_engine_beside_a_redis_that_fails_is_ended_all_the_same(make):
    resources, started = make("docker", redis_error=ServiceError("no"))
    with pytest.raises(ServiceError):
        resources.redis()
    resources.close()
    assert started[0].stopped


def test_an_engine_that_nobody_asks_for_is_ended_all_the_same(make):
    resources, started = make("docker")
    resources.redis()
    resources.close()
    assert started[0].stopped


def test_a_ctrl_c_does_not_wait_for_the_engines_image_and_what_comes_of_it_is_ended(make, monkeypatch):
    monkeypatch.setattr(resources_module, "_LAST_WORD", 0.001)
    resources, _ = make("docker", redis_error=KeyboardInterrupt())
    pulled, stopped, asked = threading.Event(), threading.Event(), resources._start_engine
    engine = FakeEngine()
    engine.stop = stopped.set

    def pull(choice):
        asked(choice)
        assert pulled.wait(SOON)
        return engine

    monkeypatch.setattr(resources, "_start_engine", pull)
    with pytest.raises(KeyboardInterrupt):
        resources.redis()
    resources.close()
    assert not stopped.is_set()
    pulled.set()
    assert stopped.wait(SOON)


def test_redis_does_not_wait_for_the_engine_and_who_asks_for_the_engine_does(make, monkeypatch):
    resources, _ = make("docker")
    go, engine, asked = threading.Event(), FakeEngine(), resources._start_engine

    def slow(choice):
        asked(choice)
        assert go.wait(SOON)
        return engine

    monkeypatch.setattr(resources, "_start_engine", slow)
    resources.redis()
    go.set()
    assert resources.engine() is engine
    resources.close()
    assert engine.stopped


def test_after_one_that_was_started_beside_redis_and_died_there_is_a_new_one(make):
    resources, started = make("docker")
    resources.redis()
    resources.engine().is_alive = False
    assert resources.engine() is started[1]
    resources.close()
    assert [each.stopped for each in started] == [True, True]


# What is made of which setting


@pytest.fixture
def world(monkeypatch):
    """Everything that can be started, without starting it; a list of what is done to it."""
    said = []

    def fake(name, *verbs):
        class Fake:
            fails_with = None
            is_alive = True

            def __init__(self, *args, **kwargs):
                said.append((name, *(type(a).__name__ if hasattr(a, "is_fake") else a for a in args), *kwargs.items()))
                if Fake.fails_with is not None:
                    raise Fake.fails_with

            is_fake = True

        for verb in verbs:
            setattr(Fake, verb, lambda _, verb=verb: said.append((name, verb)))
        Fake.__name__ = name
        return Fake

    places = {
        "relay": (embedded, "EmbeddedEngine", "stop"),
        "engine": (toxiproxy, "ToxiproxyEngine", "stop"),
        "docker": (session, "Docker", "close"),
        "local": (local, "LocalToxiproxy", "stop"),
        "remote": (remote, "RemoteToxiproxy", "stop"),
        "container": (container, "ContainerToxiproxy", "stop"),
        "redis": (redis, "RedisServer", "start", "close"),
        "redis-at": (redis_at, "RedisAt", "start", "close"),
        "redis-container": (redis_container, "RedisContainer", "start", "close"),
    }
    fakes = {}
    for name, (module, attribute, *verbs) in places.items():
        fakes[name] = fake(name, *verbs)
        monkeypatch.setattr(module, attribute, fakes[name])
    fakes["said"] = said
    return fakes


def resources_of(engine=EMBEDDED, redis=EMBEDDED, worker="main"):
    return Resources(Settings(1, 5.0, engine, redis, docker_host="10.0.0.1"), "run", worker, str)


def test_nothing_is_started_before_it_is_used(world):
    resources_of(Choice("docker", "t"), Choice("docker", "r")).close()
    assert world["said"] == []


@pytest.mark.parametrize(
    ("choice", "started"),
    [
        (Choice("toxiproxy", "program"), [("local", "program")]),
        (Choice("url", "http://h"), [("remote", "http://h")]),
        (Choice("docker", "image"), [
            ("docker", "run", "main", ("report", str), ("host", "10.0.0.1")), ("container", "docker", "image"),
        ]),
    ],
)  # fmt: skip
def test_an_engine_is_made_once_with_its_server_and_its_owner(world, choice, started):
    resources = resources_of(choice)
    first = resources.engine()
    assert resources.engine() is first
    said = world["said"]
    assert said[:-1] == started
    kind, server, owner = said[-1]
    assert (kind, server) == ("engine", started[-1][0])
    assert (owner.run, owner.worker) == ("run", "main")
    resources.close()
    assert ("engine", "stop") in said


def test_the_embedded_engine_needs_no_server(world):
    resources = resources_of()
    resources.engine()
    resources.close()
    assert world["said"] == [("relay",), ("relay", "stop")]


def test_a_dead_engine_is_followed_by_a_new_one(world):
    resources = resources_of()
    first = resources.engine()
    first.is_alive = False
    second = resources.engine()
    assert second is not first
    assert resources.engine() is second
    resources.close()
    assert world["said"].count(("relay", "stop")) == 2


def test_a_server_whose_engine_can_not_be_made_is_stopped(world):
    world["engine"].fails_with = EngineError("no relay")
    with pytest.raises(EngineError, match="no relay"):
        resources_of(Choice("toxiproxy", "p")).engine()
    assert world["said"][-1] == ("local", "stop")


def test_a_daemon_that_can_not_be_had_is_not_looked_for_again(world):
    resources = resources_of(Choice("docker", "t"), Choice("docker", "r"))
    world["docker"].fails_with = DockerUnavailable("no daemon")
    heard = []
    for ask in (resources.engine, resources.redis, resources.docker, resources.redis_factory, resources.engine):
        with pytest.raises(DockerUnavailable, match=r"^no daemon$") as caught:
            ask()
        heard.append(caught.value)
    assert len(set(map(id, heard))) == len(heard), "each test has an error, and a traceback, of its own"
    assert [words[0] for words in world["said"]] == ["docker"]
    resources.close()


@pytest.mark.parametrize("error", [EngineError("hangs"), PortInUse("taken"), ServiceError("no such image")])
@pytest.mark.parametrize("kind", ["docker", "toxiproxy", "embedded"])
def test_an_engine_that_can_not_be_started_is_not_started_again(world, kind, error):
    failing = world["relay" if kind == "embedded" else "engine"]
    failing.fails_with = error
    resources = resources_of(Choice(kind, "x"))
    for _ in range(2):
        with pytest.raises(type(error), match=f"^{error}$"):
            resources.engine()
    assert sum(words[0] in {"relay", "engine"} and words[1:] != ("stop",) for words in world["said"]) == 1
    resources.close()


def test_a_programming_error_is_no_failed_start(world):
    world["relay"].fails_with = ZeroDivisionError()
    resources = resources_of()
    with pytest.raises(ZeroDivisionError):
        resources.engine()
    world["relay"].fails_with = None
    resources.engine()
    resources.close()


def test_everything_ends_the_latest_first(world):
    resources = resources_of(Choice("docker", "t"), Choice("docker", "r"))
    resources.redis()
    resources.engine()
    resources.close()
    ends = [words for words in world["said"] if words[1:] in {("stop",), ("close",)}]
    assert ends == [("engine", "stop"), ("redis-container", "close"), ("docker", "close")]


def test_engine_redis_and_tests_share_one_connection_to_docker(world):
    resources = resources_of(Choice("docker", "t"), Choice("docker", "r"))
    resources.engine()
    resources.redis()
    assert resources.docker() is resources.docker()
    assert [words[0] for words in world["said"]].count("docker") == 1


@pytest.mark.parametrize(
    ("choice", "made"),
    [
        (EMBEDDED, ("redis", ("binary", None))),
        (Choice("local", "redis-server"), ("redis", ("binary", "redis-server"))),
        (Choice("url", "redis://h"), ("redis-at", "redis://h", ("worker", 0))),
        (Choice("docker", "redis:7"), ("redis-container", "docker", ("image", "redis:7"))),
    ],
)
def test_a_redis_is_made_once_and_runs(world, choice, made):
    resources = resources_of(redis=choice)
    first = resources.redis()
    assert resources.redis() is first
    assert [words for words in world["said"] if words[0] == made[0]] == [made, (made[0], "start")]
    resources.close()
    assert world["said"].count((made[0], "close")) == 1


def test_a_redis_that_does_not_start_is_closed_and_not_started_again(world):
    def fail(_):
        world["said"].append(("redis", "fails"))
        raise ServiceError("no luck")

    world["redis"].start = fail
    resources = resources_of()
    for _ in range(2):
        with pytest.raises(ServiceError, match=r"^no luck$"):
            resources.redis()
    resources.close()
    assert world["said"].count(("redis", "fails")) == 1
    assert world["said"].count(("redis", "close")) == 1


@pytest.mark.parametrize(("worker", "number"), [("main", 0), ("gw0", 0), ("gw13", 13), ("gwen", 0), ("remote-1", 0)])
def test_each_worker_has_a_database_of_its_own(world, worker, number):
    resources_of(redis=Choice("url", "redis://h"), worker=worker).redis()
    assert world["said"][0] == ("redis-at", "redis://h", ("worker", number))
