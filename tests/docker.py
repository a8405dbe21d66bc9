"""What the tests with a real Docker daemon share."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from pytest_netchaos.errors import DockerUnavailable
from pytest_netchaos.services.docker import daemon
from pytest_netchaos.services.docker.owner import RUN
from pytest_netchaos.services.docker.session import Docker
from pytest_netchaos.services.resp import Connection, ProtocolError

with contextlib.suppress(ImportError):
    # Now: what a test with a `pytester` is first to import is imported again after it, and the two don't fit together.
    import docker  # noqa: F401
    import requests  # noqa: F401

REDIS = "redis:7"
#: A server that can be asked from outside of its container.
COMMAND = ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""]
#: Seconds. On a busy machine, the daemon takes up to 2 for a container.
PATIENCE = 60.0
#: Said before a test that clears the environment could take it away.
_REQUIRED = os.environ.get("NETCHAOS_DOCKER") == "require"


@functools.cache
def _missing() -> str:
    try:
        found = daemon.find()
        try:
            found.client.images.get(REDIS)
        finally:
            found.client.close()
    except DockerUnavailable as error:
        return str(error)
    except Exception as error:  # no image, and there is no pulling it in a test
        return f"Docker has no image {REDIS}: {error}"
    return ""


def require_docker() -> None:
    """Skip the test where there is no daemon; fail it there with ``NETCHAOS_DOCKER=require``."""
    why = _missing()
    if why and _REQUIRED:
        pytest.fail(why, pytrace=False)
    if why:
        pytest.skip(why)


def new_run() -> str:
    """A run's id that nobody else has."""
    return "t" + uuid.uuid4().hex[:10]


@contextlib.contextmanager
def session(**options) -> Iterator[Docker]:
    """A `Docker` whose containers are gone at the end, as is proved."""
    require_docker()
    with Docker(new_run(), "main", **options) as docker:
        yield docker
    client = daemon.find().client
    try:
        assert left_over(client, docker.owner.run) == []
    finally:
        client.close()


def left_over(client, run: str) -> list[str]:
    """The names of a run's containers and networks."""
    label = {"label": f"{RUN}={run}"}
    containers = client.containers.list(all=True, sparse=True, filters=label)
    return [one.attrs["Names"][0] for one in containers] + [one.name for one in client.networks.list(filters=label)]


def await_nothing_left(client, run: str, timeout: float = PATIENCE) -> list[str]:
    """Wait for the last of a run's containers and networks to be removed; return those that aren't in time."""
    events = client.events(decode=True, since=int(time.time()) - 1, filters={"event": ["destroy"]})
    watchdog = threading.Timer(timeout, events.close)
    watchdog.start()
    try:
        left = left_over(client, run)
        while left:
            if next(events, None) is None:
                return left_over(client, run)
            left = left_over(client, run)
    finally:
        watchdog.cancel()
        watchdog.join()
        events.close()
    return left


def answers(address: tuple[str, int]) -> bool:
    """Whether a Redis server does."""
    try:
        with Connection(address, 0.5) as connection:
            return connection.call("PING") == "PONG"
    except (OSError, ProtocolError):
        return False
