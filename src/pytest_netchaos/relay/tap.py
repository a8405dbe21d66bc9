"""A link through a fault proxy that somebody else wrote: this relay stands on both sides of it, and sees.

::

    client → front port → [front] → the other proxy → inner port → [back] → server

The other proxy breaks what passes; the front sees the clients' dials, and the back what really reaches the server.
Which back connection belongs to which front connection, the bytes don't tell: so one dial at a time is under way in
between, and whoever arrives at the inner port meanwhile is its other half.
"""

from __future__ import annotations

from _collections import deque  # type: ignore[import-not-found]  # see stages.py
from time import monotonic

from . import sockets
from .connection import Connection
from .drain import Drain
from .end import End
from .fault import DOWN, REFUSING, UP
from .pair import Back, Pair
from .proxy import Proxy
from .retry import ACCEPT_PAUSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable

    from .connection import Watcher
    from .fault import Fault
    from .keeper import Keeper, LoneKeeper
    from .loop import Loop, Timer
    from .sockets import Address
    from .watch import SynWatch

#: Seconds that the other proxy has to come back to us after we have dialled it. It takes 0.0002 on loopback.
PATIENCE = 5.0


class Tap(Proxy):
    """A `Proxy` whose upstream is another proxy that leads back here. Its own faults are `cut` and `hold`.

    All other faults are carried out in between: the tap notes when they begin and end, and whom they met.
    """

    only_notes = True

    def __init__(
        self,
        loop: Loop,
        watch: SynWatch,
        emit: Callable[..., None],
        id_: int,
        listener: Socket,
        keeper: Keeper | LoneKeeper,
        inner: Socket,
        between: tuple[int, Address],
        addresses: list[tuple[int, Address]],
        background: frozenset[str] = frozenset(),
    ) -> None:
        self._inner = inner
        self._inner_door = End("port")
        self._server_addresses = addresses
        #: Dials whose turn has not come yet.
        self._queue: deque[Pair] = deque()
        #: The dial that is under way between the two sides of us.
        self._under_way: Pair | None = None
        self._patience: Timer | None = None
        self._gulps = False
        #: Sockets that face the other proxy, and whose peers are gone.
        self._drains: set[Drain] = set()
        #: Everyone with a socket left, those whose client is gone included.
        self._pairs: set[Pair] = set()
        super().__init__(loop, watch, emit, id_, listener, keeper, [between], background)
        self._inner_door.readable = False
        loop.watch(inner.fileno(), lambda _: self._arrivals(), self._inner_door)

    def close(self) -> None:
        """End every connection, and give both ports back."""
        super().close()
        for pair in list(self._pairs):
            pair.abandon("the link was closed")
        for drain in list(self._drains):
            drain.close()
        self._loop.forget(self._inner.fileno())
        self._inner.close()
        self._give_up_waiting()

    def open(self) -> None:
        """Listen again. Who has arrived during the cut is nobody's other half any more."""
        self._arrivals()
        super().open()

    def start(self, fault: Fault) -> None:
        """Put ``fault`` in force, or note that it is."""
        super().start(fault)
        if fault.kind in REFUSING:
            self._give_up_waiting()

    def end(self, fault: Fault) -> None:
        """Take ``fault`` back; after a black hole, reset who lost bytes in it."""
        was_on = fault.id in self.faults
        super().end(fault)
        if was_on and fault.kind == "blackhole":
            holes = {d for d in (UP, DOWN) if fault.direction in (d, "both") and not self._is_black(d)}
            for pair in list(self.connections.values()):
                assert isinstance(pair, Pair)
                pair.judge(holes)

    def apply(self, connection: Connection | Pair) -> None:
        """Hold back what the faults of our own say; the others act in between."""
        assert isinstance(connection, Pair)
        connection.hold(self._shut_entrances(), self._directions("stall", "hold"))
        connection.blackened |= {d for d in (UP, DOWN) if self._is_black(d)}
        connection.go_on()

    def _is_black(self, direction: str) -> bool:
        return direction in self._directions("blackhole")

    def _shut_entrances(self) -> set[str]:
        """The directions in which nothing may enter the other proxy. A black hole outdoes a stall."""
        return self._directions("hold", "dam") | (self._directions("stall") - self._directions("blackhole"))

    def _directions(self, *kinds: str) -> set[str]:
        """The directions in which a fault of these kinds is in force."""
        faults = [f for f in self.faults.values() if f.kind in kinds]
        return {d for d in (UP, DOWN) if any(f.direction in (d, "both") for f in faults)}

    @property
    def is_limited(self) -> bool:
        """Whether the other proxy closes connections after so many bytes."""
        return bool(self._directions("limit"))

    def in_flight(self) -> int:
        """Count the bytes that went into the other proxy and have not come out."""
        return sum(pair.in_flight for pair in self._pairs)

    def part(self, sock: Socket, pair: Pair | None) -> None:
        """Take over a socket that faces the other proxy, until that hangs up: see `Drain`."""
        self._drains.add(Drain(self._loop, sock, lambda drain: self._parted(drain, pair)))

    def _parted(self, drain: Drain, pair: Pair | None) -> None:
        self._drains.discard(drain)
        if pair is not None:
            self.missed(pair)

    def gulp(self, *, on: bool) -> None:
        """Take whatever the other proxy gives, at once, although the peers don't: it can't be told anything meanwhile.

        A Toxiproxy whose writes are blocked hangs in every change of its toxics (Shopify/toxiproxy issue 159).
        """
        self._gulps = on
        for pair in list(self._pairs):
            pair.gulp(on=on)

    # One at a time.

    def _connect(self, watcher: Watcher, dial: int, client: Socket) -> Pair:
        pair = Pair(self._loop, self, watcher, dial, client, self._addresses)
        pair.gulp(on=self._gulps)
        self._pairs.add(pair)
        self._queue.append(pair)
        return pair

    def next_turn(self) -> None:
        """Let the next dial go through, if none is under way."""
        while self._under_way is None and self._queue and UP not in self._shut_entrances():
            pair = self._queue.popleft()
            if not pair.is_over:
                self._under_way = pair
                self._patience = self._loop.call_at(monotonic() + PATIENCE, self._lost_patience)
                pair.dial_out()

    def missed(self, pair: Pair) -> None:
        """Take note that the other proxy has hung up on a dial: if it came back to us, it did so before."""
        if self._under_way is pair:
            self._arrivals()
        if self._under_way is pair:
            self._give_up_waiting()
            self._loop.soon(self.next_turn)

    def _arrivals(self) -> None:
        while True:
            try:
                sock, _ = sockets.accept(self._inner)
            except BlockingIOError:
                self._inner_door.readable = False
                return
            except OSError:  # no descriptors are left, which the front says: no edge will tell when there are again
                self._inner_door.readable = True
                self._loop.call_at(monotonic() + ACCEPT_PAUSE, self._arrivals_later)
                return
            pair = self._under_way
            if pair is None:
                self.part(sock, None)  # a stranger, or the other half of somebody who was cut off
                continue
            self._give_up_waiting()
            self._loop.soon(self.next_turn)
            if pair.is_over:
                self.part(sock, None)
            else:
                pair.complete(Connection(self._loop, Back(pair), pair.dial, sock, self._server_addresses))
                pair.gulp(on=self._gulps)

    def _arrivals_later(self) -> None:
        if self._inner.fileno() >= 0:
            self._arrivals()

    def _lost_patience(self) -> None:
        """Tell the client; but the turn is over only when the other proxy has come back to us, or hung up.

        It may come late, and would be taken for the other half of whoever has his turn by then.
        """
        pair = self._under_way
        if pair is not None and not pair.is_over:
            self._emit(
                "trouble", monotonic(), self.id, f"dial {pair.dial}: the proxy behind the link has not passed it on"
            )
            pair.reset("link", "the proxy behind the link has not passed it on")

    def _give_up_waiting(self) -> None:
        self._under_way = None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def gone(self, pair: Pair) -> None:
        """Forget a pair without sockets, after a last count: bytes that were late may have reached the server."""
        self._pairs.discard(pair)
        if pair.number:
            self.count(pair)
