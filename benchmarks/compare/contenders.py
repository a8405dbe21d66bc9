"""Those that are compared: the embedded engine, the real Toxiproxy, and no proxy at all."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Protocol

from pytest_netchaos.link import Link
from pytest_netchaos.network import Network
from pytest_netchaos.services.toxiproxy.local import PROGRAM, LocalToxiproxy

from ..ownership import check_served_by
from ..relay_process import checked_link, running
from .rows import DIRECT, EMBEDDED, TOXIPROXY

Address = tuple[str, int]


class Route(Protocol):
    """A way to an upstream, that can be made worse where there is somebody who can."""

    address: Address

    def delay(self, seconds: float) -> None:
        """Delay what goes upstream."""

    def throttle(self, rate: float) -> None:
        """Let only so many bytes a second go upstream."""

    def settle(self) -> None:
        """Hear what the proxy has to tell, as a test would have by now."""


class Contender(Protocol):
    """One of those that are compared."""

    name: str

    def route(self, upstream: Address) -> Route:
        """Lead to an upstream."""

    @property
    def pid(self) -> int | None:
        """The proxy's process; none for a direct connection."""


def why_no_toxiproxy() -> str:
    """Say why there is no Toxiproxy to compare with; nothing if there is."""
    return "" if shutil.which(PROGRAM) else f"there is no {PROGRAM} on the PATH"


@contextlib.contextmanager
def contenders(*, proxies_only: bool = False) -> Iterator[list[Contender]]:
    """Start new processes of all that there are.

    Args:
        proxies_only: Leave out the direct connection, for what nobody can ask of it.
    """
    with ExitStack() as stack:
        found: list[Contender] = [] if proxies_only else [Direct()]
        found.append(stack.enter_context(embedded()))
        if not why_no_toxiproxy():
            found.append(stack.enter_context(toxiproxy()))
        yield found


@contextlib.contextmanager
def embedded() -> Iterator[Embedded]:
    """Start an embedded engine."""
    with running() as (network, pid):
        yield Embedded(network, pid)


@contextlib.contextmanager
def toxiproxy() -> Iterator[Toxiproxy]:
    """Start a Toxiproxy, with an API at a free port."""
    server = LocalToxiproxy()
    try:
        yield Toxiproxy(server)
    finally:
        server.stop()


class Direct:
    """No proxy."""

    name = DIRECT
    pid = None

    def route(self, upstream: Address) -> DirectRoute:
        """Lead straight there."""
        return DirectRoute(upstream)


class DirectRoute:
    """The upstream itself."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def delay(self, seconds: float) -> None:
        """Refuse: nobody is there who could."""
        raise NotImplementedError(f"a direct connection can't be delayed by {seconds} s")

    def throttle(self, rate: float) -> None:
        """Refuse: nobody is there who could."""
        raise NotImplementedError(f"a direct connection can't be held to {rate} bytes/s")

    def settle(self) -> None:
        """Do nothing."""


class Embedded:
    """Our own relay."""

    name = EMBEDDED

    def __init__(self, network: Network, pid: int) -> None:
        self.pid = pid
        self._network = network

    def route(self, upstream: Address) -> EmbeddedRoute:
        """Make a link."""
        return EmbeddedRoute(checked_link(self._network, self.pid, upstream))


class EmbeddedRoute:
    """A link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.address = link.address

    def delay(self, seconds: float) -> None:
        """Delay what goes upstream."""
        self.link.delay(seconds, direction="upstream")

    def throttle(self, rate: float) -> None:
        """Let only so many bytes a second go upstream."""
        self.link.throttle(rate, direction="upstream")

    def settle(self) -> None:
        """Read the events that wait in the relay, which would be memory of its own."""
        self.link.history()


class Toxiproxy:
    """The real one."""

    name = TOXIPROXY

    def __init__(self, server: LocalToxiproxy) -> None:
        self.pid = server.pid
        self.api = server.api
        check_served_by(server.api.port, server.pid)
        self._numbers = itertools.count()

    def route(self, upstream: Address) -> ToxiproxyRoute:
        """Make a proxy."""
        name = f"proxy-{next(self._numbers)}"
        host, _, port = self.api.create(name, "127.0.0.1:0", "{}:{}".format(*upstream)).rpartition(":")
        check_served_by(int(port), self.pid)
        return ToxiproxyRoute(self, name, (host, int(port)))


class ToxiproxyRoute:
    """A proxy."""

    def __init__(self, owner: Toxiproxy, name: str, address: Address) -> None:
        self._owner = owner
        self.name = name
        self.address = address

    def delay(self, seconds: float) -> None:
        """Delay what goes upstream."""
        self._add("latency", {"latency": round(seconds * 1e3)})  # in ms

    def throttle(self, rate: float) -> None:
        """Let only so many bytes a second go upstream."""
        self._add("bandwidth", {"rate": round(rate / 1e3)})  # in KB/s of 1000 bytes

    def settle(self) -> None:
        """Do nothing: it tells nobody."""

    def _add(self, kind: str, attributes: dict[str, int]) -> None:
        self._owner.api.add_toxic(self.name, kind, kind, "upstream", attributes)


def routes(found: Sequence[Contender], upstream: Address) -> list[tuple[Contender, Route]]:
    """Give every contender a way to the same upstream."""
    return [(each, each.route(upstream)) for each in found]
