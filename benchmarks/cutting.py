"""How fast a fault is in force, and over, as the client sees it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from .echo import Client, Echo
from .relay_process import running
from .remote import Remote
from .scale import Scale
from .stats import Result, result
from .tcp import PATIENCE, close_with_rst, listen

#: Seconds until the client surely sleeps in its call.
_SETTLE = 0.005
#: Seconds between two dials of a client that waits for the service: its error.
_REDIAL = 50e-6


def cut(scale: Scale) -> Iterator[Result]:
    """Cut and heal a link, with a client in another process: beside an RST sent by this one."""
    noticed, returned, served, healed, bare = [], [], [], [], []
    with listen() as server, listen() as direct, Remote(Echo, server) as echo, Remote(Client) as client:
        echo.start("serve")
        with running() as (network, _):
            for number in range(scale.rounds(60)):
                link = network.link(server.getsockname(), name=f"link {number}")  # none has a long history
                client.call("hold", link.address, 1)
                link.wait_for_connection(1, PATIENCE)
                client.start("await_reset")
                time.sleep(_SETTLE)
                began = time.monotonic_ns()
                injected = link.cut()
                returned.append((time.monotonic_ns() - began) / 1e3)
                noticed.append((client.result() - began) / 1e3)

                client.start("await_service", link.address, _REDIAL)
                time.sleep(_SETTLE)
                began = time.monotonic_ns()
                injected.heal()
                healed.append((time.monotonic_ns() - began) / 1e3)
                served.append((client.result() - began) / 1e3)
                link.wait_for_connection(2, PATIENCE)
                link.shut()
                bare.append(_bare_reset(direct, client))
    peer = ("own RST → client", bare)
    yield result("cut", "cut() → client has ECONNRESET", "µs", noticed, peer)
    yield result("cut", "cut() returns", "µs", returned, peer)
    note = f"client dials every {_REDIAL * 1e6:.0f} µs"
    yield result("cut", "heal() → client's dial succeeds", "µs", served, peer, note=note)
    yield result("cut", "heal() returns", "µs", healed, peer, note=note)


def _bare_reset(listener: socket.socket, client: Remote) -> float:
    client.start("hold", listener.getsockname(), 1)
    listener.settimeout(PATIENCE)
    sock, _ = listener.accept()
    sock.sendall(sock.recv(4096))
    client.result()
    client.start("await_reset")
    time.sleep(_SETTLE)
    began = time.monotonic_ns()
    close_with_rst(sock)
    ended: int = client.result()
    return (ended - began) / 1e3
