"""What every engine must do, seen from both ends of real sockets."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator

import pytest
from tests.conformance.peers import SOON, World

from pytest_netchaos import Network


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
