"""The API's port: it accepts clients beside the data connections, in the same loop."""

from __future__ import annotations

from .. import log, sockets
from ..end import End
from ..retry import Retry
from .client import Client
from .http import BadRequest
from .responses import encode_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812

    from ..loop import Loop
    from .application import Application

#: Clients at a time. Every one more is told so: a test suite that needs that many doesn't close its connections.
MOST_CLIENTS = 512


class Server:
    """Serves an API at one port.

    Args:
        loop: Where it runs.
        listener: A socket that listens.
        application: What answers.
    """

    def __init__(self, loop: Loop, listener: Socket, application: Application) -> None:
        self.application = application
        self.clients: set[Client] = set()
        self._loop = loop
        self._listener: Socket | None = listener
        self._is_full = False
        self._retry = Retry(loop, self._accept_all)  # while the descriptors have run out
        self._door = End("port")
        loop.watch(listener.fileno(), lambda _: self._accept_all(), self._door)
        loop.soon(self._accept_all)

    def close(self) -> None:
        """Accept nobody any more; the clients that are there get the answers that wait."""
        if self._listener is None:
            return
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._listener = None
        for client in list(self.clients):
            client.close()

    def _accept_all(self) -> None:
        while self._listener is not None:
            try:
                sock, _ = sockets.accept(self._listener)
            except BlockingIOError:
                self._door.readable = False
                self._retry.over()
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._door.readable = True  # somebody waits, and no edge will say so
                if self._retry.later():
                    log.say(f"API: can't accept a client: {error}\n")
                return
            self._welcome(sock)

    def _welcome(self, sock: Socket) -> None:
        if len(self.clients) >= MOST_CLIENTS:
            self._turn_away(sock)
            return
        self._is_full = False
        sockets.no_delay(sock)
        self.clients.add(Client(self._loop, sock, self.application, self.clients.discard))

    def _turn_away(self, sock: Socket) -> None:
        why = f"{MOST_CLIENTS} clients are connected, and no more may be: close some"
        if not self._is_full:
            log.say(f"API: {why}\n")
        self._is_full = True
        try:
            sock.send(encode_refusal(BadRequest(503, why)))
        except OSError:  # it has gone
            pass
        finally:
            sock.close()
