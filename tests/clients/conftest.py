"""Toxiproxy's clients, unmodified, against the real server and against ours: what they see must be the same.

Each client is driven by a test of its own, and each test runs against both servers.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests import needs

from pytest_netchaos.errors import EngineError
from pytest_netchaos.patience import eventually
from pytest_netchaos.services.ports import Reservation
from pytest_netchaos.services.toxiproxy.api import Api

SERVERS = ("toxiproxy", "ours")


def required(found: str | None, what: str) -> str:
    """Skip without a client; where the Docker tests are required, so are the clients."""
    if found is None:
        if os.environ.get("NETCHAOS_DOCKER") == "require":
            pytest.fail(f"there is no {what}", pytrace=False)
        pytest.skip(f"there is no {what}: .ci/clients installs it")
    return found


@pytest.fixture(scope="session", params=SERVERS)
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    """The address of a running server, and our own way to ask it."""
    with contextlib.closing(Reservation()) as kept:
        command = (
            [needs.toxiproxy(), "-host", "127.0.0.1", "-port", str(kept.port)]
            if request.param == "toxiproxy"
            else [sys.executable, "-m", "pytest_netchaos", "serve", "--listen", f"127.0.0.1:{kept.port}"]
        )
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            with contextlib.closing(Api("127.0.0.1", kept.port)) as made:
                await_ready(process, made)
                yield made
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def upstream() -> Iterator[socket.socket]:
    """A server for the proxies to lead to."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(10)
        yield made


@pytest.fixture(autouse=True)
def nothing_left(api: Api) -> Iterator[None]:
    """Begin with no proxies, and end so."""
    yield
    for name in api.proxies():
        api.delete(name)


@pytest.fixture(scope="session")
def node_modules() -> str:
    """Where toxiproxy-node-client is."""
    node, npm = required(shutil.which("node"), "node"), required(shutil.which("npm"), "npm")
    where = subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=True).stdout.strip()
    found = subprocess.run(
        [node, "-e", "require.resolve('toxiproxy-node-client')"],
        env={**os.environ, "NODE_PATH": where}, capture_output=True, check=False,
    )  # fmt: skip
    return required(where if found.returncode == 0 else None, "toxiproxy-node-client")


@pytest.fixture(scope="session")
def cli() -> str:
    """The path of Toxiproxy's own command line client."""
    return required(shutil.which("toxiproxy-cli"), "toxiproxy-cli")


def await_ready(process: subprocess.Popen[bytes], api: Api) -> None:
    """Ask until it answers: neither server says in a way that both have when it listens."""

    def answers() -> str:
        if process.poll() is not None:
            pytest.fail("the server has ended")
        return api.version()

    eventually(answers, 20, ignoring=EngineError)
