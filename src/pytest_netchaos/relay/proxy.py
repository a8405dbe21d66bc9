"""A link's end in the relay: its port, its connections, and the faults that are in force on them."""

from __future__ import annotations

from time import monotonic

from . import sockets
from .background import Background
from .connection import Connection
from .fault import DOWN, ENDING, INSTANT, REFUSING, UP, gate, stages
from .port import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable
    from typing import TypeAlias

    from .armed import Armed
    from .connection import Watcher
    from .fault import Fault
    from .keeper import Keeper, LoneKeeper
    from .loop import Loop
    from .pair import Pair
    from .place import Place
    from .port import Lookout
    from .sockets import Address
    from .trigger import Trigger

    #: What carries a client's connection: one `Connection`, or the two of a tap.
    Carrier: TypeAlias = "Connection | Pair"


class Proxy:
    """Accepts at one port, connects to one upstream, and does what the link's faults say."""

    #: Whether most faults are carried out elsewhere, and need no numbers here: see `Tap`.
    only_notes = False

    def __init__(
        self,
        loop: Loop,
        watch: Lookout,
        emit: Callable[..., None],
        id_: int,
        listener: Socket,
        keeper: Keeper | LoneKeeper,
        addresses: list[tuple[int, Address]],
        background: frozenset[str] = frozenset(),
    ) -> None:
        self.id = id_
        self.address = keeper.address
        self.faults: dict[int, Fault] = {}
        #: By the number of the dial; those of the background have numbers below 0.
        self.connections: dict[int, Carrier] = {}
        self._background = Background(background, self.connections)
        self._loop = loop
        self._emit = emit
        self._addresses = addresses
        self._dials = 0
        self._refused = 0  # of them, by a closed port
        self._opened = 0
        #: The faults that wait for a trigger, once there has been one.
        self._armed: Armed | None = None
        self._port = Port(loop, watch, self, listener, keeper)

    def close(self) -> None:
        """End every connection with a FIN, and give the port back."""
        self._armed = None  # nothing comes in force any more, whoever is let in now
        self.faults.clear()
        self._port.stop()
        for connection in list(self.connections.values()):
            connection.abandon("the link was closed")
        self._port.close()

    # Faults.

    def start(self, fault: Fault) -> None:
        """Put ``fault`` in force."""
        fault.on = True
        fault.cycle += 1
        self.faults[fault.id] = fault
        if fault.kind in REFUSING:
            self.shut()
        hit = [c for c in self.connections.values() if fault.hits(c.lot)] if fault.kind != "refuse" else []
        met = sorted((c for c in hit if c.number), key=_number)
        places = ",".join([_place(fault, c) for c in met])
        for connection in hit:
            self._strike(fault, connection)
        if fault.kind in INSTANT:
            self.end(fault)
        self._emit(
            "on",
            monotonic(),
            self.id,
            fault.id,
            fault.cycle,
            ",".join([str(c.number) for c in met]),
            self._dials,
            self._opened,
            places,
        )

    def update(self, fault: Fault, values: tuple[float, ...], toxicity: float) -> None:
        """Change a fault that is in force; where it stays on, it keeps its state: what a limit has counted, say."""
        met = {dial for dial, connection in self.connections.items() if fault.hits(connection.lot)}
        has_changed = values != fault.values  # a toxicity alone starts no deadline anew
        fault.values, fault.toxicity = values, toxicity
        for connection in list(self.connections.values()):
            assert isinstance(connection, Connection)
            if fault.hits(connection.lot):
                if has_changed:
                    connection.change(fault)
            elif connection.dial in met and any(connection.totals()[2:]):
                self._let_go(fault, connection)
            self.apply(connection)

    def end(self, fault: Fault) -> None:
        """Take ``fault`` back.

        Raises:
            OSError: the port was to be opened again, and somebody else has it.
        """
        fault.on = False
        if self.faults.pop(fault.id, None) is None:
            return
        if fault.kind not in REFUSING:
            for connection in list(self.connections.values()):
                if fault.hits(connection.lot):
                    self._let_go(fault, connection)
                self.apply(connection)
        elif not any(f.kind in REFUSING for f in self.faults.values()):
            self.open()

    def _strike(self, fault: Fault, connection: Carrier) -> None:
        if fault.kind in ("cut", "reset"):
            connection.reset("fault", fault.kind)
        elif fault.kind == "close":
            connection.close("fault", fault.kind)
        else:
            self.apply(connection)

    def hang_up(self) -> None:
        """Close every live connection with a FIN, now; whoever is through the handshake has one."""
        self._port.accept()
        for connection in list(self.connections.values()):
            connection.abandon("the proxy was disabled")

    @staticmethod
    def _let_go(fault: Fault, connection: Carrier) -> None:
        """Close a connection that a timeout was on: its stream has a hole, and is not to be put together again."""
        if fault.kind == "timeout" and isinstance(connection, Connection):
            connection.sever(fault)

    def apply(self, connection: Carrier) -> None:
        """Have a connection do what the faults say that are in force."""
        assert isinstance(connection, Connection)
        faults = self.faults.values()
        key = connection.lot
        connection.expire({fault.id: fault for fault in faults if fault.kind in ENDING and fault.hits(key)})
        connection.set(
            (gate(faults, key, UP), stages(faults, key, UP)), (gate(faults, key, DOWN), stages(faults, key, DOWN))
        )

    # Faults that wait.

    def arm(self, fault: Fault, trigger: Trigger, fire: Callable[[], None]) -> None:
        """Call ``fire()`` when the trigger of ``fault`` comes.

        Raises:
            Passed: It can't come any more.
        """
        self._waiting().add(fault, trigger, fire)

    def _waiting(self) -> Armed:
        if self._armed is None:
            from .armed import Armed  # noqa: PLC0415 - few links need it

            self._armed = Armed(self._loop, self)
        return self._armed

    def disarm(self, fault: Fault) -> None:
        """Wait no more for the trigger of ``fault``."""
        if self._armed is not None:
            self._armed.remove(fault)

    def attend(self, place: Place) -> None:
        """Tell a place what happens here, until it leaves."""
        self._waiting().attend(place)

    def leave(self, place: Place) -> None:
        """Tell it nothing any more."""
        if self._armed is not None:
            self._armed.leave(place)

    @property
    def dial_count(self) -> int:
        """How many dials there have been, served or refused."""
        return self._dials

    @property
    def connection_count(self) -> int:
        """How many connections the upstream has accepted."""
        return self._opened

    # The port.

    def shut(self) -> None:
        """Refuse whoever comes from now on; whoever is through the handshake is a connection already."""
        self._port.shut()

    def open(self) -> None:
        """Listen again, at the same port.

        Raises:
            OSError: somebody else has taken it.
        """
        self._port.open()

    def welcome(self, client: Socket, peer: tuple[object, ...], at: float) -> None:
        """Serve somebody who has dialled at a time."""
        watcher, dial = self._admit(sockets.name(peer), at)
        if self._armed is not None and dial > 0 and self._armed.dialled(dial) and self._refusing:
            self._turn_away(dial, client)
            return
        connection = self.connections[dial] = self._connect(watcher, dial, client)
        if dial > 0:  # the background counts for itself
            connection.lot -= self._refused
        if self.faults:
            self.apply(connection)
        else:
            connection.go_on()

    def _admit(self, peer: str, at: float) -> tuple[Watcher, int]:
        """Number a dial, and say who is to be told of it."""
        if peer in self._background:
            return self._background, self._background.number()
        self._dials += 1
        self._emit("dial", at, self.id, self._dials, peer)
        return self, self._dials

    def _connect(self, watcher: Watcher, dial: int, client: Socket) -> Carrier:
        return Connection(self._loop, watcher, dial, client, self._addresses)

    def refuse(self, peer: str, at: float) -> None:
        """Note a dial that met a closed port at a time."""
        if peer in self._background:
            return
        self._dials += 1
        self._refused += 1
        self._emit("dial", at, self.id, self._dials, peer)
        self._emit("refused", at, self.id, self._dials, self._refusing or "cut")
        if self._armed is not None:
            self._armed.dialled(self._dials, is_refused=True)

    def _turn_away(self, dial: int, client: Socket) -> None:
        """Refuse a dial that has brought a fault which refuses: all that can be sent now is an RST."""
        self._refused += 1
        sockets.close_with_rst(client)
        self._emit("refused", monotonic(), self.id, dial, self._refusing)

    @property
    def _refusing(self) -> str:
        """What refuses dials, in words; empty where nothing does."""
        return " and ".join(sorted({f.kind for f in self.faults.values() if f.kind in REFUSING}))

    def blinded(self, why: str) -> None:
        """Say that nobody sees from now on who is refused."""
        self._emit("blind", monotonic(), self.id, why)

    def trouble(self, text: str) -> None:
        """Say what goes wrong."""
        self._emit("trouble", monotonic(), self.id, text)

    # What connections say.

    def opened(self, connection: Carrier) -> None:
        """Note that the upstream has accepted."""
        self._opened += 1
        connection.number = self._opened
        self._emit("open", monotonic(), self.id, connection.dial, connection.number)
        if self._armed is not None:
            self._armed.opened(connection)

    def hung_up(self, connection: Carrier, by: str) -> None:
        """Note that one side is leaving, and whether it answers the end that it was sent."""
        answers = "answer" if connection.was_told(by) else ""
        self._emit("hup", monotonic(), self.id, connection.dial, by, answers)

    def unreachable(self, connection: Carrier, reason: str) -> None:
        """Note that the upstream has not accepted; the client gets an RST."""
        self.connections.pop(connection.dial, None)
        self._emit("refused", monotonic(), self.id, connection.dial, reason)

    def ended(self, connection: Carrier, by: str, how: str, reason: str) -> None:
        """Note how a connection ended."""
        self.connections.pop(connection.dial, None)
        if self._armed is not None:
            self._armed.ended()
        if connection.number:
            self.count(connection)
            self._emit("close", monotonic(), self.id, connection.number, by, how, reason)
        else:
            self._emit("refused", monotonic(), self.id, connection.dial, reason or f"{by} hung up")

    def count(self, connection: Carrier) -> None:
        """Say what a connection has carried and lost until now."""
        connection.told = connection.totals()
        self._emit("count", self.id, connection.number, *connection.told)

    def count_all(self) -> None:
        """Say what each live connection has carried and lost until now, where that is news."""
        for connection in self.connections.values():
            if connection.number and connection.told != connection.totals():
                self.count(connection)


def _number(connection: Carrier) -> int:
    return connection.number


def _place(fault: Fault, connection: Carrier) -> str:
    """Say how far a connection has come up and down; without what waits in our system, where an RST destroys it."""
    up, down = connection.totals()[:2]
    if fault.kind in ("cut", "reset") and isinstance(connection, Connection):
        up -= connection.up.unsent
        down -= connection.down.unsent
    return f"{up}:{down}"
