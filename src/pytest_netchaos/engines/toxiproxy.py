"""The real Toxiproxy: it breaks the bytes; our relay stands on both sides of it, and sees what became of them."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..addresses import Upstream
from ..addresses import upstream as upstream_of
from ..errors import EngineDied, EngineError, NetchaosError, hide_own_errors
from ..linklog import LinkLog
from ..services.toxiproxy import names
from .base import ApiAddress
from .embedded import EmbeddedEngine, spell_addresses
from .toxiproxy_link import ToxiproxyLink

if TYPE_CHECKING:
    from ..services.docker.owner import Owner
    from ..services.toxiproxy.server import Seat, ToxiproxyServer

__tracebackhide__ = hide_own_errors

T = TypeVar("T")

#: Of the proxies that this process has made: an engine that follows a dead one finds the names of that one taken.
_numbers = itertools.count(1)
#: Why a port can't be listened at, on Linux and elsewhere.
_TAKEN = ("address already in use", "Only one usage of each socket address")


class ToxiproxyEngine:
    """Carries links through a Toxiproxy server.

    Args:
        server: The server; stopped with the engine.
        owner: Whose it is. Its proxies' names say so: other runs may use the same server.
    """

    def __init__(self, server: ToxiproxyServer, owner: Owner) -> None:
        self.name = server.name
        self.server = server
        self._label = names.label(owner)
        self._proxies: set[Proxy] = set()
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
        with self.relay.reserve(host, port, way_back.listen) as reserved:
            proxy, between = self._create(name, f"{way_back.name}:{reserved.inner_port}")
            try:
                link = ToxiproxyLink(self.relay, reserved.id, LinkLog(name), reserved.address, seed, proxy, background)
                arguments = (",".join(background), *spell_addresses(between), *spell_addresses(upstream.numeric))
                self.relay.carry(link, "tap", arguments, reserved.sockets)
            except BaseException:
                proxy.delete()
                raise
        return link

    def api(self, seed: int) -> ApiAddress:  # noqa: ARG002 - a Toxiproxy honours no seed
        """Say where the server's API listens.

        Raises:
            EngineDied: the server or the relay is dead.
        """
        self.check()
        return ApiAddress(self.server.api.host, self.server.api.port, self.server.is_shared)

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
            with contextlib.suppress(NetchaosError):  # it is dead, or hangs: then it would with each of them
                for proxy in list(self._proxies):  # of links that nobody has closed
                    proxy.delete()
        finally:
            self.server.stop()

    def forget(self, proxy: Proxy) -> None:
        """Take a proxy that is gone off the books."""
        self._proxies.discard(proxy)

    def _create(self, link: str, upstream: str) -> tuple[Proxy, tuple[tuple[str, str, int], ...]]:
        """Make a proxy; return it, and the addresses at which to dial it."""
        with contextlib.ExitStack() as taken:  # given back in the end, not before: or we'd get them again
            while True:
                seat = self.call(self.server.seat)
                proxy = Proxy(self, seat, names.name(self._label, next(_numbers), link))
                self._proxies.add(proxy)
                try:
                    return proxy, proxy.create(upstream)
                except BaseException as error:
                    if not _is_taken(seat, error):
                        proxy.delete()
                        raise
                    self.forget(proxy)  # another worker has the port, or another program: try the next one
                    taken.callback(seat.leave)

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
        self._made = ("", "")  # where it listens, and where it leads

    def create(self, upstream: str) -> tuple[tuple[str, str, int], ...]:
        """Make it; return the addresses at which to dial it."""
        reported = self._engine.call(self._api.create, self.name, self._seat.listen, upstream)
        self._made = reported, upstream
        return (min(upstream_of(self._seat.address(reported)).numeric),)  # IPv4 first: it mostly listens at 0.0.0.0

    def withdraw(self) -> None:
        """Close its port and end its connections, until `restore`.

        Not by disabling it: its toxics would keep what they hold for connections that are gone, and the next change of
        one would hang on that for 5 s a chunk (2.12.0).
        """
        self._engine.call(self._api.delete, self.name)

    def restore(self) -> None:
        """Open the same port again, without toxics."""
        self._engine.call(self._api.create, self.name, *self._made)

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
            self._engine.forget(self)
            self._seat.leave()


def _is_taken(seat: Seat, error: BaseException) -> bool:
    """Whether a proxy can't be made because somebody else listens at its port."""
    return seat.port is not None and isinstance(error, EngineError) and any(words in str(error) for words in _TAKEN)
