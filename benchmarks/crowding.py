"""What many connections cost."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

from .echo import Client, Echo
from .relay_process import checked_link, resident_bytes, running
from .remote import Remote
from .scale import Scale
from .stats import Result, result
from .tcp import PATIENCE, listen

_CROWD = 2000


def memory(scale: Scale) -> Iterator[Result]:
    """Hold 2,000 idle connections: what the relay's memory grows by for each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _CROWD + 500  # the relay's, two for each
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise OSError(f"needs {wanted} descriptors, and this user may have {hard}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    each, empty = [], []
    for _ in range(scale.count(2)):
        with listen() as server, Remote(Echo, server) as echo, Remote(Client) as client, running() as (network, pid):
            echo.start("serve")
            link = checked_link(network, pid, server.getsockname())
            client.call("hold", link.address, 1)  # warm, before the first look
            link.wait_for_connection(1, PATIENCE)
            before = resident_bytes(pid)
            client.call("hold", link.address, _CROWD)
            link.wait_for_connection(_CROWD + 1, PATIENCE)
            each.append((resident_bytes(pid) - before) / _CROWD / 1024)
            empty.append(before / 1024 / 1024)
            client.call("drop")
    yield result("memory", f"relay, per idle connection of {_CROWD}", "KB", each)
    yield result("memory", "relay, without connections", "MB", empty)


def connections(scale: Scale) -> Iterator[Result]:
    """Connect, ask once and hang up, one after the other."""
    count = scale.count(300)
    direct, linked = [], []
    with listen() as server, Remote(Echo, server) as echo, Remote(Client) as client, running() as (network, pid):
        echo.start("serve")
        link = checked_link(network, pid, server.getsockname())
        for _ in range(scale.rounds(8)):
            direct.append(client.call("visits", server.getsockname(), count))
            time.sleep(0.02)
            linked.append(client.call("visits", link.address, count))
            link.history()
    yield result("connections", "connect, 64 B there and back, close", "1/s", linked, ("direct", direct))
