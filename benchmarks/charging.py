"""What one more link costs on each engine, and what a fault does."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

from pytest_netchaos.faults import Cut, Delay, Fault, Stall
from pytest_netchaos.network import Network

from .echo import Client, Echo
from .offers import ENGINES, missing_engine, resources
from .remote import Remote
from .scale import Scale
from .stats import Result, Skipped, result
from .tcp import PATIENCE, listen

_FAULTS: tuple[Fault, ...] = (Cut(), Delay(0.1), Stall())


def links(scale: Scale) -> Iterator[Result | Skipped]:
    """Make one more link and close it, on each engine: beside the embedded one."""
    made: dict[str, list[float]] = {}
    closed: dict[str, list[float]] = {}
    for name in ENGINES:
        if reason := missing_engine(name):
            yield Skipped("links", name, reason)
            continue
        made[name], closed[name] = [], []
        with listen() as server, _network(name) as network:
            network.link(server.getsockname(), name="first").history()  # the relay has booted
            for number in range(scale.rounds(200)):
                began = time.perf_counter()
                link = network.link(server.getsockname(), name=f"link {number}")
                made[name].append((time.perf_counter() - began) * 1e3)
                began = time.perf_counter()
                link.shut()
                closed[name].append((time.perf_counter() - began) * 1e3)
    for name, times in made.items():
        yield result("links", f"{name}: netchaos.link()", "ms", times, ("embedded", made["embedded"]))
        yield result("links", f"{name}: its close", "ms", closed[name], ("embedded", closed["embedded"]))


def faults(scale: Scale) -> Iterator[Result | Skipped]:
    """Put a fault in force and heal it, with a connection that it meets, on each engine: beside the embedded one."""
    took: dict[tuple[str, str], list[float]] = {}
    for name in ENGINES:
        if reason := missing_engine(name):
            yield Skipped("faults", name, reason)
            continue
        with listen() as server, Remote(Echo, server) as echo, Remote(Client) as client, _network(name) as network:
            echo.start("serve")
            for fault in _FAULTS:
                took[name, fault.kind] = [_hit(network, server, client, fault) for _ in range(scale.rounds(60))]
    for (name, kind), times in took.items():
        what = f"{name}: {kind}() and heal()"
        yield result("faults", what, "ms", times, ("embedded", took["embedded", kind]))


@contextlib.contextmanager
def _network(engine: str) -> Iterator[Network]:
    shared = resources(engine=engine)
    try:
        network = Network(shared.engine)
        yield network
        network.close()
    finally:
        shared.close()


def _hit(network: Network, server: socket.socket, client: Remote, fault: Fault) -> float:
    link = network.link(server.getsockname())  # a new one: none has a long history
    client.call("hold", link.address, 1)
    link.wait_for_connection(1, PATIENCE)
    began = time.perf_counter()
    link.inject(fault).heal()
    took = time.perf_counter() - began
    link.shut()
    client.call("drop")
    return took * 1e3
