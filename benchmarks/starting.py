"""What the first link of a session costs, and each one after it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from pytest_netchaos.engines.embedded import EmbeddedEngine

from .echo import MESSAGE, Echo
from .ownership import check_served_by
from .relay_process import checked_link, network_on, running
from .remote import Remote
from .scale import Scale
from .stats import Result, result
from .tcp import dial, listen, receive


def start(scale: Scale) -> Iterator[Result]:
    """Start an engine, make a link, send a byte through it: beside a Python process that does nothing."""
    called, echoed, bare = [], [], []
    with listen() as server, Remote(Echo, server) as echo:
        echo.start("serve")
        for _ in range(scale.rounds(25)):
            began = time.perf_counter()
            engine = EmbeddedEngine()
            try:
                link = network_on(engine).link(server.getsockname())
                called.append((time.perf_counter() - began) * 1e3)
                with dial(link.address) as sock:
                    sock.sendall(MESSAGE[:1])
                    receive(sock, 1)
                echoed.append((time.perf_counter() - began) * 1e3)
                check_served_by(link.port, engine.pid)
            finally:
                engine.stop()
            began = time.perf_counter()
            subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
            bare.append((time.perf_counter() - began) * 1e3)
    peer = ("python -I -S -c pass", bare)
    yield result("start", "engine and first link, until dialable", "ms", called, peer)
    yield result("start", "… until the first byte came back", "ms", echoed, peer)


def link(scale: Scale) -> Iterator[Result]:
    """Make and close one more link: beside a bare listening socket."""
    made, closed, bare = [], [], []
    with listen() as server, running() as (network, pid):
        checked_link(network, pid, server.getsockname())  # the relay has booted
        for number in range(scale.rounds(300)):
            began = time.perf_counter()
            one = network.link(server.getsockname(), name=f"link {number}")
            then = time.perf_counter()
            one.shut()
            closed.append((time.perf_counter() - began) * 1e6)
            made.append((then - began) * 1e6)
            began = time.perf_counter()
            listen().close()
            bare.append((time.perf_counter() - began) * 1e6)
    peer = ("bind, listen, close", bare)
    yield result("link", "netchaos.link()", "µs", made, peer)
    yield result("link", "netchaos.link() and its close", "µs", closed, peer)
