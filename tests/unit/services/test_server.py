from __future__ import annotations

import contextlib
import socket
import time
from types import SimpleNamespace

import pytest
from tests.docker import COMMAND, REDIS, answers, session

from pytest_netchaos.errors import DockerUnavailable, EngineError, LinkClosed, ServiceError
from pytest_netchaos.network import Network
from pytest_netchaos.seeds import derive_seed
from pytest_netchaos.services.server import probe
from pytest_netchaos.services.toxiproxy.api import Api
from pytest_netchaos.session.choices import TOXIPROXY_IMAGE

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def docker():
    with session() as docker:
        yield docker


@pytest.fixture
def network(engine, docker):
    """A network whose links go nowhere: they are the engine's business."""
    made = Network(lambda: engine, docker=lambda: docker)
    yield made
    made.close()


def redis(network, **more):
    return network.container(REDIS, **{"command": COMMAND, "port": 6379, "ready": is_redis} | more)


def is_redis(host, port):
    return answers((host, port))


def test_it_knows_when_it_was_away(network):
    server = redis(network, name="cache")
    times = [server.pause(), server.resume(), time.monotonic(), server.kill(), server.start()]
    server.restart()
    paused, killed, stopped = network.outages()
    assert (paused, killed, stopped) == server.outages
    assert (paused.kinds, killed.kinds, stopped.kinds) == (("pause",), ("kill",), ("stop",))
    assert (paused.started_at, paused.healed_at, killed.healed_at) == (times[0], times[1], times[4])
    assert times[2] <= killed.started_at < times[3], "when it was asked for: clients heard of it before it was over"
    assert [note.text.partition(" ")[0] for note in network.all_notes()] == ["cache:"] * 6


def test_a_paused_server_that_seems_ready_is_not_back(network):
    server = redis(network, ready=None)
    server.pause()
    server.wait_ready()
    assert server.outages[-1].healed_at is None
    assert server.resume() == server.outages[-1].healed_at


def run_of(docker):
    return docker.client.containers.list(all=True, filters={"label": f"pytest-netchaos.run={docker.owner.run}"})


def test_each_verb(network):
    server = redis(network)
    address = server.address(6379)
    assert server.state == "running"
    began = time.monotonic()
    times = [server.pause()]
    assert server.state == "paused"
    assert not answers(address)
    times.append(server.resume())
    assert answers(address)
    times.append(server.kill())
    assert server.state == "down"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 10)
    times.append(server.start())
    assert answers(address)
    times.append(server.stop())
    assert server.state == "down"
    times.append(server.restart())
    times.append(server.restart())
    assert answers(address)
    times.append(server.wait_ready())
    assert times == sorted(times)
    assert began <= times[0]
    assert times[-1] <= time.monotonic()
    assert server.address(6379) == address, "the same for life"
    assert repr(server) == f"<server {server.name} of {REDIS}: running>"
    server.close()
    assert server.state == "gone"


@pytest.mark.parametrize("verb", ["pause", "resume", "kill", "stop"])
def test_what_a_server_that_is_down_can_not_do(network, verb):
    server = redis(network)
    server.kill()
    with pytest.raises(ServiceError, match="is down, so it can't be"):
        getattr(server, verb)()
    server.close()


@pytest.mark.parametrize("ready", ["Ready to accept connections", is_redis, None], ids=["text", "function", "default"])
def test_ways_to_know_that_it_is_ready(network, ready):
    server = redis(network, ready=ready)
    assert answers(server.address(6379))
    server.kill()
    server.start()
    assert answers(server.address(6379)), "it is asked again at each start"


def test_a_server_without_a_port(network):
    server = network.container(REDIS, command=COMMAND)
    assert server.state == "running"
    assert server.links == {}
    with pytest.raises(ServiceError, match=r"has no link: netchaos.container\(…, port=…\) makes one"):
        _ = server.link


def test_several_ports_have_a_link_each(network):
    server = network.container(TOXIPROXY_IMAGE, port=[8474, 8666], name="two")
    assert list(server.links) == [8474, 8666]
    assert [link.name for link in server.links.values()] == ["two", "two:8666"]
    assert server.link is server.links[8474]
    assert server.address(8474) != server.address(8666)
    server.kill()
    for port in server.links:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address(port), 10)


def test_its_links_are_named_after_the_image_so_that_seeds_are_the_same_in_each_run(network, engine):
    first, second = redis(network), redis(network)
    assert [first.link.name, second.link.name] == ["redis", "redis #2"]
    assert [seed for *_, seed in engine.opened] == [derive_seed(0, "redis"), derive_seed(0, "redis #2")]
    assert first.name != second.name


def test_others_of_the_run_find_it_by_its_name_and_by_the_one_that_was_given(network):
    server = redis(network, name="the-db")
    other = network.container(TOXIPROXY_IMAGE, port=[8474, 8666, 8667])
    with contextlib.closing(Api(*other.address(8474))) as api:
        for port, name in ((8666, "the-db"), (8667, server.name)):
            api.create(name, f"0.0.0.0:{port}", f"{name}:6379")
            assert answers(other.address(port))


def test_its_environment(network, docker):
    server = redis(network, env={"WORD": "here"})
    assert "WORD=here" in docker.client.containers.get(server.name).attrs["Config"]["Env"]


def test_one_that_does_not_start_shows_its_log_and_leaves_nothing(network, docker):
    before = len(run_of(docker))
    with pytest.raises(ServiceError) as caught:
        redis(network, command=["redis-server", "--no-such-setting", "1"])
    assert "did not start: it ended with exit code 1" in str(caught.value)
    assert "Bad directive" in str(caught.value)
    assert len(run_of(docker)) == before


def test_one_that_is_never_ready_shows_its_log_and_leaves_nothing(network, docker):
    before = len(run_of(docker))
    with pytest.raises(ServiceError, match=r"(?s)is not ready after 0\.2 s: it is running.*Ready to accept"):
        redis(network, ready="no such line", timeout=0.2)
    assert len(run_of(docker)) == before


def test_a_function_that_fails_is_the_tests_own_affair(network, docker):
    before = len(run_of(docker))
    with pytest.raises(ZeroDivisionError):
        redis(network, ready=lambda *_: 1 / 0)
    assert len(run_of(docker)) == before


def test_a_link_that_can_not_be_made_leaves_no_container(network, docker, engine):
    before = len(run_of(docker))
    engine.fails_with = EngineError("no room")
    with pytest.raises(EngineError, match="no room"):
        redis(network)
    assert len(run_of(docker)) == before


def test_containers_end_with_their_network(engine, docker):
    network = Network(lambda: engine, docker=lambda: docker)
    server = redis(network)
    network.close()
    assert server.state == "gone"
    assert [link.calls[-1] for link in engine.links] == [("close",)]


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"image": ""}, ValueError, "image must be the name of an image such as 'redis:7', not ''"),
        ({"image": " "}, ValueError, "image must be the name of an image such as 'redis:7', not ' '"),
        ({"image": None}, TypeError, "image must be the name of an image such as 'redis:7', not None"),
        ({"port": "6379"}, TypeError, "port must be a whole number, or several, not '6379'"),
        ({"port": b"6379"}, TypeError, "port must be a whole number, or several, not b'6379'"),
        ({"port": ["6379"]}, TypeError, "port must be a whole number, or several, not ['6379']"),
        ({"port": {6379: 1}}, TypeError, "port must be a whole number, or several, not {6379: 1}"),
        ({"port": None}, TypeError, "port must be a whole number, or several, not None"),
        ({"port": 1.0}, TypeError, "port must be a whole number, or several, not 1.0"),
        ({"port": True}, TypeError, "port must be a whole number, or several, not True"),
        ({"port": 0}, ValueError, "port must be a whole number from 1 to 65535, not 0"),
        ({"port": (1, 70000)}, ValueError, "port must be a whole number from 1 to 65535, not 70000"),
        ({"port": [1, 1]}, ValueError, "port must name each port once, not [1, 1]"),
        ({"command": "a b"}, TypeError, "command must be a list of words, not a text: write ['a', 'b'], and not 'a b'"),
        ({"command": ["a", 1]}, TypeError, "command must be a list of words, not ['a', 1]"),
        ({"command": {"a"}}, TypeError, "command must be a list of words, not {'a'}"),
        ({"ready": 5}, TypeError, "ready must be a text in the server's log, a function of host and port"),
        ({"ready": ""}, ValueError, "ready must be a text in the server's log or a function, not ''"),
        ({"env": ["A=1"]}, TypeError, "env must be a mapping of names to texts such as {'WORD': 'x'}, not ['A=1']"),
        ({"env": {"A": 1}}, TypeError, "env must be a mapping of names to texts, and 'A': 1 isn't"),
        ({"env": {"A=": "1"}}, ValueError, "env must be a mapping of names to texts, and 'A=': '1' can't be"),
        ({"timeout": -1}, ValueError, "timeout must be above 0 and up to 86400, not "),
        ({"timeout": 0}, ValueError, "timeout must be above 0 and up to 86400, not "),
        ({"timeout": "5"}, TypeError, "timeout must be a number, not '5'"),
        ({"timeout": float("nan")}, ValueError, "timeout must be above 0 and up to 86400, not "),
        ({"name": ""}, ValueError, "name must be a text that tells links apart, not ''"),
        ({"name": 5}, ValueError, "name must be a text that tells links apart, not 5"),
        ({"name": "taken"}, ValueError, "name must be unique in a test, and there is a link 'taken' already"),
        (
            {"name": "tak", "port": [1, 2]},
            ValueError,
            "name must be unique in a test, and there is a link 'tak:2' already",
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused_before_docker_is_asked_for_anything(engine, wrong, error, said):
    network = Network(lambda: engine, docker=lambda: pytest.fail("Docker was asked for"))
    network.link(1, name="taken")
    network.link(1, name="tak:2")
    with pytest.raises(error) as caught:
        network.container(**{"image": REDIS} | wrong)
    assert str(caught.value).startswith(said)


def test_no_container_is_made_after_its_test(engine):
    network = Network(lambda: engine, docker=lambda: pytest.fail("Docker was asked for"))
    network.close()
    with pytest.raises(LinkClosed, match=r"^netchaos\.container\(\) after the end of the test"):
        network.container(REDIS)


def test_a_network_without_docker(engine):
    with pytest.raises(DockerUnavailable, match="made without a way to Docker"):
        Network(lambda: engine).container(REDIS)


# What proves that it serves, without a container


def fake(address=("127.0.0.1", 1), log="", is_running=True):
    return SimpleNamespace(address=lambda _: address, log_tail=lambda _: log, is_running=is_running)


def test_a_text_is_looked_for_in_the_log():
    assert probe(fake(log="a\nready\n"), "ready", None)()
    assert not probe(fake(log="a\n"), "ready", 80)()


@pytest.mark.parametrize(("said", "expected"), [(True, True), (1, True), ("", False), (None, False)])
def test_a_function_says_so(said, expected):
    asked = []
    assert probe(fake(("h", 5)), lambda *address: asked.append(address) or said, 80)() is expected
    assert asked == [("h", 5)]


def test_a_function_may_fail_to_connect():
    def refused(*_):
        raise ConnectionRefusedError

    assert not probe(fake(), refused, 80)()


def test_without_a_port_to_run_is_enough():
    assert probe(fake(), None, None)()
    assert not probe(fake(is_running=False), None, None)()


@pytest.mark.parametrize(
    ("does", "serves"),
    [(lambda peer: peer.sendall(b"hello"), True), (lambda _: None, True), (lambda peer: peer.close(), False)],
    ids=["greets", "waits", "hangs-up"],
)
def test_by_default_somebody_has_to_keep_a_connection(does, serves, in_thread):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked = in_thread(probe(fake(listener.getsockname()), None, 80))
        peer, _ = listener.accept()
        with peer:
            does(peer)
            assert asked() is serves


def test_by_default_nobody_serves_where_nobody_listens():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        assert not probe(fake(sock.getsockname()), None, 80)()
