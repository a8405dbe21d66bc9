"""What the first connection of a run waits for."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator

from pytest_netchaos.engines.embedded import EmbeddedEngine
from pytest_netchaos.services.toxiproxy.local import PROGRAM

from ..echo import MESSAGE, Echo
from ..kept import KeptHttp, spell
from ..ownership import check_served_by
from ..relay_process import network_on
from ..remote import Remote
from ..scale import Scale
from ..tcp import PATIENCE, dial, listen, receive
from .contenders import Address, why_no_toxiproxy
from .goals import at_most
from .rows import EMBEDDED, TOXIPROXY, Row


def start(scale: Scale) -> Iterator[Row]:
    """Start a proxy in front of a server; dial it, and send a byte there and back."""
    dialable: dict[str, list[float]] = {EMBEDDED: []}
    answered: dict[str, list[float]] = {EMBEDDED: []}
    measures = {EMBEDDED: _embedded}
    if not why_no_toxiproxy():
        measures[TOXIPROXY] = _toxiproxy
    with listen() as server, Remote(Echo, server) as echo:
        echo.start("serve")
        for number in range(scale.rounds(20) + 1):
            for name, measure in measures.items():
                until_dialable, until_answered = measure(server.getsockname())
                if number:
                    dialable.setdefault(name, []).append(until_dialable)
                    answered.setdefault(name, []).append(until_answered)
    yield Row("engine started, until it can be dialled", "ms", dialable, (at_most(2, unit="ms"),))
    yield Row("… until the first byte came back", "ms", answered, (at_most(25, unit="ms"),))


def _embedded(upstream: Address) -> tuple[float, float]:
    began = time.perf_counter()
    engine = EmbeddedEngine()
    try:
        address = network_on(engine).link(upstream).address
        dialable = time.perf_counter() - began
        answered = _ask(address, began)
        check_served_by(address[1], engine.pid)
    finally:
        engine.stop()
    return dialable * 1e3, answered * 1e3


def _toxiproxy(upstream: Address) -> tuple[float, float]:
    """Start the program itself, at a port that a bound socket keeps free for it."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        api: Address = keeper.getsockname()
        began = time.perf_counter()
        command = [PROGRAM, "-host", api[0], "-port", str(api[1])]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                address = _make_proxy(api, upstream)
                dialable = time.perf_counter() - began
                answered = _ask(address, began)
                check_served_by(address[1], process.pid)
            finally:
                process.kill()
    return dialable * 1e3, answered * 1e3


def _make_proxy(api: Address, upstream: Address) -> Address:
    """Make a proxy as soon as the API listens: nothing tells other processes when it does."""
    deadline = time.perf_counter() + PATIENCE
    while True:
        try:
            http = KeptHttp(api)
            break
        except ConnectionRefusedError:
            if time.perf_counter() > deadline:
                raise
    with socket.socket() as keeper:  # chooses the port: the answer needn't be read as JSON, which takes time
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        address: Address = keeper.getsockname()
        wish = {"name": "first", "listen": "{}:{}".format(*address), "upstream": "{}:{}".format(*upstream)}
        http.call(spell("POST", "/proxies", wish), 201)
    http.close()
    return address


def _ask(address: Address, began: float) -> float:
    with dial(address) as sock:
        sock.sendall(MESSAGE[:1])
        receive(sock, 1)
        return time.perf_counter() - began
