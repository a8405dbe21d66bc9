"""A link's end in the relay: its port, its connections, and the faults that are in force on them."""

from __future__ import annotations

from time import monotonic

from . import sockets
from .background import Background
from .connection import Connection
from .fault import DOWN, ENDING, INSTANT, REFUSING, UP, gate, stages
from .flow import End
from .retry import Retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable, Iterator
    from typing import Protocol, TypeAlias

    from .connection import Watcher
    from .fault import Fault
    from .keeper import Keeper, LoneKeeper
    from .loop import Loop
    from .pair import Pair
    from .sockets import Address

    class Lookout(Protocol):
        """Sees who dials a closed port: a `SynWatch`, or nobody."""

        def add(self, family: int, address: tuple[str, int], on_syn: Callable[[str], None]) -> None:
            """Look out for dials to a port."""

        def remove(self, family: int, address: tuple[str, int]) -> None:
            """Look out no more."""

        def catch_up(self, family: int) -> None:
            """Say what has been seen until now."""

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
        self.family = keeper.family
        self.faults: dict[int, Fault] = {}
        #: By the number of the dial; those of the background have numbers below 0.
        self.connections: dict[int, Carrier] = {}
        self._background = Background(background, self.connections)
        self._loop = loop
        self._watch = watch
        self._emit = emit
        self._listener: Socket | None = listener
        #: The port stays ours while the listener is closed, and connecting to it is refused.
        self._keeper = keeper
        self._door = End("port")  # readable: somebody may be waiting, and nobody has looked yet
        self._addresses = addresses
        self._dials = 0
        self._refused = 0  # of them, by a closed port
        self._opened = 0
        self._unsorted: list[str] | None = None
        self._is_blind = False  # whoever is refused isn't seen
        self._retry = Retry(loop, self._accept)  # while the descriptors have run out
        self._listen(listener)

    def close(self) -> None:
        """End every connection with a FIN, and give the port back."""
        self.faults.clear()
        if self._listener is not None:  # not `shut`: who is refused from now on is refused by nobody's fault
            self._accept()
            self._stop_listening()
        self._watch.remove(self.family, self.address)
        for connection in list(self.connections.values()):
            connection.abandon("the link was closed")
        self._keeper.close()

    # Faults.

    def start(self, fault: Fault) -> None:
        """Put ``fault`` in force."""
        fault.on = True
        fault.cycle += 1
        self.faults[fault.id] = fault
        if fault.kind in REFUSING:
            self.shut()
        hit = [c for c in self.connections.values() if fault.hits(c.lot)] if fault.kind != "refuse" else []
        met = [str(number) for number in sorted(c.number for c in hit if c.number)]
        for connection in hit:
            self._strike(fault, connection)
        if fault.kind in INSTANT:
            self.end(fault)
        self._emit("on", monotonic(), self.id, fault.id, fault.cycle, ",".join(met))

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
            self._apply(connection)

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
                self._apply(connection)
        elif not any(f.kind in REFUSING for f in self.faults.values()):
            self.open()

    def _strike(self, fault: Fault, connection: Carrier) -> None:
        if fault.kind in ("cut", "reset"):
            connection.reset("fault", fault.kind)
        elif fault.kind == "close":
            connection.close("fault", fault.kind)
        else:
            self._apply(connection)

    def hang_up(self) -> None:
        """Close every live connection with a FIN, now; whoever is through the handshake has one."""
        self._accept()
        for connection in list(self.connections.values()):
            connection.abandon("the proxy was disabled")

    @staticmethod
    def _let_go(fault: Fault, connection: Carrier) -> None:
        """Close a connection that a timeout was on: its stream has a hole, and is not to be put together again."""
        if fault.kind == "timeout" and isinstance(connection, Connection):
            connection.sever(fault)

    def _apply(self, connection: Carrier) -> None:
        assert isinstance(connection, Connection)
        faults = self.faults.values()
        key = connection.lot
        connection.expire({fault.id: fault for fault in faults if fault.kind in ENDING and fault.hits(key)})
        connection.set(
            (gate(faults, key, UP), stages(faults, key, UP)), (gate(faults, key, DOWN), stages(faults, key, DOWN))
        )

    # The port.

    def shut(self) -> None:
        """Refuse whoever comes from now on; whoever is through the handshake is a connection already."""
        if self._listener is None:
            return
        self._look_out()
        self._accept()
        self._watch.catch_up(self.family)  # the SYNs of those: not refused
        self._stop_listening()

    def open(self) -> None:
        """Listen again, at the same port.

        Raises:
            OSError: somebody else has taken it.
        """
        listener = self._keeper.listen()
        waiting, refused = self._sort_out(listener)
        for peer in refused:
            self._refuse(peer)
        self._welcome_all(waiting)
        self._listen(listener)

    def _look_out(self) -> None:
        """See who dials from now on. Where that fails, it isn't tried again: the owner has other means from then on."""
        if self._is_blind:
            return
        try:
            self._watch.add(self.family, self.address, self._saw_syn)
        except OSError as error:
            self._is_blind = True
            self._emit("blind", monotonic(), self.id, str(error))
            if error.errno in sockets.EXHAUSTED:
                self._emit("trouble", monotonic(), self.id, f"can't see who is refused: {error}")

    def _stop_listening(self) -> None:
        assert self._listener is not None
        self._loop.forget(self._listener.fileno())
        self._keeper.shut(self._listener)
        self._listener = None

    def _listen(self, listener: Socket) -> None:
        # Accept after the other events of the round: a client that hung up and dialled again has done so in that order.
        self._door.readable = False
        self._loop.watch(listener.fileno(), lambda _: self._knock(), self._door)

    def _knock(self) -> None:
        self._door.readable = True
        self._loop.soon(self._accept)

    def _accept(self) -> None:
        """Welcome each as he comes: that nobody else is waiting is found out when this one is served."""
        for client, peer in self._accept_each():
            self._welcome(client, peer)

    def _sort_out(self, listener: Socket) -> tuple[list[tuple[Socket, tuple[object, ...]]], list[str]]:
        """Tell the dials that the new listener has from those that came before it: both have sent a SYN."""
        self._unsorted = []
        self._watch.catch_up(self.family)
        self._watch.remove(self.family, self.address)
        seen, self._unsorted = self._unsorted, None
        self._listener = listener
        waiting = list(self._accept_each())
        served = {sockets.name(peer) for _, peer in waiting}
        return waiting, [peer for peer in seen if peer not in served]

    def _saw_syn(self, peer: str) -> None:
        if self._unsorted is not None:
            self._unsorted.append(peer)
        elif self._listener is None:
            self._refuse(peer)

    def _accept_each(self) -> Iterator[tuple[Socket, tuple[object, ...]]]:
        while self._listener is not None:
            try:
                yield sockets.accept(self._listener)
            except BlockingIOError:
                self._has_accepted_all()
                break
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._accept_later(error)
                break

    def _has_accepted_all(self) -> None:
        self._door.readable = False
        self._retry.over()

    def _accept_later(self, error: OSError) -> None:
        """Try again, until everybody who waits is accepted; say so once."""
        if self._retry.later():
            self._emit("trouble", monotonic(), self.id, f"can't accept a connection: {error}")

    def _welcome_all(self, waiting: list[tuple[Socket, tuple[object, ...]]]) -> None:
        for client, peer in waiting:
            self._welcome(client, peer)

    def _welcome(self, client: Socket, peer: tuple[object, ...]) -> None:
        watcher, dial = self._admit(sockets.name(peer))
        connection = self.connections[dial] = self._connect(watcher, dial, client)
        if dial > 0:  # the background counts for itself
            connection.lot -= self._refused
        if self.faults:
            self._apply(connection)
        else:
            connection.go_on()

    def _admit(self, peer: str) -> tuple[Watcher, int]:
        """Number a dial, and say who is to be told of it."""
        if peer in self._background:
            return self._background, self._background.number()
        self._dials += 1
        self._emit("dial", monotonic(), self.id, self._dials, peer)
        return self, self._dials

    def _connect(self, watcher: Watcher, dial: int, client: Socket) -> Carrier:
        return Connection(self._loop, watcher, dial, client, self._addresses)

    def _refuse(self, peer: str) -> None:
        """Note a dial that met a closed port."""
        if peer in self._background:
            return
        now = monotonic()
        self._dials += 1
        self._refused += 1
        self._emit("dial", now, self.id, self._dials, peer)
        kinds = " and ".join(sorted({f.kind for f in self.faults.values() if f.kind in REFUSING}))
        self._emit("refused", now, self.id, self._dials, kinds or "cut")

    # What connections say.

    def opened(self, connection: Carrier) -> None:
        """Note that the upstream has accepted."""
        self._opened += 1
        connection.number = self._opened
        self._emit("open", monotonic(), self.id, connection.dial, connection.number)

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
