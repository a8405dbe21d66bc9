"""A link's end in the relay: its port, its connections, and the faults that are in force on them."""

from __future__ import annotations

from time import monotonic

from . import sockets
from .background import Background
from .connection import Connection
from .fault import DOWN, INSTANT, REFUSING, UP, gate, stages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable

    from .fault import Fault
    from .loop import Loop
    from .sockets import Address
    from .watch import SynWatch

#: Seconds before the next try to accept, after the descriptors ran out: no edge will say when there are some again.
ACCEPT_PAUSE = 0.05


class Proxy:
    """Accepts at one port, connects to one upstream, and does what the link's faults say."""

    def __init__(
        self,
        loop: Loop,
        watch: SynWatch,
        emit: Callable[..., None],
        id_: int,
        listener: Socket,
        keeper: Socket,
        addresses: list[tuple[int, Address]],
        background: frozenset[str] = frozenset(),
    ) -> None:
        self.id = id_
        self.port: int = keeper.getsockname()[1]
        self.family: int = keeper.family
        self.faults: dict[int, Fault] = {}
        #: By the number of the dial; those of the background have numbers below 0.
        self.connections: dict[int, Connection] = {}
        self._background = Background(background, self.connections)
        self._loop = loop
        self._watch = watch
        self._emit = emit
        self._listener: Socket | None = listener
        #: Bound and never listening: the port stays ours while the listener is closed, and connecting to it is refused.
        self._keeper = keeper
        self._addresses = addresses
        self._dials = 0
        self._opened = 0
        self._unsorted: list[str] | None = None
        self._listen(listener)

    def close(self) -> None:
        """End every connection with a FIN, and give the port back."""
        self.faults.clear()
        self.shut()
        self._watch.remove(self.family, self.port)
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
        hit = [c for c in self.connections.values() if fault.hits(c.dial)] if fault.kind != "refuse" else []
        met = [str(number) for number in sorted(c.number for c in hit if c.number)]
        for connection in hit:
            self._strike(fault, connection)
        if fault.kind in INSTANT:
            self.end(fault)
        self._emit("on", monotonic(), self.id, fault.id, fault.cycle, ",".join(met))

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
                self._apply(connection)
        elif not any(f.kind in REFUSING for f in self.faults.values()):
            self.open()

    def _strike(self, fault: Fault, connection: Connection) -> None:
        if fault.kind in ("cut", "reset"):
            connection.reset("fault", fault.kind)
        elif fault.kind == "close":
            connection.close("fault", fault.kind)
        else:
            self._apply(connection)

    def _apply(self, connection: Connection) -> None:
        faults = self.faults.values()
        key = connection.dial
        connection.set(
            (gate(faults, key, UP), stages(faults, key, UP)), (gate(faults, key, DOWN), stages(faults, key, DOWN))
        )

    # The port.

    def shut(self) -> None:
        """Refuse whoever comes from now on; whoever is through the handshake is a connection already."""
        if self._listener is None:
            return
        self._watch.add(self.family, self.port, self._saw_syn)
        self._accept()
        self._watch.catch_up(self.family)  # the SYNs of those: not refused
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._listener = None

    def open(self) -> None:
        """Listen again, at the same port.

        Raises:
            OSError: somebody else has taken it.
        """
        listener = sockets.listen(self.family, self._keeper.getsockname())
        waiting, refused = self._sort_out(listener)
        for peer in refused:
            self._refuse(peer)
        self._welcome_all(waiting)
        self._listen(listener)

    def _listen(self, listener: Socket) -> None:
        # Accept after the other events of the round: a client that hung up and dialled again has done so in that order.
        self._loop.watch(listener.fileno(), lambda _: self._loop.soon(self._accept))

    def _accept(self) -> None:
        self._welcome_all(self._accept_all())

    def _sort_out(self, listener: Socket) -> tuple[list[tuple[Socket, tuple[object, ...]]], list[str]]:
        """Tell the dials that the new listener has from those that came before it: both have sent a SYN."""
        self._unsorted = []
        self._watch.catch_up(self.family)
        self._watch.remove(self.family, self.port)
        seen, self._unsorted = self._unsorted, None
        self._listener = listener
        waiting = self._accept_all()
        served = {sockets.name(peer) for _, peer in waiting}
        return waiting, [peer for peer in seen if peer not in served]

    def _saw_syn(self, peer: str) -> None:
        if self._unsorted is not None:
            self._unsorted.append(peer)
        elif self._listener is None:
            self._refuse(peer)

    def _accept_all(self) -> list[tuple[Socket, tuple[object, ...]]]:
        waiting: list[tuple[Socket, tuple[object, ...]]] = []
        while self._listener is not None:
            try:
                waiting.append(sockets.accept(self._listener))
            except BlockingIOError:
                break
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._emit("trouble", monotonic(), self.id, f"can't accept a connection: {error}")
                self._loop.call_at(monotonic() + ACCEPT_PAUSE, self._accept)
                break
        return waiting

    def _welcome_all(self, waiting: list[tuple[Socket, tuple[object, ...]]]) -> None:
        for client, peer in waiting:
            self._welcome(client, peer)

    def _welcome(self, client: Socket, peer: tuple[object, ...]) -> None:
        connection = self._connect(client, peer)
        self.connections[connection.dial] = connection
        if self.faults:
            self._apply(connection)
        else:
            connection.go_on()

    def _connect(self, client: Socket, peer: tuple[object, ...]) -> Connection:
        if (name := sockets.name(peer)) in self._background:
            dial = self._background.number()
            return Connection(self._loop, self._background, dial, client, peer, self._addresses)
        self._dials += 1
        self._emit("dial", monotonic(), self.id, self._dials, name)
        return Connection(self._loop, self, self._dials, client, peer, self._addresses)

    def _refuse(self, peer: str) -> None:
        """Note a dial that met a closed port."""
        if peer in self._background:
            return
        now = monotonic()
        self._dials += 1
        self._emit("dial", now, self.id, self._dials, peer)
        kinds = " and ".join(sorted({f.kind for f in self.faults.values() if f.kind in REFUSING}))
        self._emit("refused", now, self.id, self._dials, kinds or "cut")

    # What connections say.

    def opened(self, connection: Connection) -> None:
        """Note that the upstream has accepted."""
        self._opened += 1
        connection.number = self._opened
        self._emit("open", monotonic(), self.id, connection.dial, connection.number)

    def hung_up(self, connection: Connection, by: str) -> None:
        """Note that one side is leaving."""
        self._emit("hup", monotonic(), self.id, connection.dial, by)

    def unreachable(self, connection: Connection, reason: str) -> None:
        """Note that the upstream has not accepted; the client gets an RST."""
        self.connections.pop(connection.dial, None)
        self._emit("refused", monotonic(), self.id, connection.dial, reason)

    def ended(self, connection: Connection, by: str, how: str, reason: str) -> None:
        """Note how a connection ended."""
        self.connections.pop(connection.dial, None)
        if connection.number:
            self.count(connection)
            self._emit("close", monotonic(), self.id, connection.number, by, how, reason)
        else:
            self._emit("refused", monotonic(), self.id, connection.dial, reason or f"{by} hung up")

    def count(self, connection: Connection) -> None:
        """Say what a connection has carried and lost until now."""
        up, down = connection.up, connection.down
        self._emit("count", self.id, connection.number, up.carried, down.carried, up.lost, down.lost)

    def count_all(self) -> None:
        """Say what each live connection has carried and lost until now."""
        for connection in self.connections.values():
            if connection.number:
                self.count(connection)
