"""A point in the course of a link: some connections, each with its bytes up and down. Loaded for a replay.

Each of those flows has a fence, so that none gets further than that point while the others are still on their way.
"""

from __future__ import annotations

from time import monotonic

from .armed import LONGEST_PAUSE, PAUSE
from .connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .fault import Fault
    from .flow import Flow
    from .loop import Loop
    from .marks import Mark
    from .proxy import Carrier, Proxy


class Place:
    """Waits until a link has come to a mark.

    Args:
        loop: Where it runs.
        proxy: The link's.
        key: Of the fences.
        mark: Where to.
        reached: Called when it is there; once.
        fault: What is to strike there.
    """

    __slots__ = (
        "_hits_all", "_is_asked", "_is_done", "_is_resetting", "_key", "_loop", "_proxy", "_reached", "is_due",
        "is_reached", "is_time_up", "mark",
    )  # fmt: skip

    def __init__(
        self, loop: Loop, proxy: Proxy, key: int, mark: Mark, reached: Callable[[], None], fault: Fault
    ) -> None:
        self.mark = mark
        self.is_reached = False
        #: The window before it is over.
        self.is_due = False
        #: So is the time between them.
        self.is_time_up = False
        self._loop = loop
        self._proxy = proxy
        self._key = key
        #: An RST would destroy what our system still has. Confirmed it needn't be: that takes 40 ms where a receiver
        #: has nothing to say, and who is done hangs up in that time.
        self._is_resetting = fault.kind in ("cut", "reset")
        self._hits_all = fault.kind != "refuse" and fault.toxicity >= 1
        self._reached = reached
        self._is_asked = False  # a look is on its way
        self._is_done = False

    def begin(self) -> None:
        """Hold the flows that are to stop here."""
        self._proxy.attend(self)
        for connection in [*self._proxy.connections.values()]:
            if self._meet(connection):
                connection.go_on()
        self.look()

    def end(self) -> None:
        """Let go of them, and let them go on."""
        if self._is_done:
            return
        self._is_done = True
        self._proxy.leave(self)
        for connection in [*self._proxy.connections.values()]:
            if connection.number in self.mark.places and isinstance(connection, Connection):
                for flow in (connection.up, connection.down):
                    flow.lift(self._key)
                if not connection.is_over:
                    self._proxy.apply(connection)

    # What happens at the proxy.

    def dialled(self) -> bool:
        """Take note of a dial that is going to be served; say whether it has brought the fault."""
        if self._is_done or self.is_reached or self.mark.places or not (self.is_due and self._is_free):
            return False
        self.is_reached = True
        self._reached()
        return True

    def opened(self, connection: Carrier) -> None:
        """Take note of a connection of which nothing has passed yet."""
        self._meet(connection)
        self.look()

    def look(self) -> None:
        """Have a look, after what is going on now, whether it is reached: something has changed."""
        if not self._is_asked and not self.is_reached and not self._is_done:
            self._is_asked = True
            self._loop.soon(lambda: self._look(PAUSE))

    def _look(self, pause: float) -> None:
        self._is_asked = False
        if self.is_reached or self._is_done or not self._is_here:
            return
        if self._is_resetting and any(flow.unsent for flow, _ in self._flows()):
            self._is_asked = True
            self._loop.call_at(monotonic() + pause, lambda: self._look(min(2 * pause, LONGEST_PAUSE)))
            return
        self.is_reached = True
        self._reached()

    def _meet(self, connection: Carrier) -> bool:
        if connection.number not in self.mark.places or not isinstance(connection, Connection):
            return False
        for flow, count in zip((connection.up, connection.down), self.mark.places[connection.number], strict=True):
            if not flow.over and flow.carried <= count:
                flow.fence(self._key, count, self.look)
        return True

    # How far it is.

    @property
    def _has_connections(self) -> bool:
        return self._proxy.connection_count >= self.mark.connections

    @property
    def _is_free(self) -> bool:
        """Whether the fault would meet none, as it did; one that spares some has its own way."""
        meets = self._hits_all and any(c.number for c in self._proxy.connections.values())
        return self._has_connections and not meets

    @property
    def _is_here(self) -> bool:
        if not self.mark.places:
            return self.is_time_up and self._is_free
        return self._has_connections and all(flow.over or flow.carried >= count for flow, count in self._flows())

    def _flows(self) -> list[tuple[Flow, int]]:
        return [
            pair
            for connection in self._proxy.connections.values()
            if isinstance(connection, Connection) and not connection.is_over and connection.number in self.mark.places
            for pair in zip((connection.up, connection.down), self.mark.places[connection.number], strict=True)
        ]
