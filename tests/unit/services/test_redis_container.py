"""What is a container's own; that it does what a local server does is in test_redis.py."""

from __future__ import annotations

import socket
import time

import pytest
from tests.docker import REDIS, session

from pytest_netchaos.errors import PortInUse, ServiceError
from pytest_netchaos.services.redis_container import RedisContainer
from pytest_netchaos.session.choices import TOXIPROXY_IMAGE


@pytest.fixture(scope="module")
def docker():
    with session() as docker:
        yield docker


def test_other_containers_reach_it(docker):
    with RedisContainer(docker) as server:
        host, port = server.inside
        with RedisContainer(docker, options={"replicaof": f"{host} {port}"}) as replica:
            server.execute("SET", "k", "v")
            assert server.execute("WAIT", 1, 30_000, timeout=31) == 1
            assert replica.execute("GET", "k") == b"v"


def test_its_alias_outlives_its_container(docker):
    with RedisContainer(docker) as server:
        first, inside, address = server.container.id, server.inside, server.address
        server.restart(keep_data=False)
        assert server.container.id != first
        assert (server.inside, server.address) == (inside, address)


def test_in_the_machines_network(docker):
    with RedisContainer(docker, network="host") as server:
        assert server.execute("CONFIG", "GET", "bind") == [b"bind", b"127.0.0.1"]
        assert server.execute("CONFIG", "GET", "port") == [b"port", str(server.port).encode()]
        with pytest.raises(ServiceError, match="only containers of that network"):
            _ = server.inside


def test_a_port_that_is_taken_in_the_machines_network(docker):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(PortInUse, match=f"127.0.0.1:{port} is taken"),
            RedisContainer(docker, network="host", port=port),
        ):
            pass


def test_another_redis_on_its_port_is_not_taken_for_it(docker, monkeypatch):
    from pytest_netchaos.services.docker.publish import RemotePort

    with RedisContainer(docker, network="host") as first:
        monkeypatch.setattr(docker, "reserve", RemotePort)
        with (
            pytest.raises(PortInUse, match="is taken by another program"),
            RedisContainer(docker, network="host", port=first.port),
        ):
            pass


def test_a_start_that_fails_fails_at_once(docker):
    before = time.monotonic()
    with pytest.raises(ServiceError, match=r"(?s)did not start: it ended with exit code 1.*no-such-setting"):
        RedisContainer(docker, options={"no-such-setting": "1"}, timeout=60).start()
    assert time.monotonic() - before < 15


def test_an_image_of_something_else_is_given_up_with_its_log(docker):
    """Some 5 s are enough; ten times the start's on a busy machine."""
    with pytest.raises(ServiceError, match=r"is not ready after .* \(port 6379 refuses, or hangs up\)") as caught:
        RedisContainer(docker, image=TOXIPROXY_IMAGE, timeout=100).start()
    assert "Starting Toxiproxy" in str(caught.value)


def test_what_speaks_another_protocol_is_known_at_once(docker, monkeypatch):
    run, command = docker.run, ["-host=0.0.0.0", "-port=6379"]
    monkeypatch.setattr(docker, "run", lambda image, **how: run(image, **{**how, "command": command}))
    with pytest.raises(ServiceError, match=r"is no Redis \(no Redis reply starts like b'HTTP/1.1 400"):
        RedisContainer(docker, image=TOXIPROXY_IMAGE, timeout=1000).start()


def test_a_container_that_somebody_removed(docker):
    with RedisContainer(docker) as server:
        docker.client.api.remove_container(server.container.id, force=True)
        assert server.state == "down"
        with pytest.raises(ServiceError, match="somebody has removed it"):
            server.start()
        server.restore()
        assert server.is_ready()


def test_a_network_that_there_is_not(docker):
    with pytest.raises(ValueError, match="must be 'bridge' or 'host'"):
        RedisContainer(docker, network="moon")


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("redis:7", "redis-server"),
        ("redis:7-valkey", "redis-server"),
        ("valkey/valkey:9", "valkey-server"),
        ("valkey/valkey", "valkey-server"),
        ("here:5000/valkey", "valkey-server"),
        ("here:5000/redis", "redis-server"),
        ("valkey/valkey@sha256:12", "valkey-server"),
    ],
)
def test_the_program(image, program):
    assert RedisContainer(None, image=image)._program == program


def test_valkey(docker):
    from docker.errors import ImageNotFound

    image = "valkey/valkey:9"
    try:
        docker.client.images.get(image)
    except ImageNotFound:
        pytest.skip(f"no image {image} here")
    with RedisContainer(docker, image=image) as server:
        assert b"valkey_version" in server.execute("INFO", "server")


def test_the_image_is_the_one_that_was_asked_for(docker):
    with RedisContainer(docker, image=REDIS) as server:
        assert server.container.image == REDIS
