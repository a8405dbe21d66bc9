"""Both ends of connections, and a model of what must have arrived at each."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import struct
from time import monotonic

#: Seconds in which everything that may pass has passed, on the busiest machine.
SOON = 20.0
UP, DOWN = "upstream", "downstream"


def directions(said):
    return (UP, DOWN) if said == "both" else (said,)


class Way:
    """One direction of a connection: what was sent and received, and whether its end was."""

    def __init__(self, sender, receiver):
        self.sender = sender
        self.receiver = receiver
        self.sent = bytearray()
        self.got = bytearray()
        self.is_finished = False  # its FIN was sent
        self.end = None  # what its receiver has seen: "FIN" or "RST"

    @property
    def is_done(self):
        return self.end is not None or (len(self.got) == len(self.sent) and not self.is_finished)

    def send(self, size, seed):
        """Send as much as the socket takes at once."""
        with contextlib.suppress(BlockingIOError):
            data = random.Random(seed).randbytes(size)
            self.sent += data[: self.sender.send(data)]

    def finish(self):
        self.sender.shutdown(socket.SHUT_WR)
        self.is_finished = True

    def read(self):
        """Take what has arrived: it continues what came before, exactly."""
        try:
            while self.end is None:
                data = self.receiver.recv(1 << 18)
                if not data:
                    self.end = "FIN"
                    break
                start = len(self.got)
                self.got += data
                assert self.got[start:] == self.sent[start : len(self.got)], "other bytes than were sent"
        except BlockingIOError:
            return
        except ConnectionError:
            self.end = "RST"


class Pair:
    """A connection: its two ends, and a way in each direction."""

    def __init__(self, client, server):
        for sock in (client, server):
            sock.setblocking(False)
        self.client, self.server = client, server
        self.ways = {UP: Way(client, server), DOWN: Way(server, client)}

    @property
    def is_over(self):
        return all(way.is_finished for way in self.ways.values())

    def close(self):
        for sock in (self.client, self.server):
            sock.close()

    def reset(self, sock):
        """Send an RST from one end."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def settle(self, held=()):
        """Read until everything has arrived that may pass, and the ends that were sent with it."""
        free = [way for name, way in self.ways.items() if name not in held]
        read_until(self.ways.values(), lambda: all(way.is_done for way in free))
        for name, way in self.ways.items():
            if name in held:
                assert way.end == ("FIN" if way.is_finished else None)
            else:
                assert bytes(way.got) == bytes(way.sent)
                assert way.end == ("FIN" if way.is_finished else None)

    def ends(self, how, *, of=(UP, DOWN)):
        """See both ends learn how it ended: those that had not been told of an end before."""
        told = [self.ways[name] for name in of if self.ways[name].end is None]
        read_until(told, lambda: all(way.end is not None for way in told))
        assert {way.end for way in told} <= {how}, [way.end for way in told]


def read_until(ways, is_done):
    """Read all ways until something is so."""
    deadline = monotonic() + SOON
    for way in ways:
        way.read()
    while not is_done():
        waiting = [way for way in ways if way.end is None]
        readable, _, _ = select.select([way.receiver for way in waiting], [], [], max(0.0, deadline - monotonic()))
        missing = [(len(way.sent) - len(way.got), way.is_finished, way.end) for way in ways]
        assert readable, f"it has not come within {SOON} s: bytes missing, FIN sent, end seen: {missing}"
        for way in waiting:
            way.read()
