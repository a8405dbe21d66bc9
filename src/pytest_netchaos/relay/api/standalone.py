"""The API and its proxies in a process of their own, until a signal ends it."""

from __future__ import annotations

import gc
import signal
from time import monotonic

from .. import sockets
from ..loop import IN
from . import bodies
from .application import Application
from .bodies import Refused
from .client import LINGER
from .live import LiveConnection
from .metrics import Metrics
from .server import Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable

    from ..loop import Loop
    from .collection import Steps

#: Seconds for the peers to see the end, and for clients of the API to read their last answers.
_GRACE = 2 * LINGER + 1.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: Seconds between looks at whether everybody has gone.
_LOOK = 0.005


class BadConfig(Exception):
    """A list of proxies can't be carried out, and why."""


class Standalone:
    """A loop, an API, and what ends both.

    Args:
        loop: Where it runs.
        listener: A socket that listens; closed at the end.
        seed: What random decisions are drawn from.
        proxy_metrics: Whether ``/metrics`` counts the proxies' bytes.
        runtime_metrics: Whether it says what the process takes.
    """

    def __init__(self, loop: Loop, listener: Socket, seed: int, *, proxy_metrics: bool, runtime_metrics: bool) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._loop = loop
        metrics = Metrics(of_proxies=proxy_metrics, of_runtime=runtime_metrics)
        self._application = Application(self._loop, metrics, seed)
        self._server: Server  # from `run` on: nobody is to see, or to change, what is half configured
        self._ending: list[LiveConnection] = []
        self._until = 0.0

    def configure(self, config: bytes) -> int:
        """Make the proxies of a configuration; return how many there are.

        Raises:
            BadConfig: It is wrong, or a port can't be had.
        """
        made: list[object] = []
        failed: list[BaseException] = []

        def steps() -> Steps[None]:
            yield from self._application.collection.populate(bodies.decode(config), made, with_toxics=True)  # type: ignore[arg-type]

        def end(_: object) -> None:
            self._loop.stop()

        def fail(error: BaseException) -> None:
            failed.append(error)
            self._loop.stop()

        self._loop.soon(lambda: self._application.run(steps(), end, fail))
        self._loop.run(_nothing)
        if failed:
            if not isinstance(failed[0], Refused):
                raise failed[0]
            raise BadConfig(failed[0].why.removeprefix(f"{bodies.BAD}: "))
        return len(made)

    def run(self, on_ready: Callable[[], object]) -> None:
        """Serve until SIGTERM or SIGINT; then close everything with a FIN.

        Args:
            on_ready: Called when a signal would end it well.
        """
        gc.collect()
        gc.freeze()  # what was imported until now lives as long as we: no collection needs to look at it
        bell, ring = sockets.pair()
        self._server = Server(self._loop, self._listener, self._application)
        self._loop.watch(bell.fileno(), lambda mask: self._rung(bell) if mask & IN else None)
        before = signal.set_wakeup_fd(ring.fileno(), warn_on_full_buffer=False)
        handlers = [signal.signal(number, _ignore) for number in _SIGNALS]
        try:
            on_ready()
            self._loop.run(_nothing)
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in zip(_SIGNALS, handlers, strict=True):
                signal.signal(number, handler)
            bell.close()
            ring.close()

    def _rung(self, bell: Socket) -> None:
        for _ in bell.recv(64):
            self._end()

    def _end(self) -> None:
        """Stop accepting, and let everybody know."""
        if self._until:  # it was asked before, and is impatient
            self._loop.stop()
            return
        self._until = monotonic() + _GRACE
        for proxy in self._application.collection.proxies.values():
            if proxy.live is not None:
                self._ending += [c for c in proxy.live.connections.values() if isinstance(c, LiveConnection)]
        self._application.close()
        self._server.close()
        self._look()

    def _look(self) -> None:
        self._ending = [connection for connection in self._ending if not connection.is_released]
        if (not self._ending and not self._server.clients) or monotonic() > self._until:
            self._loop.stop()
        else:
            self._loop.call_at(monotonic() + _LOOK, self._look)


def _ignore(*_: object) -> None:
    """Handle a signal elsewhere: it has rung the bell."""


def _nothing() -> None:
    """Do nothing after each round: no events go anywhere."""
