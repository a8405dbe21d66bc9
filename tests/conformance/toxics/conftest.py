"""What each toxic must do, over Toxiproxy's API alone: on the real Toxiproxy, and on ours.

``unlike_toxiproxy(reason)`` marks where the real one is known to fall short; it has to fail there, unless its fault is
to be early, or depends on who is first: then a busy machine can make it pass (``strict=False``).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import pytest
from tests import needs
from tests.conformance.peers import SOON
from tests.conformance.toxics.rig import Rig, Server

SERVERS = ("toxiproxy", "ours")
#: Seconds until a byte counts as lost where it is known to be: only the wait costs anything.
_BRIEFLY = 0.7
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_on_toxiproxy(item):
            for mark in item.iter_markers("unlike_toxiproxy"):
                item.add_marker(pytest.mark.xfail(reason=f"Toxiproxy: {mark.args[0]}", **mark.kwargs))


def _is_on_toxiproxy(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.params.get("api") == "toxiproxy"


@pytest.fixture(params=SERVERS)
def api(request: pytest.FixtureRequest) -> str:
    """The name of the server that the test runs against."""
    if request.param == "toxiproxy":
        needs.toxiproxy()
    return request.param


@pytest.fixture
def is_known(request: pytest.FixtureRequest) -> bool:
    """Whether the test is one that has to fail."""
    return _is_on_toxiproxy(request.node) and request.node.get_closest_marker("unlike_toxiproxy") is not None


@pytest.fixture
def serve(api: str, is_known: bool) -> Iterator[Callable[..., Rig]]:
    """Start servers for this test alone, each with a proxy: one that hangs takes no other test with it."""
    with contextlib.ExitStack() as stack:

        def make(seed: int = 1) -> Rig:
            server = Server(api, seed)
            stack.callback(server.close)
            rig = Rig(server, "p", _BRIEFLY if is_known else SOON)
            stack.callback(rig.close)
            return rig

        yield make


@pytest.fixture(scope="session")
def shared() -> Iterator[dict[str, Server]]:
    """Servers that many tests use."""
    servers: dict[str, Server] = {}
    yield servers
    for server in servers.values():
        server.close()


@pytest.fixture
def rig(request: pytest.FixtureRequest, api: str, is_known: bool, shared: dict[str, Server]) -> Iterator[Rig]:
    """A proxy in front of a server that answers only as the test says."""
    if is_known:
        yield request.getfixturevalue("serve")()
        return
    if api not in shared:
        shared[api] = Server(api, is_shared=True)
    made = Rig(shared[api], f"p{next(_numbers)}")
    yield made
    try:
        made.close()
    except (TimeoutError, OSError):  # it hangs, or is gone: the next test has another one
        shared.pop(api).close()
        raise


@pytest.fixture(params=["upstream", "downstream"])
def stream(request: pytest.FixtureRequest) -> str:
    """The direction that a toxic is on."""
    return request.param


@pytest.fixture(params=["live", "new"])
def when(request: pytest.FixtureRequest) -> str:
    """Whether the connection was there before the toxic."""
    return request.param


@pytest.fixture
def data(pattern: Callable[[int], bytes]) -> bytes:
    """50,000 bytes that show where one is missing, doubled or out of place."""
    return pattern(50_000)
