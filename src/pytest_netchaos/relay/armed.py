"""Faults that wait for their triggers. Loaded when there is one.

A dial or a connection brings a fault while the proxy serves it. An offset has a fence in its flow: the bytes before it
leave, those beyond are held. The fault is put in force a moment later, when no flow is in the middle of its work; until
then the other direction is held as well, so that no answer slips through.
"""

from __future__ import annotations

from time import monotonic

from . import fences, sockets  # noqa: F401 - fences: with the first one, there may be no descriptor to load it with
from .connection import Connection
from .fault import UP
from .trigger import BYTES, CONNECTION, DIAL, Passed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .fault import Fault
    from .flow import Flow
    from .loop import Loop
    from .place import Place
    from .proxy import Carrier, Proxy
    from .trigger import Trigger

#: An RST makes the kernel forget what it has not delivered. So before these the receiver has to confirm its bytes.
_RESETTING = ("cut", "reset")
#: Seconds between two looks whether it has: at first, and at most, where a receiver doesn't read.
PAUSE, LONGEST_PAUSE = 0.0002, 0.02


class _Waiting:
    """One fault, its trigger, and once it is there the connection whose flow has its fence."""

    __slots__ = ("connection", "fault", "fire", "is_reached", "trigger")

    def __init__(self, fault: Fault, trigger: Trigger, fire: Callable[[], None]) -> None:
        self.fault = fault
        self.trigger = trigger
        self.fire = fire
        self.connection: Connection | None = None
        self.is_reached = False

    @property
    def flows(self) -> tuple[Flow, Flow]:
        """The direction that is counted, and the other one."""
        assert self.connection is not None
        both = self.connection.up, self.connection.down
        return both if self.trigger.direction == UP else both[::-1]


class Armed:
    """What waits at one proxy.

    Args:
        loop: Where it runs.
        proxy: Whose dials, connections and bytes are waited for.
    """

    __slots__ = ("_loop", "_places", "_proxy", "_waiting")

    def __init__(self, loop: Loop, proxy: Proxy) -> None:
        self._loop = loop
        self._proxy = proxy
        #: By the id of the fault.
        self._waiting: dict[int, _Waiting] = {}
        #: Those of a replay that are to hear of all that happens.
        self._places: list[Place] = []

    def add(self, fault: Fault, trigger: Trigger, fire: Callable[[], None]) -> None:
        """Call ``fire()`` when the trigger comes.

        Raises:
            Passed: It can't come any more.
        """
        waiting = _Waiting(fault, trigger, fire)
        seen = self._proxy.dial_count if trigger.kind == DIAL else self._proxy.connection_count
        if trigger.kind != BYTES and trigger.number <= seen:
            raise Passed(f"the link has seen {seen} {trigger.kind}{'s' * (seen > 1)}")
        if trigger.kind == BYTES and trigger.connection <= seen:
            connection = self._live(trigger)
            self._waiting[fault.id] = waiting
            self._fence(waiting, connection)
            connection.go_on()
        else:
            self._waiting[fault.id] = waiting

    def remove(self, fault: Fault) -> None:
        """Wait no more for a fault's trigger."""
        waiting = self._waiting.pop(fault.id, None)
        if waiting is not None and waiting.connection is not None:
            self._lift(waiting, waiting.connection)

    def attend(self, place: Place) -> None:
        """Tell a place of a replay what happens."""
        self._places.append(place)

    def leave(self, place: Place) -> None:
        """Tell it nothing any more."""
        self._places = [each for each in self._places if each is not place]

    # What happens.

    def dialled(self, number: int, *, is_refused: bool = False) -> bool:
        """Take note of a dial; say whether it has brought a fault."""
        struck = [place.dialled() for place in self._places if not is_refused]
        return self._fire([each for each in self._of(DIAL) if each.trigger.number == number]) or any(struck)

    def ended(self) -> None:
        """Take note of a connection that is over."""
        for place in self._places:
            place.look()

    def opened(self, connection: Carrier) -> None:
        """Take note of a connection that is being served, of which nothing has passed yet."""
        assert isinstance(connection, Connection)
        for each in self._of(BYTES):  # first: a fault may let bytes pass at once
            if each.trigger.connection == connection.number:
                self._fence(each, connection)
        for place in [*self._places]:
            place.opened(connection)
        self._fire([each for each in self._of(CONNECTION) if each.trigger.number == connection.number])

    def _of(self, kind: str) -> list[_Waiting]:
        return [each for each in self._waiting.values() if each.trigger.kind == kind]

    def _fire(self, those: list[_Waiting]) -> bool:
        for each in those:
            del self._waiting[each.fault.id]
        for each in those:
            each.fire()
        return bool(those)

    # Offsets.

    def _live(self, trigger: Trigger) -> Connection:
        """Find the connection, which has not passed the offset.

        Raises:
            Passed: There is none any more, or it has.
        """
        found = [c for c in self._proxy.connections.values() if c.number == trigger.connection]
        if not found:
            raise Passed(f"connection {trigger.connection} is over")
        (connection,) = found
        assert isinstance(connection, Connection)
        flow = connection.up if trigger.direction == UP else connection.down
        if flow.carried > trigger.number:
            raise Passed(f"{flow.carried} bytes have gone {trigger.direction} on connection {trigger.connection}")
        if flow.over:
            raise Passed(f"connection {trigger.connection} has ended {trigger.direction} after {flow.carried} bytes")
        return connection

    def _fence(self, waiting: _Waiting, connection: Connection) -> None:
        waiting.connection = connection
        counted, _ = waiting.flows
        counted.fence(waiting.fault.id, waiting.trigger.number, lambda: self._reached(waiting))
        if counted.carried == waiting.trigger.number:  # whatever stalls it: nothing more has to pass
            self._reached(waiting)

    def _reached(self, waiting: _Waiting) -> None:
        """Hold the other direction too, and go on when the flow that says so is done with its turn."""
        if not waiting.is_reached:
            waiting.is_reached = True
            _, other = waiting.flows
            other.fence(waiting.fault.id, other.carried, None)
            self._loop.soon(lambda: self._strike(waiting, PAUSE))

    def _strike(self, waiting: _Waiting, pause: float) -> None:
        """Put the fault in force, once it destroys nothing of what is to arrive; then let the flows go on."""
        if self._waiting.get(waiting.fault.id) is not waiting:
            return
        assert waiting.connection is not None
        if waiting.fault.kind in _RESETTING and _is_unconfirmed(waiting):
            later = min(2 * pause, LONGEST_PAUSE)
            self._loop.call_at(monotonic() + pause, lambda: self._strike(waiting, later))
            return
        self._fire([waiting])
        self._lift(waiting, waiting.connection)

    def _lift(self, waiting: _Waiting, connection: Connection) -> None:
        for flow in waiting.flows:
            flow.lift(waiting.fault.id)
        if not connection.is_over:
            self._proxy.apply(connection)


def _is_unconfirmed(waiting: _Waiting) -> bool:
    assert waiting.connection is not None
    target = waiting.flows[0].target
    if waiting.connection.is_over or target.broken or target.sock is None:
        return False
    return sockets.unconfirmed(target.sock) > 0
