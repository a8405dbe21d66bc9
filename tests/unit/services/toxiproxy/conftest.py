"""What the tests of Toxiproxy share."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests import needs

from pytest_netchaos.services.docker.owner import Owner
from pytest_netchaos.services.toxiproxy.local import LocalToxiproxy


@pytest.fixture(scope="session")
def toxiproxy():
    """A real Toxiproxy, for somebody who uses it as one that runs elsewhere."""
    needs.toxiproxy()
    server = LocalToxiproxy()
    yield server
    server.stop()


@pytest.fixture
def url(toxiproxy):
    """Where it is; nothing is left on it afterwards."""
    yield f"http://{toxiproxy.api.where}"
    left = toxiproxy.api.proxies()
    for name in left:
        toxiproxy.api.delete(name)
    assert list(left) == []


@pytest.fixture
def here():
    return Owner.here("run", "main")


@pytest.fixture
def dead():
    """The owner of a process that has ended."""
    script = (
        "from pytest_netchaos.services.docker.owner import Owner; o = Owner.here('run', 'gw1'); print(o.pid, o.started)"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    pid, started = done.stdout.split()
    return Owner("run", "gw1", int(pid), started, Owner.here("", "").host)
