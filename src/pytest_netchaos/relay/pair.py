"""One connection through a `tap`: the client's half, the server's half, and what they say of each other."""

from __future__ import annotations

from .connection import Connection
from .fault import DOWN, UP
from .flow import HOLD, OPEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812

    from .connection import Watcher
    from .loop import Loop
    from .proxy import Carrier
    from .sockets import Address
    from .tap import Tap


class Pair:
    """A client's connection as the client has it, and as the server does."""

    __slots__ = (
        "_cause", "_entrances", "_exits", "_has_dialled", "_leaver", "_tap", "_watcher", "back", "blackened",
        "dial",
        "front", "is_open", "is_over", "lot", "number", "told",
    )  # fmt: skip

    def __init__(
        self,
        loop: Loop,
        tap: Tap,
        watcher: Watcher,
        dial: int,
        client: Socket,
        addresses: list[tuple[int, Address]],
    ) -> None:
        self.dial = dial
        self.lot = dial
        self.number = 0
        self.told = (0, 0, 0, 0)
        #: The server has accepted.
        self.is_open = False
        #: The client's side is over.
        self.is_over = False
        #: The directions in which a black hole has been.
        self.blackened: set[str] = set()
        self._has_dialled = False
        #: The directions in which nothing may enter the other proxy, and nothing go on from it.
        self._entrances: set[str] = set()
        self._exits: set[str] = set()
        self._tap = tap
        self._watcher = watcher
        #: Who ended it, how and why, as far as is known: the first side that did.
        self._cause: tuple[str, str, str] | None = None
        #: The peer that hung up first.
        self._leaver = ""
        self.back: Connection | None = None
        self.front = Connection(loop, Front(self), dial, client, addresses)
        self.front.server.farewell = lambda sock: tap.part(sock, self)

    # What the proxy does with a connection.

    def go_on(self) -> None:
        """Wait for its turn to be dialled."""
        self._tap.next_turn()

    def reset(self, by: str, reason: str) -> None:
        """Send an RST to the server and to the client, now."""
        self._cause = self._cause or (by, "RST", reason)
        if self.back is not None:
            self.back.reset(by, reason)
        self.front.reset(by, reason)

    def close(self, by: str, reason: str) -> None:
        """Send a FIN to both sides."""
        self._cause = self._cause or (by, "FIN", reason)
        self.front.close(by, reason)
        if self.back is not None:
            self.back.close(by, reason)

    def abandon(self, reason: str) -> None:
        """Send a FIN to both sides, now, whatever is still under way."""
        self._cause = self._cause or ("link", "FIN", reason)
        self.front.abandon(reason)
        if self.back is not None:
            self.back.abandon(reason)

    def totals(self) -> tuple[int, int, int, int]:
        """Count what was delivered up and down, and what was lost up and down."""
        if self.back is None:
            return 0, self.front.down.carried, 0, 0
        return (
            self.back.up.carried,
            self.front.down.carried,
            self._missing(UP) if UP in self.blackened else 0,
            self._missing(DOWN) if DOWN in self.blackened else 0,
        )

    def was_told(self, side: str) -> bool:
        """Whether the ``"client"`` or the ``"server"`` has been sent the end of the connection."""
        half = self.front if side == "client" else self.back
        return half is not None and half.was_told(side)

    # What the tap does with it.

    def hold(self, entrances: set[str], exits: set[str]) -> None:
        """Let nothing into the other proxy, and nothing on from it, in these directions."""
        if (entrances, exits) == (self._entrances, self._exits):
            return
        self._entrances, self._exits = entrances, exits
        if self._has_dialled:
            self._set_front()
        if self.back is not None:
            self._set_back()

    def dial_out(self) -> None:
        """Dial the other proxy: its turn has come."""
        self._has_dialled = True
        self._set_front()

    def gulp(self, *, on: bool) -> None:
        """Read from the other proxy on and on, or no more than the peers take."""
        for flow in (self.front.down, self.back.up if self.back is not None else None):
            if flow is not None and flow.gulps != on:
                flow.gulps = on
                flow.pump()

    def judge(self, directions: set[str]) -> None:
        """Reset it if a black hole has taken bytes in one of these directions."""
        lost = sum(self._missing(direction) for direction in directions)
        if lost:
            self.reset("fault", f"blackhole took {lost} bytes")
        else:
            self.blackened -= directions  # what is missing later is on its way

    def complete(self, back: Connection) -> None:
        """Go on to the server: the other proxy has come back to us."""
        self.back = back
        back.client.farewell = lambda sock: self._tap.part(sock, None)
        self._set_back()

    def _set_front(self) -> None:
        self.front.set((self._entrance(UP), {}), (self._exit(DOWN), {}))

    def _set_back(self) -> None:
        assert self.back is not None
        self.back.set((self._exit(UP), {}), (self._entrance(DOWN), {}))

    def _entrance(self, direction: str) -> int:
        return HOLD if direction in self._entrances else OPEN

    def _exit(self, direction: str) -> int:
        return HOLD if direction in self._exits else OPEN

    @property
    def in_flight(self) -> int:
        """Count the bytes that went into the other proxy and have not come out."""
        if self.front.is_over or self.back is None or self.back.is_over:
            return 0  # what is still in there, is nobody's
        return self._missing(UP) + self._missing(DOWN)

    def _missing(self, direction: str) -> int:
        """Count the bytes that went into the other proxy and have not come out."""
        if self.back is None:
            return 0
        if direction == UP:
            return self.front.up.carried - self.back.up.carried
        return self.back.down.carried - self.front.down.carried

    # What its two halves say.

    def hung_up(self, by: str) -> None:
        """Note that a peer has begun to end it."""
        self._leaver = self._leaver or by
        self._watcher.hung_up(self, by)

    def proxy_hung_up(self) -> None:
        """Note that the other proxy ends it, and no peer has begun: a limit does that, and peers answer it at once."""
        if not self._leaver and self._cause is None and self._tap.is_limited:
            self._cause = ("fault", "FIN", "limit")

    def server_opened(self) -> None:
        """Note that the server has accepted; if the client is gone by then, its end has been told already."""
        self.is_open = True
        if not self.is_over:
            self._watcher.opened(self)

    def server_unreachable(self, reason: str) -> None:
        """Note that the server has not accepted; the client gets an RST, if it isn't gone and its end told."""
        if not self.is_over:
            self.is_over = True
            self._watcher.unreachable(self, reason)
        self.front.reset("server", reason)
        self._tap.gone(self)

    def server_ended(self, by: str, how: str, reason: str) -> None:
        """Note how the server's side ended."""
        if by == "server":
            self._cause = self._cause or (by, how, reason)
        if self.front.is_over:
            self._tap.gone(self)

    def proxy_unreachable(self, reason: str) -> None:
        """Note that the other proxy does not listen."""
        self.is_over = True
        self._watcher.unreachable(self, f"the proxy behind the link: {reason}")
        self._tap.missed(self)
        self._tap.gone(self)

    def client_ended(self, by: str, how: str, reason: str) -> None:
        """Note how the client's side ended. If the server's side ended before, that was why."""
        if by == "server":
            self._tap.missed(self)
        if not self.is_over:
            self.is_over = True
            if by == "server":
                by, how, reason = self._cause or self._guess(how)
            elif self._cause is not None:
                by, how, reason = self._cause
            elif by == "client":  # or the server was first, and what is in between hasn't passed that on yet
                by = self._leaver or by
            self._watcher.ended(self, by, how, reason)
        if self.back is None or self.back.is_over:
            self._tap.gone(self)

    def _guess(self, how: str) -> tuple[str, str, str]:
        """Say who ended it, where the other proxy has hung up on us: the peer that began, or that proxy."""
        return (self._leaver, how, "") if self._leaver else ("link", how, "the proxy behind the link hung up")


class Front:
    """Hears what the client's half says."""

    __slots__ = ("_pair",)

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    def opened(self, connection: Carrier) -> None:
        """The other proxy has accepted: that says nothing of the server."""

    def hung_up(self, connection: Carrier, by: str) -> None:  # noqa: ARG002 - the Watcher protocol
        """One side has sent the first FIN or RST."""
        if by == "client":
            self._pair.hung_up(by)
        else:
            self._pair.proxy_hung_up()

    def unreachable(self, connection: Carrier, reason: str) -> None:  # noqa: ARG002
        """The other proxy has not accepted."""
        self._pair.proxy_unreachable(reason)

    def ended(self, connection: Carrier, by: str, how: str, reason: str) -> None:  # noqa: ARG002
        """The client's half is over."""
        self._pair.client_ended(by, how, reason)


class Back:
    """Hears what the server's half says."""

    __slots__ = ("_pair",)

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    def opened(self, connection: Carrier) -> None:  # noqa: ARG002
        """The server has accepted."""
        self._pair.server_opened()

    def hung_up(self, connection: Carrier, by: str) -> None:  # noqa: ARG002
        """One side has sent the first FIN or RST."""
        if by == "server":
            self._pair.hung_up(by)
        else:
            self._pair.proxy_hung_up()

    def unreachable(self, connection: Carrier, reason: str) -> None:  # noqa: ARG002
        """The server has not accepted."""
        self._pair.server_unreachable(reason)

    def ended(self, connection: Carrier, by: str, how: str, reason: str) -> None:  # noqa: ARG002
        """The server's half is over."""
        self._pair.server_ended(by, how, reason)
