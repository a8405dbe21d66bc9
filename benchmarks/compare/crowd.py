"""What an idle connection costs."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from ..echo import Client, Echo
from ..relay_process import resident_bytes
from ..remote import Remote
from ..scale import Scale
from ..tcp import PATIENCE, listen
from .contenders import Contender, Route, embedded, toxiproxy, why_no_toxiproxy
from .goals import at_most
from .rows import EMBEDDED, TOXIPROXY, Row

_CROWD = 10_000
#: A few connections that are there before the first look, so that what is made once isn't counted.
_FIRST = 20
#: Descriptors that a proxy has besides two for each connection.
_OTHERS = 60
#: Seconds between two looks at a memory that may still grow.
_LOOK = 0.1


def memory(scale: Scale) -> Iterator[Row]:
    """Hold 10,000 idle connections, each after one round trip: what the proxy's memory grows by for each."""
    wanted = _CROWD if scale.is_full else _CROWD // 5
    crowd = min(wanted, (_allow(2 * wanted + _OTHERS) - _OTHERS) // 2)
    starters: dict[str, Callable[[], AbstractContextManager[Contender]]] = {EMBEDDED: embedded}
    if not why_no_toxiproxy():
        starters[TOXIPROXY] = toxiproxy
    each: dict[str, list[float]] = {name: [] for name in starters}
    for _ in range(3 if scale.is_full else 1):
        for name, start in starters.items():
            each[name].append(_grown(start, crowd) / crowd / 1024)
    note = "" if crowd == wanted else f"{wanted:,} connections take more descriptors than this user may have"
    yield Row(f"memory for each of {crowd:,} idle connections", "KB", each, (at_most(3, unit="KB"),), note)


def _allow(descriptors: int) -> int:
    """Let the processes that are started from now on have so many descriptors; return how many they may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limits in ((max(soft, descriptors), max(hard, descriptors)), (hard, hard)):  # more than that is root's
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        except (ValueError, OSError):
            continue
        break
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _grown(start: Callable[[], AbstractContextManager[Contender]], crowd: int) -> int:
    with listen() as server, Remote(Echo, server) as echo, Remote(Client) as client, start() as contender:
        echo.start("serve")
        route = contender.route(server.getsockname())
        assert contender.pid is not None
        client.call("hold", route.address, _FIRST)
        before = _settled(route, contender.pid)
        client.call("hold", route.address, crowd, timeout=4 * PATIENCE)
        grown = _settled(route, contender.pid) - before
        client.call("drop")
        return grown


def _settled(route: Route, pid: int) -> int:
    """Return the memory that a process holds when it no longer grows."""
    route.settle()
    held = resident_bytes(pid)
    while True:
        time.sleep(_LOOK)
        now = resident_bytes(pid)
        if now <= held:
            return now
        held = now
