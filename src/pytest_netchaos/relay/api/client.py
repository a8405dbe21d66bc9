"""One connection of a client of the API: requests one after the other, and never more in memory than it may have."""

from __future__ import annotations

from time import gmtime, monotonic, strftime, time

from .. import sockets
from ..end import End
from ..loop import ERR, HUP, OUT, RDHUP
from .application import report
from .http import BadRequest, Parser
from .responses import CONTINUE, encode, encode_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable

    from ..loop import Loop, Timer
    from .application import Application
    from .http import Request
    from .responses import Response

#: Seconds for a request to arrive, for the next one to begin, and for a client to read some of its answers. The first
#: three of Toxiproxy: 15, 60 and 30.
REQUEST, IDLE, UNREAD = 15.0, 60.0, 30.0
#: Seconds that a client has to take note of the end, before the socket is closed under what it may still send.
LINGER = 0.5
#: Bytes of answers that wait; then no more requests are read.
MOST_OUT = 1 << 18
#: Seconds of work for one client in one turn; then the data connections have theirs. Not requests: a list of 1000
#: proxies takes 11 ms.
TURN = 0.001
#: Reads in one turn, of what is thrown away.
_READS = 8
#: Bytes of one read: a body in chunks of one byte costs 1 µs a byte to put together, and no step is cut short.
_CHUNK = 16384
_NEVER = float("inf")


class Client:
    """Reads requests, has them answered, and writes the answers in order.

    Args:
        loop: Where it runs.
        sock: Its socket.
        application: What answers.
        on_gone: Called once, when it is over.
    """

    __slots__ = (
        "_application", "_end", "_has_ended", "_is_answering", "_is_closing", "_is_queued", "_loop", "_on_gone", "_out",
        "_parser", "_patience", "_since", "_sock", "_timer",
    )  # fmt: skip

    def __init__(self, loop: Loop, sock: Socket, application: Application, on_gone: Callable[[Client], None]) -> None:
        self._loop = loop
        self._sock = sock
        self._application = application
        self._on_gone = on_gone
        self._end = End("client", sock)
        self._parser = Parser()
        self._out = bytearray()
        self._is_answering = False
        self._is_closing = False
        self._has_ended = False  # it sends nothing any more
        self._is_queued = False
        self._patience = IDLE
        self._since = monotonic()
        self._timer: Timer | None = None
        loop.watch(sock.fileno(), self._event, self._end)
        loop.soon(self._go_on)

    def close(self) -> None:
        """Let it have the answers that wait, and no more."""
        self._is_closing = True
        self._go_on()

    def drop(self) -> None:
        """Close at once."""
        if self._end.sock is None:
            return
        self._end.sock = None
        if self._timer is not None:
            self._timer.cancel()
        self._loop.forget(self._sock.fileno())
        self._sock.close()
        self._on_gone(self)

    def _event(self, mask: int) -> None:
        if mask & OUT:
            self._end.writable = True
        if mask & ~OUT:
            self._end.readable = True
        if mask & (RDHUP | HUP | ERR):
            self._end.finished = True
        if mask & (HUP | ERR) and self._is_closing:
            self.drop()
        if not self._is_queued:
            self._go_on()

    def _go_on(self) -> None:
        """Do what can be done now."""
        if self._end.sock is None:
            return
        try:
            self._work()
            if self._end.sock is not None:
                self._wait()
        except OSError:  # it has gone
            self.drop()
        except Exception as error:  # noqa: BLE001 - one client must not end the others
            report(error)
            self.drop()

    def _work(self) -> None:
        until = monotonic() + TURN
        while monotonic() < until:
            self._flush()
            if self._is_closing:
                self._say_goodbye()
                return
            if self._is_answering or len(self._out) > MOST_OUT or not self._step():
                return
        self._go_on_later()

    def _go_on_later(self) -> None:
        if not self._is_queued:
            self._is_queued = True
            self._loop.later(self._next_turn)  # one client each round, however many have more to do

    def _next_turn(self) -> None:
        self._is_queued = False
        self._go_on()

    def _step(self) -> bool:
        """Answer one request, or read on; say whether there may be more to do at once."""
        try:
            request = self._parser.next()
        except BadRequest as error:
            self._refuse(error)
            return True
        if request is not None:
            self._answer(request)
            return True
        if self._parser.wants_continue:
            self._parser.wants_continue = False
            self._out += CONTINUE
            self._flush()
        if self._has_ended:
            self._end_of_requests()
            return True
        return self._read()

    def _end_of_requests(self) -> None:
        if not self._parser.is_idle:
            self._refuse(BadRequest(400))
        self._is_closing = True

    def _refuse(self, error: BadRequest) -> None:
        self._out += encode_refusal(error)
        self._is_closing = True

    def _read(self) -> bool:
        if not self._end.readable:
            return False
        try:
            data = self._sock.recv(_CHUNK)
        except BlockingIOError:
            self._end.readable = False
            return False
        self._parser.feed(data)
        self._has_ended = not data
        return True

    def _answer(self, request: Request) -> None:
        self._is_answering = True
        is_late = False

        def respond(response: Response) -> None:
            self._is_answering = False
            self._write(request, response)
            if is_late:
                self._go_on()

        self._application.answer(request, respond)
        is_late = True

    def _write(self, request: Request, response: Response) -> None:
        self._out += encode(
            response,
            now(),
            is_1_0=request.is_1_0,
            keeps_alive=request.keeps_alive,
            to_head=request.method == "HEAD",
        )
        self._since = monotonic()
        self._is_closing = self._is_closing or not request.keeps_alive

    def _flush(self) -> None:
        while self._out and self._end.writable:
            try:
                sent = self._sock.send(self._out)
            except BlockingIOError:
                self._end.writable = False
                return
            del self._out[:sent]
            self._since = monotonic()

    def _say_goodbye(self) -> None:
        """Send a FIN after the last answer, and wait until the client has seen it: a close might be an RST."""
        if self._out or self._is_answering:
            return
        if self._patience != LINGER:
            self._patience, self._since = LINGER, monotonic()
            sockets.send_fin(self._sock)
        if self._has_ended or (said := sockets.discard(self._sock, _READS)) == "gone":
            self.drop()
        elif said == "more":
            self._go_on_later()
        else:
            self._end.readable = False

    # Patience.

    def _wait(self) -> None:
        """See that it doesn't keep us waiting for ever."""
        patience = self._due_in()
        if patience != self._patience:
            self._patience, self._since = patience, monotonic()
        due = self._since + self._patience
        if due == _NEVER or (self._timer is not None and self._timer.call is not None and self._timer.when <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._look)

    def _due_in(self) -> float:
        if self._out:
            return UNREAD
        if self._is_answering:
            return _NEVER
        if self._is_closing:
            return LINGER
        return IDLE if self._parser.is_idle else REQUEST

    def _look(self) -> None:
        self._timer = None
        if monotonic() >= self._since + self._patience:
            self.drop()
        else:
            self._wait()


_date = (0, "")


def now() -> str:
    """Return the date as HTTP writes it."""
    global _date  # noqa: PLW0603 - a date is a date for everybody, for a second
    second = int(time())
    if second != _date[0]:
        _date = second, strftime("%a, %d %b %Y %H:%M:%S GMT", gmtime(second))
    return _date[1]
