"""A port that can be shut and opened again: who comes is accepted, and who dials it while it is shut is seen."""

from __future__ import annotations

from time import monotonic

from . import sockets
from .end import End
from .retry import Retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable, Iterator
    from typing import Protocol, TypeAlias

    from .keeper import Keeper, LoneKeeper
    from .loop import Loop

    #: Somebody who was accepted: the socket, whose it is, and when he dialled.
    Arrival: TypeAlias = "tuple[Socket, tuple[object, ...], float]"

    class Lookout(Protocol):
        """Sees who dials a closed port: a `SynWatch`, or nobody."""

        def add(self, family: int, address: tuple[str, int], on_syn: Callable[[str, float], None]) -> None:
            """Look out for dials to a port."""

        def remove(self, family: int, address: tuple[str, int]) -> None:
            """Look out no more."""

        def catch_up(self, family: int) -> None:
            """Say what has been seen until now."""

    class Host(Protocol):
        """Whom a port works for."""

        def welcome(self, client: Socket, peer: tuple[object, ...], at: float) -> None:
            """Serve somebody who has dialled at a time."""

        def refuse(self, peer: str, at: float) -> None:
            """Note somebody who has dialled at a time when the port was shut."""

        def blinded(self, why: str) -> None:
            """Take note that nobody sees from now on who is refused."""

        def trouble(self, text: str) -> None:
            """Say what goes wrong."""


class Port:
    """Listens at an address, and stays its owner while it doesn't.

    Args:
        loop: Where it runs.
        watch: Sees who dials while it is shut.
        host: Hears of everybody who dials.
        listener: The socket that listens.
        keeper: Keeps the address while nobody listens.
    """

    __slots__ = (
        "_door", "_family", "_host", "_is_blind", "_is_to_open", "_keeper", "_listener", "_loop", "_retry", "_unsorted",
        "_watch",
    )  # fmt: skip

    def __init__(self, loop: Loop, watch: Lookout, host: Host, listener: Socket, keeper: Keeper | LoneKeeper) -> None:
        self._loop = loop
        self._watch = watch
        self._host = host
        self._listener: Socket | None = listener
        self._keeper = keeper
        self._family = keeper.family
        self._door = End("port")  # readable: somebody may be waiting, and nobody has looked yet
        self._unsorted: list[tuple[str, float]] | None = None
        self._is_to_open = True
        self._is_blind = False  # whoever is refused isn't seen
        self._retry = Retry(loop, self.accept)  # while the descriptors have run out
        self._listen(listener)

    @property
    def is_open(self) -> bool:
        """Whether it accepts."""
        return self._listener is not None

    def shut(self) -> None:
        """Refuse whoever comes from now on; whoever is through the handshake is welcome still."""
        self._is_to_open = False
        if self._listener is None:
            return
        self._look_out()
        self.accept()
        self._watch.catch_up(self._family)  # the SYNs of those: not refused
        self._stop_listening()

    def open(self) -> None:
        """Listen again.

        Raises:
            OSError: somebody else has taken the address.
        """
        self._is_to_open = True
        self._watch.catch_up(self._family)  # who came until now was refused
        if not self._is_to_open:  # one of them has brought a fault that refuses
            return
        listener = self._keeper.listen()
        waiting, refused = self._sort_out(listener, monotonic())
        self._listen(listener)
        for peer, at in refused:
            self._host.refuse(peer, at)
        for arrival in waiting:  # a fault may wait for one of them, and shut the port again
            self._host.welcome(*arrival)

    def stop(self) -> None:
        """Accept nobody any more. Not `shut`: who is refused from now on is refused by nobody's fault."""
        if self._listener is not None:
            self.accept()
            self._stop_listening()
        self._watch.remove(self._family, self._keeper.address)

    def close(self) -> None:
        """Give the address back."""
        self._keeper.close()

    def accept(self) -> None:
        """Welcome each as he comes: that nobody else is waiting is found out when this one is served."""
        for arrival in self._accept_each():
            self._host.welcome(*arrival)

    def _look_out(self) -> None:
        """See who dials from now on. Where that fails, it isn't tried again: the owner has other means from then on."""
        if self._is_blind:
            return
        try:
            self._watch.add(self._family, self._keeper.address, self._saw_syn)
        except OSError as error:
            self._is_blind = True
            self._host.blinded(str(error))
            if error.errno in sockets.EXHAUSTED:
                self._host.trouble(f"can't see who is refused: {error}")

    def _listen(self, listener: Socket) -> None:
        # Accept after the other events of the round: a client that hung up and dialled again has done so in that order.
        self._door.readable = False
        self._loop.watch(listener.fileno(), lambda _: self._knock(), self._door)

    def _stop_listening(self) -> None:
        assert self._listener is not None
        self._loop.forget(self._listener.fileno())
        self._keeper.shut(self._listener)
        self._listener = None

    def _knock(self) -> None:
        self._door.readable = True
        self._loop.soon(self.accept)

    def _accept_each(self) -> Iterator[Arrival]:
        while self._listener is not None:
            try:
                client, peer = sockets.accept(self._listener)
            except BlockingIOError:
                self._door.readable = False
                self._retry.over()
                break
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._accept_later(error)
                break
            else:
                # Late, if the relay is: TCP_INFO knows since when he waits, but its jiffies were 23 ms off where the
                # hypervisor took the processor away, and a dial that looks too early makes a wait look too short.
                yield client, peer, monotonic()

    def _accept_later(self, error: OSError) -> None:
        """Try again, until everybody who waits is accepted; say so once."""
        if self._retry.later():
            self._host.trouble(f"can't accept a connection: {error}")

    def _sort_out(self, listener: Socket, opened_at: float) -> tuple[list[Arrival], list[tuple[str, float]]]:
        """Tell the dials that the new listener has, or will have, from those that came before it.

        All of them have sent a SYN. On a busy machine, the handshake of who came later than the listener may still go
        on when everybody who waits is accepted: he isn't refused, and is accepted soon.
        """
        self._unsorted = []
        self._watch.catch_up(self._family)
        self._watch.remove(self._family, self._keeper.address)
        seen, self._unsorted = self._unsorted, None
        self._listener = listener
        waiting = list(self._accept_each())
        served = {sockets.name(peer) for _, peer, _ in waiting}
        return waiting, [(peer, at) for peer, at in seen if at < opened_at and peer not in served]

    def _saw_syn(self, peer: str, at: float) -> None:
        if self._unsorted is not None:
            self._unsorted.append((peer, at))
        elif self._listener is None:
            self._host.refuse(peer, at)
