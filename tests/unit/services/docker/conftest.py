"""One daemon's client, and one redis container, for the tests that only look."""

from __future__ import annotations

import pytest
from tests.docker import COMMAND, REDIS, answers, session


@pytest.fixture(scope="module")
def docker():
    with session() as docker:
        yield docker


@pytest.fixture(scope="module")
def shared_container(docker):
    container = docker.run(REDIS, command=COMMAND, ports=[6379], name="shared")
    container.wait_ready(lambda: answers(container.address(6379)))
    return container


@pytest.fixture
def container(shared_container):
    """One that runs, whatever the test before did to it."""
    if shared_container.state == "down":
        shared_container.start()
    shared_container.resume()
    shared_container.wait_ready(lambda: answers(shared_container.address(6379)))
    return shared_container
