"""A relay for each test, and one server for all."""

from __future__ import annotations

import contextlib

import pytest
from tests.fuzz.echo import Echo
from tests.fuzz.relay_process import RelayProcess


@pytest.fixture(scope="module")
def server():
    with contextlib.closing(Echo()) as made:
        yield made


@pytest.fixture
def relay(server):
    made = RelayProcess(server.port)
    yield made
    made.stop()
