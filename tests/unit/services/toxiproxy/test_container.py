from __future__ import annotations

import time

import pytest
from tests.docker import REDIS, session

from pytest_netchaos.addresses import upstream
from pytest_netchaos.engines.toxiproxy import ToxiproxyEngine
from pytest_netchaos.errors import EngineDied, EngineError, ServiceError
from pytest_netchaos.options import Settings
from pytest_netchaos.services.toxiproxy import container as module
from pytest_netchaos.services.toxiproxy.api import NotToxiproxy
from pytest_netchaos.services.toxiproxy.container import ContainerToxiproxy
from pytest_netchaos.session.choices import TOXIPROXY_IMAGE, Choice
from pytest_netchaos.session.resources import Resources

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def docker():
    with session() as docker:
        yield docker


@pytest.fixture
def server(docker):
    made = ContainerToxiproxy(docker, TOXIPROXY_IMAGE)
    yield made
    made.stop()


def open_link(engine, name="db"):
    return engine.open(name, upstream("127.0.0.1:1"), "127.0.0.1", 0, 1)


def test_it_answers_and_says_what_it_is(server):
    assert server.api.version()
    assert server.is_alive
    assert server.obituary() == ""
    assert server.name == "docker"
    assert repr(server) == f"<Toxiproxy in 1 containers of {TOXIPROXY_IMAGE}>"


def test_more_links_than_a_container_has_ports_are_no_wall(server, here, monkeypatch):
    monkeypatch.setattr(module, "_MORE_ROOM", 2)
    engine = ToxiproxyEngine(server, here)
    links = [open_link(engine, f"db{n}") for n in range(module._FIRST_ROOM)]
    assert len(server.containers) == 1
    links += [open_link(engine, f"more{n}") for n in range(3)]
    assert len(server.containers) == 3
    assert len({link.port for link in links}) == len(links)
    links[0].close()
    links.append(open_link(engine, "in its place"))
    assert len(server.containers) == 3, "a place that was given back is taken again"
    for link in links[1:]:
        link.close()
    assert all(box.api.proxies() == {} for box in server._boxes)
    assert [len(box.free) for box in server._boxes] == [module._FIRST_ROOM, 2, 2]
    engine.stop()


def test_one_that_was_killed_is_known_and_tells_what_it_logged(server, here):
    engine = ToxiproxyEngine(server, here)
    link = open_link(engine)
    server.containers[0].kill()
    assert not server.is_alive
    assert not engine.is_alive
    assert "ended in the middle of the run: it ended with exit code 137 (SIGKILL)" in server.obituary()
    with pytest.raises(EngineDied) as caught:
        engine.check()
    assert "Starting Toxiproxy" in str(caught.value).partition("last lines of its log")[2]
    with pytest.raises(EngineDied):
        open_link(engine)
    with pytest.raises(EngineDied):
        link.close()
    engine.stop()


def test_one_that_is_paused_is_not_dead(server, here, monkeypatch):
    engine = ToxiproxyEngine(server, here)
    link = open_link(engine)
    server.containers[0].pause()
    monkeypatch.setattr(server.api, "_timeout", 0.2)
    server.api.close()  # an idle connection would say that it is there
    assert server.is_alive
    assert engine.is_alive
    engine.check()
    assert server.obituary() == ""
    with pytest.raises(EngineError, match=r"hasn't answered GET /proxies within 0\.2 s"):
        engine.call(server.api.proxies)
    server.containers[0].resume()
    link.close()
    engine.stop()


def test_after_a_dead_one_there_is_a_new_one(docker):
    resources = Resources(Settings(1, 5.0, engine=Choice("docker", TOXIPROXY_IMAGE)), "run", "main", lambda _: None)
    resources._docker = docker
    first = resources.engine()
    assert resources.engine() is first
    first.server.containers[0].kill()
    second = resources.engine()
    assert second is not first
    open_link(second).close()
    resources.close()


def test_an_image_of_something_else_is_given_up_with_its_log(docker, monkeypatch):
    monkeypatch.setattr(module, "_READY", 100.0)  # some 5 s are enough; ten times the start's on a busy machine
    with pytest.raises(
        ServiceError, match=r"toxiproxy.* is not ready after .* \(port 8474 refuses, or hangs up\): it is"
    ) as caught:
        ContainerToxiproxy(docker, REDIS)
    assert "Ready to accept connections" in str(caught.value)
    assert containers_of(docker) == []


def containers_of(docker):
    return docker.client.containers.list(all=True, filters={"label": f"pytest-netchaos.run={docker.owner.run}"})


def test_one_that_answers_wrongly_is_not_asked_again(docker, monkeypatch):
    def version(_):
        raise NotToxiproxy("the Toxiproxy at x is version 2.1.4, and 2.6.0 is the oldest that will do")

    monkeypatch.setattr(module.Api, "version", version)
    before = time.monotonic()
    with pytest.raises(ServiceError, match=r"is no Toxiproxy that will do \(the Toxiproxy at x is version 2\.1\.4"):
        ContainerToxiproxy(docker, TOXIPROXY_IMAGE)
    assert time.monotonic() - before < module._READY
