"""A proxy in front of a server that only accepts, and what it has told."""

from __future__ import annotations

import socket
from types import SimpleNamespace

from pytest_netchaos.relay.fault import Fault
from pytest_netchaos.relay.proxy import Proxy
from pytest_netchaos.relay.rhythm import once

#: What dials from here is no client.
BACKGROUND = "127.0.0.2"


class Watch:
    """Sees the SYNs that the test says there were."""

    def __init__(self):
        self.wanted = {}
        self.coming = []
        #: When they arrived.
        self.at = 1.5
        self.fails_with = None

    def add(self, family, port, on_syn):
        if self.fails_with is not None:
            raise self.fails_with
        self.wanted[family, port] = on_syn

    def remove(self, family, port):
        self.wanted.pop((family, port), None)

    def catch_up(self, _):
        coming, self.coming = self.coming, []
        for peer in coming:
            for on_syn in list(self.wanted.values()):
                on_syn(peer, self.at)


class Remembering(Proxy):
    """Remembers its connections when they are over: they linger."""

    def __init__(self, *arguments):
        self.ever = []
        super().__init__(*arguments)

    def _connect(self, *arguments):
        connection = super()._connect(*arguments)
        self.ever.append(connection)
        return connection


def assemble(loop, sockets, reserve):
    """Make a proxy; `take_down` ends it."""
    server = sockets.listener()
    server.settimeout(10.0)
    events, watch = [], Watch()
    listener, keeper = reserve()
    proxy = Remembering(
        loop,
        watch,
        lambda *fields: events.append(fields),
        5,
        listener,
        keeper,
        [(socket.AF_INET, server.getsockname())],
        frozenset({BACKGROUND}),
    )
    return SimpleNamespace(proxy=proxy, watch=watch, events=events, address=keeper.address, server=server)


def take_down(made):
    """Close the proxy, and what lingers on."""
    made.proxy.close()
    for connection in made.proxy.ever:
        connection._release(with_rst=True)


def dialler(made, sockets, spin):
    """Make the ``dial`` of a proxy."""

    def dial():
        """Dial through the proxy; return the client's socket, once the upstream has accepted."""
        count = len(said(made, "open"))
        client = sockets.keep(socket.create_connection(made.address, 10.0))
        spin(lambda: len(said(made, "open")) > count)
        made.accepted = sockets.keep(made.server.accept()[0])
        return client

    return dial


def fault(kind, id_=1, **more):
    """Make a fault that is in force once."""
    return Fault(id_, kind, once(), **more)


def said(made, kind):
    """The events of one kind, without its name, time and the link's number; of a strike, without how far all was."""
    return [event[3 : 6 if kind == "on" else None] for event in made.events if event[0] == kind]
