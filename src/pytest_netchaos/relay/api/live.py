"""A proxy of the API while it has a port: as a link's end, but it tells nobody, and finds its upstream by itself."""

from __future__ import annotations

from .. import log, sockets
from ..connection import Connection
from ..proxy import Proxy
from .addresses import BadAddress, parse
from .resolver import numeric

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable

    from ..connection import Watcher
    from ..loop import Loop
    from ..proxy import Carrier
    from ..sockets import Address
    from .metrics import Counter
    from .places import Taken
    from .resolver import Found, Resolver


class NoLookout:
    """In the place of a `SynWatch`: nobody wants to know who is refused."""

    def add(self, family: int, address: tuple[str, int], on_syn: Callable[[str, float], None]) -> None:
        """Watch nothing."""

    def remove(self, family: int, address: tuple[str, int]) -> None:
        """Watch nothing any more."""

    def catch_up(self, family: int) -> None:
        """Have seen nothing."""


class LiveConnection(Connection):
    """A connection whose upstream may have to be looked up first."""

    __slots__ = ("_find", "received_at_last")

    def __init__(
        self,
        loop: Loop,
        watcher: Watcher,
        dial: int,
        client: Socket,
        addresses: list[tuple[int, Address]],
        find: Callable[[Found], None] | None,
    ) -> None:
        super().__init__(loop, watcher, dial, client, addresses)
        self._find = find
        #: What `received` said before the end let go of what was under way.
        self.received_at_last = (0, 0)

    @property
    def is_released(self) -> bool:
        """Whether both sockets are closed: no FIN lingers."""
        return self.client.sock is None and self.server.sock is None

    def _dial_next(self, reason: str) -> None:
        if self._find is None:
            super()._dial_next(reason)
        elif self._find is not _wait:
            find, self._find = self._find, _wait
            find(self._found)

    def _found(self, addresses: list[tuple[int, Address]], why: str) -> None:
        self._find = None
        if not self.is_over:
            self._addresses = addresses
            super()._dial_next(f"upstream: {why}")

    def _finish(self, by: str, reason: str, *, how: str, with_rst: bool) -> None:
        if not self.is_over:
            self.received_at_last = self.received()
        super()._finish(by, reason, how=how, with_rst=with_rst)


def _wait(_: Found) -> None:
    """In the place of a lookup that has begun."""


class LiveProxy(Proxy):
    """Accepts at one port and connects to one upstream, whose name is looked up for each connection.

    Args:
        loop: Where it runs.
        resolver: What looks names up.
        name: What messages call it.
        taken: The socket that listens, and what keeps its port.
        upstream: Where connections lead; one that is no address closes them.
    """

    def __init__(self, loop: Loop, resolver: Resolver, name: str, taken: Taken, upstream: str) -> None:
        self._name = name
        self._resolver = resolver
        self._find: Callable[[Found], None] | None = None
        self._said = ""
        #: Where its bytes are counted; ``None`` where nobody asks.
        self.counter: Counter | None = None
        listener, keeper = taken
        super().__init__(loop, NoLookout(), self._note, 0, listener, keeper, [])
        self.lead_to(upstream)

    @property
    def listen(self) -> str:
        """Where it listens."""
        return sockets.name(self.address)

    @property
    def is_open(self) -> bool:
        """Whether it accepts."""
        return self._port.is_open

    def lead_to(self, upstream: str) -> None:
        """Connect to another upstream from now on."""
        self.upstream = upstream
        try:
            host, port = parse(upstream)
        except BadAddress as error:
            why = str(error)
            self._addresses, self._find = [], lambda found: found([], why)
            return
        self._addresses = numeric(host, port)
        self._find = None if self._addresses else lambda found: self._resolver.look_up(host, port, found)

    def _connect(self, watcher: Watcher, dial: int, client: Socket) -> Carrier:
        return LiveConnection(self._loop, watcher, dial, client, self._addresses, self._find)

    def ended(self, connection: Carrier, by: str, how: str, reason: str) -> None:  # noqa: ARG002 - nobody is told
        """Count what a connection has carried."""
        self.connections.pop(connection.dial, None)
        if self.counter is not None and isinstance(connection, LiveConnection):
            self.counter.add(connection.received_at_last, connection.totals())

    def unreachable(self, connection: Carrier, reason: str) -> None:
        """Say that the upstream can't be reached; the client gets an RST."""
        self.connections.pop(connection.dial, None)
        self._say(reason)

    def _note(self, what: str, *fields: object) -> None:
        if what == "trouble":
            self._say(str(fields[-1]))

    def _say(self, text: str) -> None:
        """Log something once, until it is something else."""
        if text == self._said:
            return
        self._said = text
        log.say(f"proxy {self._name!r}: {text}\n")
