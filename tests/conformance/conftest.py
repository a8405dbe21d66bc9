"""What every engine must do, seen from both ends of real sockets.

Each test runs on each engine. Two marks say where Toxiproxy falls short, and are checked as strictly as the rest:
``beyond_toxiproxy``, for a fault that it can't do, where `UnsupportedFault` has to be raised; and
``unlike_toxiproxy(reason)``, for what it is known to do otherwise. Where that is to be too early, a busy machine can
make it pass: those are not strict.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from tests.conformance.peers import SOON, World

from pytest_netchaos import Network, UnsupportedFault, options
from pytest_netchaos.errors import DockerUnavailable
from pytest_netchaos.seeds import derive_seed
from pytest_netchaos.session import choices
from pytest_netchaos.session.plugged_engines import plugged
from pytest_netchaos.session.resources import Resources

#: Names of engines of plugins, with a comma between two: they're held to the same. ``-p`` loads the plugin.
OTHERS = [*filter(None, os.environ.get("CONFORMANCE_ENGINES", "").split(","))]
#: The last one of ours is the embedded engine as it is on systems without epoll.
ENGINES = ("embedded", "toxiproxy", "docker", "embedded-portable", *OTHERS)
EMBEDDED = ("embedded", "embedded-portable", *OTHERS)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "beyond_toxiproxy(run=True): a fault that Toxiproxy can't do")
    config.addinivalue_line(
        "markers", "unlike_toxiproxy(reason, run=True, strict=True): something that Toxiproxy does otherwise"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if getattr(item, "callspec", None) is None or item.callspec.params.get("engine") in (None, *EMBEDDED):
            continue
        for mark in item.iter_markers("beyond_toxiproxy"):
            item.add_marker(pytest.mark.xfail(raises=UnsupportedFault, reason="Toxiproxy can't do it", **mark.kwargs))
        for mark in item.iter_markers("unlike_toxiproxy"):
            item.add_marker(pytest.mark.xfail(reason=f"Toxiproxy: {mark.args[0]}", **mark.kwargs))


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of the engine that carries the links of the test."""
    return request.param


@pytest.fixture(scope="session")
def resources(request: pytest.FixtureRequest, engine: str) -> Iterator[Resources]:
    made = make_resources(request, engine.removesuffix("-portable"))
    with pytest.MonkeyPatch.context() as patch:  # while it starts: others of this process have their own
        if engine == "embedded-portable":
            patch.setenv(choices.RELAY_VARIABLE, "portable")
        started = next(made)
    yield started
    next(made, None)


def make_resources(request: pytest.FixtureRequest, engine: str) -> Iterator[Resources]:
    engines = partial(plugged, request.config)
    settings = dataclasses.replace(options.resolve(request.config), engine=choices.engine(engine, engines))
    if engine == "toxiproxy" and not shutil.which(choices.TOXIPROXY_PROGRAM) and settings.docker != "require":
        pytest.skip(f"there is no {choices.TOXIPROXY_PROGRAM} on the PATH")
    made = Resources(settings, os.urandom(4).hex(), "main", lambda _: None, engines)
    try:
        made.engine()
    except DockerUnavailable as error:
        if settings.docker == "require":
            raise
        pytest.skip(str(error))
    yield made
    made.close()


@pytest.fixture
def netchaos(request: pytest.FixtureRequest, resources: Resources) -> Iterator[Network]:
    made = Network(resources.engine, derive_seed(0, request.node.nodeid))
    yield made
    made.close()


@pytest.fixture
def worlds(netchaos: Network) -> Iterator[Callable[..., World]]:
    """Make worlds of any address family, and clean them up."""
    with contextlib.ExitStack() as stack:

        def world(family: int = socket.AF_INET, address: object = ("127.0.0.1", 0), **link: object) -> World:
            listener = stack.enter_context(socket.socket(family))
            listener.bind(address)
            listener.listen(64)
            listener.settimeout(SOON)
            bound = listener.getsockname()
            upstream = f"unix:{bound}" if isinstance(bound, str) else bound[:2]
            made = World(netchaos, netchaos.link(upstream, **link), listener, [])
            stack.callback(lambda: [peer.close() for peer in made.peers])
            return made

        yield world


@pytest.fixture
def world(worlds: Callable[..., World]) -> World:
    """One server behind one link, on IPv4."""
    return worlds()


@pytest.fixture
def pattern() -> Callable[[int], bytes]:
    """Bytes that show where one is missing, doubled or out of place."""
    return lambda size: os.urandom(1024) * (size // 1024) + bytes(size % 1024)
