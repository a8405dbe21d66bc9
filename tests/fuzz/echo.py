"""A server that says back what it hears, in a thread of its own."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Echo:
    """Serves every connection until `close`; what can't be sent back yet waits in memory."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._listener.setblocking(False)
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._waiting: dict[socket.socket, bytearray] = {}
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self):
        return self._listener.getsockname()[1]

    def close(self):
        self._wake.close()
        self._thread.join(10.0)
        assert not self._thread.is_alive()

    def _serve(self):
        while True:
            for key, mask in self._selector.select():
                if key.fileobj is self._woken:
                    self._end()
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._serve_one(key.fileobj, mask)

    def _accept(self):
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            self._waiting[sock] = bytearray()
            self._selector.register(sock, selectors.EVENT_READ)

    def _serve_one(self, sock, mask):
        waiting = self._waiting[sock]
        try:
            if mask & selectors.EVENT_READ:
                data = sock.recv(65536)
                if not data:
                    self._forget(sock)
                    return
                waiting += data
            if waiting:
                del waiting[: sock.send(waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._forget(sock)
            return
        self._selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting else 0))

    def _forget(self, sock):
        self._selector.unregister(sock)
        self._waiting.pop(sock)
        sock.close()

    def _end(self):
        for sock in [*self._waiting, self._listener, self._woken]:
            sock.close()
        self._selector.close()
