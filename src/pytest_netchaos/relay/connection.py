"""One connection: the client's socket, the upstream's, and a flow in each direction between them."""

from __future__ import annotations

import sys

from . import sockets
from .end import End
from .fault import ENDING
from .flow import DROP, OPEN, Flow
from .lingering import Lingering
from .loop import ERR, HUP, IN, OUT, RDHUP
from .stages import BROKEN, CLOSE, RST

if sys.platform == "linux":
    from . import splicing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable
    from typing import Protocol

    from .deadlines import Deadlines
    from .fault import Fault
    from .loop import Loop
    from .proxy import Carrier
    from .sockets import Address
    from .stages import Stage

    class Watcher(Protocol):
        """What a connection tells its proxy."""

        def opened(self, connection: Carrier) -> None:
            """The upstream has accepted."""

        def hung_up(self, connection: Carrier, by: str) -> None:
            """One side has sent a FIN or an RST, not in answer to the other's; what is under way may still arrive."""

        def unreachable(self, connection: Carrier, reason: str) -> None:
            """The upstream has not accepted."""

        def ended(self, connection: Carrier, by: str, how: str, reason: str) -> None:
            """The connection is over."""


#: What carries the bytes.
FLOW: type[Flow] = splicing.FLOW if sys.platform == "linux" else Flow
#: An event with any of these says more than that bytes have come.
NOTABLE = ~(IN | OUT)


class Connection:
    """Connects a client to the upstream and relays between them until one of them, or a fault, ends it."""

    __slots__ = (
        "_addresses", "_closed_by", "_connecting", "_deadlines", "_dialled", "_is_hanging_up", "_lingering", "_loop",
        "_watcher", "client", "dial", "down", "is_open", "is_over", "lot", "number", "server", "told", "up",
    )  # fmt: skip

    def __init__(
        self,
        loop: Loop,
        watcher: Watcher,
        dial: int,
        client: Socket,
        addresses: list[tuple[int, Address]],
    ) -> None:
        self.dial = dial
        #: What faults draw by: counts the dials that were accepted. How many are refused in an outage is a matter of
        #: milliseconds, and what a seed draws after it must not hang on that.
        self.lot = dial
        #: Counts the link's served dials; 0 until the upstream has accepted.
        self.number = 0
        self.client = End("client", client)
        self.server = End("server")
        self.up = FLOW(loop, self.client, self.server, self._flow_ended)
        self.down = FLOW(loop, self.server, self.client, self._flow_ended)
        #: The `totals` that the owner knows of: of a thousand connections, most are silent.
        self.told = (0, 0, 0, 0)
        self.is_open = False
        self.is_over = False
        self._loop = loop
        self._watcher = watcher
        self._addresses = addresses
        self._dialled = 0  # of them
        self._connecting: Socket | None = None
        #: Who ended it and why: the first side that sent a FIN, or a fault.
        self._closed_by: tuple[str, str] | None = None
        self._is_hanging_up = False  # a fault sends FINs
        self._lingering: Lingering | None = None
        self._deadlines: Deadlines | None = None
        sockets.no_delay(client)
        loop.watch(client.fileno(), self._client_event, self.client)

    def set(
        self, up: tuple[int, dict[int, Callable[[], Stage]]], down: tuple[int, dict[int, Callable[[], Stage]]]
    ) -> None:
        """Put a gate and stages in force for each direction."""
        if self.is_over:
            return
        pairs = ((self.up, up[0]), (self.down, down[0]))
        resumed = [flow for flow, gate in pairs if flow.gate == DROP and gate != DROP]
        self.up.set(*up)
        self.down.set(*down)
        if any(flow.has_hole for flow in resumed):
            self.reset("fault", f"blackhole took {self.lost}")
            return
        self.go_on()

    @property
    def lost(self) -> str:
        """What a black hole took, in words."""
        if self.up.lost or self.down.lost:
            return f"{self.up.lost + self.down.lost} bytes"
        return "the end of the stream"

    def go_on(self) -> None:
        """Dial the upstream, if that is still to be done and may be; then let both flows run."""
        if self.is_over:
            return
        if self.server.sock is None and self._connecting is None and self.up.gate == OPEN:
            self._dial_next("no address")
        self._pump()

    def reset(self, by: str, reason: str) -> None:
        """Send an RST to both sides, now."""
        self._finish(by, reason, how="RST", with_rst=True)

    def close(self, by: str, reason: str) -> None:
        """Send a FIN to both sides, after what has already arrived from the other."""
        if not self.is_open:
            self._finish(by, reason, how="FIN", with_rst=False)
            return
        self._end_by(by, reason)
        self.up.close()
        self.down.close()
        self._pump()

    def abandon(self, reason: str) -> None:
        """Send a FIN to both sides, now, whatever is still under way."""
        self._finish("link", reason, how="FIN", with_rst=False)

    def sever(self, fault: Fault) -> None:
        """Close it where a fault drops bytes: who is behind gets what is past it already, and a FIN."""
        if not self.is_open:
            self._finish("fault", fault.kind, how="FIN", with_rst=False)
            return
        self._end_by("fault", fault.kind)
        self.up.sever(fault.id)
        self.down.sever(fault.id)
        self._pump()

    def change(self, fault: Fault) -> None:
        """Give new values to what a fault does here. Call `set` afterwards."""
        self.up.change(fault.id, fault.values)
        self.down.change(fault.id, fault.values)
        if self._deadlines is not None and fault.kind in ENDING:
            self._deadlines.restart(fault)

    def expire(self, faults: dict[int, Fault]) -> None:
        """Let these faults end it, and no others, each at its time."""
        if self.is_over:
            return
        if self._deadlines is None and faults:
            from .deadlines import Deadlines  # noqa: PLC0415 - few faults need it

            self._deadlines = Deadlines(self._loop, self)
        if self._deadlines is not None:
            self._deadlines.adopt(faults)

    def totals(self) -> tuple[int, int, int, int]:
        """Count what was delivered up and down, and what was lost up and down."""
        return self.up.carried, self.down.carried, self.up.dropped, self.down.dropped

    def received(self) -> tuple[int, int]:
        """Count what was read from the client, and from the server."""
        return self.up.received, self.down.received

    def moved(self) -> tuple[int, ...]:
        """Count what was read, delivered and lost: it stands still as long as nothing passes."""
        return *self.received(), *self.totals()

    def was_told(self, side: str) -> bool:
        """Whether the ``"client"`` or the ``"server"`` has been sent the end of the connection."""
        return (self.down if side == "client" else self.up).over

    def _pump(self) -> None:
        if not self.is_over:
            self.up.pump()
        if not self.is_over:
            self.down.pump()
        self._end_if_gone()

    def _end_if_gone(self) -> None:
        """End with an RST what an RST has ended after a FIN: nobody reads that side any more, who could find it."""
        for end, reading in ((self.client, self.up), (self.server, self.down)):
            if self.is_over or not (end.broken and reading.over):
                continue
            if reading.gate == OPEN:
                self._finish(end.side, "", how="RST", with_rst=True)
            elif reading.gate == DROP:
                reading.lost_end = True

    # The upstream.

    def _dial_next(self, reason: str) -> None:
        while self._dialled < len(self._addresses):
            family, address = self._addresses[self._dialled]
            self._dialled += 1
            try:
                sock = sockets.dial(family, address)
            except OSError as error:
                reason = f"upstream {sockets.name(address)}: {sockets.why(error.errno or 0)}"
                continue
            self._await_connect(sock, address)
            return
        self._watcher.unreachable(self, reason)
        self._release(with_rst=True)

    def _hang_up_dial(self) -> None:
        if self._connecting is not None:
            self._loop.forget(self._connecting.fileno())
            self._connecting.close()
            self._connecting = None

    def _await_connect(self, sock: Socket, address: Address) -> None:
        self._connecting = sock
        failed = sockets.connect_error(sock)
        if failed is None:
            self.server.writable = False  # it will be when it is connected, or failed to be
            self._loop.watch(sock.fileno(), lambda _: self._connect_event(sock, address), self.server)
        else:  # on loopback it has mostly happened already
            self._connected(sock, address, failed)

    def _connect_event(self, sock: Socket, address: Address) -> None:
        failed = sockets.connect_error(sock)
        if failed is None or self.is_over or sock is not self._connecting:
            return
        self._loop.forget(sock.fileno())
        self._connected(sock, address, failed)

    def _connected(self, sock: Socket, address: Address, failed: int) -> None:
        if failed in sockets.RESETS:  # it had accepted, and has hung up since: a connection, if a short one
            self.server.broken = True
            failed = 0
        self._connecting = None
        if failed:
            sock.close()
            self._dial_next(f"upstream {sockets.name(address)}: {sockets.why(failed)}")
            return
        sockets.no_delay(sock)
        self.server.sock = sock
        self.server.writable = True
        self.server.readable = self.server.broken  # an event will say when it is; a client has mostly asked by now
        self.is_open = True
        self._loop.watch(sock.fileno(), self._server_event, self.server)
        self._watcher.opened(self)  # which may end it: a fault may wait for it
        self._pump()

    # Events and ends.

    def _client_event(self, mask: int) -> None:
        client = self.client
        if mask & NOTABLE or not client.writable or self.is_over:
            self._event(client, mask, self.up, self.down)
        elif mask & IN:  # bytes, as nearly always
            client.readable = True
            self.up.pump()
            if client.broken or self.server.broken:
                self._end_if_gone()

    def _server_event(self, mask: int) -> None:
        server = self.server
        if mask & NOTABLE or not server.writable or self.is_over:
            self._event(server, mask, self.down, self.up)
        elif mask & IN:
            server.readable = True
            self.down.pump()
            if server.broken or self.client.broken:
                self._end_if_gone()

    def _event(self, end: End, mask: int, reading: Flow, writing: Flow) -> None:
        was_blocked = not end.writable  # every edge says OUT; mostly that is no news
        self._note(end, mask)
        if self._lingering is not None:
            self._lingering.go_on()
            return
        if mask & ~OUT:
            reading.pump()
        if was_blocked and end.writable and not self.is_over:
            writing.pump()
        self._end_if_gone()

    def _note(self, end: End, mask: int) -> None:
        if mask & OUT:
            end.writable = True
        if mask & ~OUT:
            end.readable = True
        if mask & ERR:
            end.broken = True
        if mask & (RDHUP | HUP | ERR) and not end.finished:
            end.finished = True
            # Told at once, although a stall may keep us from reading it: a client that gave up may dial again now. Of
            # both sides, where neither has heard of the other's end.
            if not self.is_over and not (self.client.finished and self.server.finished and self.was_told(end.side)):
                self._watcher.hung_up(self, end.side)

    def _flow_ended(self, flow: Flow, how: bytes) -> None:
        """Pass the end of one direction on: a FIN as a FIN, an RST as an RST."""
        if how is BROKEN:  # nobody may have told the flow that reads there
            self._loop.soon(self._pump)
            return
        if how is CLOSE and not self._is_hanging_up:
            self._end_by("fault", "limit")
        by, reason = self._closed_by = self._closed_by or (flow.source.side, "")
        if how is RST:
            self._finish(by, reason, how="RST", with_rst=True)
            return
        assert flow.target.sock is not None
        sockets.send_fin(flow.target.sock)
        if how is CLOSE:
            (self.down if flow is self.up else self.up).close()
            self._loop.soon(self._pump)
        if self.up.over and self.down.over:
            self._finish(*self._closed_by, how="FIN", with_rst=False)

    def _end_by(self, by: str, reason: str) -> None:
        """Note that a fault sends FINs, and that it was the end, if the peers haven't both hung up before."""
        self._is_hanging_up = True
        if self._closed_by is None or not (self.client.finished and self.server.finished):
            self._closed_by = by, reason

    def _finish(self, by: str, reason: str, *, how: str, with_rst: bool) -> None:
        if self.is_over:
            return
        self.is_over = True
        if self._deadlines is not None:
            self._deadlines.cancel()
        self.up.stop()
        self.down.stop()
        if with_rst:  # first of all: who waits for an RST is a client, and who hears of it a log
            self._release(with_rst=True)
        self._watcher.ended(self, by, how, reason)
        if with_rst:
            return
        if by in ("client", "server") and not self._is_hanging_up:
            self._release(with_rst=False)
        else:  # a fault closed it: the peers don't know yet, and a close with bytes unread would be an RST
            self._hang_up_dial()
            ends = [end for end in (self.client, self.server) if end.sock is not None]
            self._lingering = Lingering(self._loop, ends, lambda: self._release(with_rst=False))
            self._lingering.begin()

    def _release(self, *, with_rst: bool) -> None:
        self.is_over = True
        for end, sock in ((self.client, self.client.sock), (self.server, self.server.sock or self._connecting)):
            if sock is None:
                continue
            if end.farewell is not None:
                self._loop.forget(sock.fileno())
                end.farewell(sock)
                continue
            self._loop.drop(sock.fileno())
            if with_rst:
                sockets.close_with_rst(sock)
            else:
                sock.close()
        self.client.sock = self.server.sock = self._connecting = None
