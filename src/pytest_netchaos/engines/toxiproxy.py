"""The real Toxiproxy: it breaks the bytes; our relay stands on both sides of it, and sees what became of them."""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..addresses import Upstream
from ..errors import EngineDied, EngineError, hide_own_errors
from ..linklog import LinkLog
from .embedded import EmbeddedEngine, listen, spell_addresses
from .toxiproxy_link import ToxiproxyLink

if TYPE_CHECKING:
    from ..services.toxiproxy.server import Seat, ToxiproxyServer

__tracebackhide__ = hide_own_errors

T = TypeVar("T")


class ToxiproxyEngine:
    """Carries links through a Toxiproxy server.

    Args:
        server: The server; stopped with the engine.
        label: What its proxies' names begin with: other runs may use the same server.
    """

    def __init__(self, server: ToxiproxyServer, label: str) -> None:
        self.name = server.name
        self.server = server
        self._label = label
        self._count = itertools.count(1)
        self.relay = EmbeddedEngine()

    def __repr__(self) -> str:
        """Say which server it uses."""
        return f"<Toxiproxy engine on {self.server!r}>"

    def open(
        self, name: str, upstream: Upstream, host: str, port: int, seed: int, background: tuple[str, ...] = ()
    ) -> ToxiproxyLink:
        """Make a link through the server, as `Engine.open` says. It can be dialled when this returns.

        Raises:
            PortInUse: somebody else has the port.
            EngineError: the server refuses, or there is no room for one more link.
            EngineDied: the server or the relay is dead.
        """
        self.check()
        way_back = self.server.way_back
        listener, keeper = listen(host, port)
        with listener, keeper, _inner_port(way_back.listen) as inner:
            seat = self.call(self.server.seat)
            proxy = Proxy(self, seat, f"{self._label}-{next(self._count)}-{_tidy(name)}")
            try:
                between = proxy.create(f"{way_back.name}:{inner.getsockname()[1]}")
                link = ToxiproxyLink(self.relay, LinkLog(name), listener.getsockname(), seed, proxy)
                arguments = (",".join(background), *spell_addresses(between), *spell_addresses(upstream.numeric))
                self.relay.carry(link, "tap", arguments, (listener, keeper, inner))
            except BaseException:
                proxy.delete()
                raise
        return link

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Call the server; where that fails because it is dead, say so.

        Raises:
            EngineDied: the server is dead.
            EngineError: it is alive, and can't do it.
        """
        try:
            return function(*arguments)
        except EngineError:
            self._check_server()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether it can carry links."""
        return self.relay.is_alive and self.server.is_alive

    def check(self) -> None:
        """Raise what went wrong since the last call.

        Raises:
            EngineDied: the server or the relay is dead.
        """
        self.relay.check()
        self._check_server()

    def stop(self) -> None:
        """End the relay, and the server where it is ours."""
        try:
            self.relay.stop()
        finally:
            self.server.stop()

    def _check_server(self) -> None:
        if not self.server.is_alive:
            raise EngineDied(self.server.obituary())


class Proxy:
    """One link's proxy on the server."""

    def __init__(self, engine: ToxiproxyEngine, seat: Seat, name: str) -> None:
        #: What the server calls it.
        self.name = name
        self._engine = engine
        self._seat = seat
        self._api = seat.api

    def create(self, upstream: str) -> tuple[tuple[str, str, int], ...]:
        """Make it; return the addresses at which to dial it."""
        reported = self._engine.call(self._api.create, self.name, self._seat.listen, upstream)
        host, port = self._seat.address(reported)
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
        return (("4", str(found[0][4][0]), port),)

    def enable(self, *, enabled: bool) -> None:
        """Open or close its port; closing ends its connections."""
        self._engine.call(lambda: self._api.enable(self.name, enabled=enabled))

    def add_toxic(self, name: str, type_: str, stream: str, attributes: dict[str, object]) -> None:
        """Put a toxic on it."""
        self._engine.call(self._api.add_toxic, self.name, name, type_, stream, attributes)

    def set_toxicity(self, name: str, toxicity: float) -> None:
        """Switch a toxic on (1) or off (0)."""
        self._engine.call(self._api.set_toxicity, self.name, name, toxicity)

    def remove_toxic(self, name: str) -> None:
        """Take a toxic away."""
        self._engine.call(self._api.remove_toxic, self.name, name)

    def delete(self) -> None:
        """Take it away, and give its place back."""
        try:
            self._engine.call(self._api.delete, self.name)
        finally:
            self._seat.leave()


def _inner_port(address: str) -> socket.socket:
    """Listen where the server dials us back.

    Raises:
        EngineError: there is no such address here.
    """
    try:
        return socket.create_server((address, 0), backlog=4096)
    except OSError as error:
        raise EngineError(
            f"can't listen at {address}, where the Toxiproxy is to find this machine: {error.strerror or error}"
        ) from None


def _tidy(name: str) -> str:
    """Write a link's name so that it fits into a URL and a log."""
    return re.sub(r"[^\w.-]+", "-", name)[:40]
