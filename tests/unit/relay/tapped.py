"""A tap in this process, with another proxy that does what the test says."""

from __future__ import annotations

import contextlib
import socket
from time import monotonic
from types import SimpleNamespace

from pytest_netchaos.relay.fault import Fault
from pytest_netchaos.relay.rhythm import once
from pytest_netchaos.relay.tap import Tap

#: What dials from here is no client.
BACKGROUND = "127.0.0.2"
BIG = 8 << 20


class Watch:
    """Sees no SYN."""

    def add(self, *_):
        pass

    def remove(self, *_):
        pass

    def catch_up(self, _):
        pass


class World:
    """A tap, the listeners on both sides of it, and words for what happens."""

    def __init__(self, loop, sockets, spin, reserve, upstream=None):
        self.bag, self.spin, self.events = sockets, spin, []
        self.loop, self.others = loop, []
        self.server, self.other, inner = (sockets.listener() for _ in range(3))
        for listener in (self.server, self.other):
            listener.settimeout(10.0)
        inner.setblocking(False)
        self.inner = inner
        self.inner_address = inner.getsockname()
        listener, keeper = reserve()
        self.address = keeper.address
        self.tap = Tap(
            loop,
            Watch(),
            lambda *fields: self.events.append(fields),
            5,
            listener,
            keeper,
            inner,
            (socket.AF_INET, self.other.getsockname()),
            [(socket.AF_INET, upstream or self.server.getsockname())],
            frozenset({BACKGROUND}),
        )

    def said(self, kind):
        return [event[3 : 6 if kind == "on" else None] for event in self.events if event[0] == kind]

    @property
    def dials(self):
        return self.tap._dials - self.tap._background._dials

    def dial(self, source="127.0.0.1"):
        """A client's socket, once the tap knows of it."""
        known = self.dials
        client = self.bag.keep(socket.create_connection(self.address, 10.0, source_address=(source, 0)))
        self.spin(lambda: self.dials > known)
        return client

    def taken(self):
        """The other proxy's end of the dial that is under way."""
        got = []

        def has_come():
            self.other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                got.append(self.other.accept()[0])
            return got

        self.spin(has_come)
        self.other.settimeout(10.0)
        got[0].settimeout(10.0)
        return self._others(got[0])

    def come_back(self):
        """The other proxy's way back to the tap."""
        return self._others(socket.create_connection(self.inner_address, 10.0))

    def _others(self, sock):
        self.others.append(self.bag.keep(sock))
        return sock

    def serve(self):
        """The server's end of a connection that has come all the way."""
        sock = self.bag.keep(self.server.accept()[0])
        sock.settimeout(10.0)
        return sock

    def pair(self, source="127.0.0.1"):
        """Client, the other proxy's two ends, and the server, of a connection that is open."""
        opened = len(self.said("open"))
        client = self.dial(source)
        near, far = self.taken(), self.come_back()
        if source == BACKGROUND:
            self.spin(lambda: any(pair.is_open for pair in self.tap._pairs if pair.dial < 0))
        else:
            self.spin(lambda: len(self.said("open")) > opened)
        for sock in (near, far):
            sock.settimeout(10.0)
        return SimpleNamespace(client=client, near=near, far=far, server=self.serve())

    def sends(self, source, target, data):
        """What arrives at ``target`` when ``source`` sends."""
        source.sendall(data)
        return self.receives(target, len(data))

    def receives(self, target, count):
        target.setblocking(False)
        got = bytearray()

        def has_come():
            try:
                while len(got) < count and (chunk := target.recv(65536)):
                    got.extend(chunk)
            except BlockingIOError:
                pass
            return len(got) >= count

        self.spin(has_come)
        target.settimeout(10.0)
        return bytes(got)

    def ends_with(self, sock):
        """Wait for the end of a socket that is read empty: ``"FIN"`` or ``"RST"``."""
        sock.setblocking(False)
        found = []

        def has_ended():
            try:
                while sock.recv(65536):
                    pass
                found.append("FIN")
            except BlockingIOError:
                return False
            except ConnectionResetError:
                found.append("RST")
            return True

        self.spin(has_ended)
        return found[0]

    def is_silent(self, sock):
        """Whether nothing has come, after all that could come has had its turn."""
        looked = []
        self.loop.call_at(monotonic() + 0.03, lambda: looked.append(True))
        self.spin(lambda: looked)
        sock.setblocking(False)
        try:
            sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        finally:
            sock.settimeout(10.0)
        return False

    def nobody_comes(self, listener):
        """Whether the tap has dialled nobody there."""
        listener.settimeout(0.0)
        try:
            self._others(listener.accept()[0])
        except BlockingIOError:
            return True
        finally:
            listener.settimeout(10.0)
        return False

    def close(self):
        """Close the tap, and don't wait for those that linger; the other proxy hangs up, and nothing may be left."""
        pairs = list(self.tap._pairs)
        if self.inner.fileno() >= 0:
            self.tap.close()
        self.release(pairs)
        for sock in self.others:
            sock.close()
        self.spin(lambda: self.loop._handlers == {})
        assert all(drain._sock.fileno() < 0 for drain in self.tap._drains), "a socket is left"

    @staticmethod
    def release(pairs):
        for pair in pairs:
            for half in (pair.front, pair.back):
                if half is not None:
                    half._release(with_rst=True)


def fault(kind, id_=1, **more):
    return Fault(id_, kind, once(), **more)


def pour(world, sock, count, end=b""):
    """Have somebody take so many bytes from ``sock``, and these in the end."""
    sock.setblocking(False)
    sent, data = 0, memoryview(bytes(count) + end)

    def is_taken():
        nonlocal sent
        with contextlib.suppress(BlockingIOError):
            while sent < len(data):
                sent += sock.send(data[sent : sent + 65536])
        return sent == len(data)

    world.spin(is_taken)
    sock.settimeout(10.0)
