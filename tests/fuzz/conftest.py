"""One relay and one server for the tests of a module; a relay that a test has broken isn't the next one's."""

from __future__ import annotations

import contextlib

import pytest
from tests.fuzz.api_process import ApiProcess
from tests.fuzz.echo import Echo
from tests.fuzz.relay_process import RelayProcess


@pytest.fixture(scope="module")
def server():
    with contextlib.closing(Echo()) as made:
        yield made


@pytest.fixture(scope="module")
def relays(server):
    made = []
    yield made
    if made:
        made.pop().stop()


@pytest.fixture
def relay(server, relays):
    if not relays:
        relays.append(RelayProcess(server.port))
    yield relays[0]
    if not relays[0].is_well():
        relays.pop().kill()


@pytest.fixture(scope="module")
def apis():
    made = []
    yield made
    if made:
        made.pop().stop()


@pytest.fixture
def api(server, apis):
    if not apis:
        apis.append(ApiProcess(server.port))
    yield apis[0]
    if not apis[0].is_well():
        apis.pop().kill()
