"""How fast an order is obeyed: by our own channel and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from ..echo import Client, Echo
from ..kept import KeptHttp, spell
from ..ownership import check_served_by
from ..remote import Remote
from ..scale import Scale
from ..served import Served, why_not_served
from ..stats import Skipped
from ..tcp import listen
from .contenders import Address, embedded, toxiproxy, why_no_toxiproxy
from .goals import Of, at_most
from .rows import EMBEDDED, TOXIPROXY, Row

#: Seconds until the client surely sleeps in its call.
_SETTLE = 0.005
_PATH = "/proxies/one"
_SPELL_GET = spell("GET", _PATH)
_SPELL_ADD = spell("POST", f"{_PATH}/toxics", {"name": "late", "type": "latency", "attributes": {"latency": 1}})
_SPELL_REMOVE = spell("DELETE", f"{_PATH}/toxics/late")


def cut(scale: Scale) -> Iterator[Row]:
    """Cut a connection that a client in another process waits on: by a link, and by disabling a proxy over HTTP."""
    with ExitStack() as stack:
        server = stack.enter_context(listen())
        echo, client = stack.enter_context(Remote(Echo, server)), stack.enter_context(Remote(Client))
        echo.start("serve")
        upstream = server.getsockname()
        cutters = {EMBEDDED: _by_link(stack, upstream, client)}
        if not why_no_toxiproxy():
            cutters[TOXIPROXY] = _by_http(stack, upstream, client)
        times: dict[str, list[float]] = {name: [] for name in cutters}
        for number in range(scale.rounds(60) + 1):
            for name, measure in cutters.items():
                took = measure()
                if number:
                    times[name].append(took)
    goals = (at_most(0.5, Of.TOXIPROXY),)
    yield Row("cut: command → client notified", "µs", times, goals, "own channel against kept HTTP connection")


def _by_link(stack: ExitStack, upstream: Address, client: Remote) -> Callable[[], float]:
    network = stack.enter_context(embedded())

    def measure() -> float:
        route = network.route(upstream)  # a new link: none has a long history
        began = _await_end(client, route.address)
        route.link.cut()
        took = _microseconds(began, client)
        route.link.shut()
        return took

    return measure


def _by_http(stack: ExitStack, upstream: Address, client: Remote) -> Callable[[], float]:
    server = stack.enter_context(toxiproxy())
    http = KeptHttp((server.api.host, server.api.port))
    stack.callback(http.close)

    def measure() -> float:
        route = server.route(upstream)
        disable = spell("POST", f"/proxies/{route.name}", {"enabled": False})
        http.call(spell("GET", f"/proxies/{route.name}"), 200)  # it is kept, and warm
        began = _await_end(client, route.address)
        http.send(disable)
        took = _microseconds(began, client)
        http.answer(200)
        server.api.delete(route.name)
        return took

    return measure


def _await_end(client: Remote, address: Address) -> int:
    client.call("hold", address, 1)
    client.start("await_end")
    time.sleep(_SETTLE)
    return time.monotonic_ns()


def _microseconds(began: int, client: Remote) -> float:
    ended: int = client.result()
    return (ended - began) / 1e3


def api(scale: Scale) -> Iterator[Row | Skipped]:
    """Show a proxy, and add a toxic to it and remove it, over a connection to the API that is kept."""
    if reason := why_not_served():
        yield Skipped("API", "over HTTP", reason)
        return
    count = 50  # calls, of whose time the mean is taken
    with ExitStack() as stack:
        server = stack.enter_context(listen())
        ours = stack.enter_context(Served())
        https = {EMBEDDED: _connect(stack, ours.address, ours.pid, server.getsockname())}
        if not why_no_toxiproxy():
            theirs = stack.enter_context(toxiproxy())
            address = (theirs.api.host, theirs.api.port)
            https[TOXIPROXY] = _connect(stack, address, theirs.pid, server.getsockname())
        shown: dict[str, list[float]] = {name: [] for name in https}
        changed: dict[str, list[float]] = {name: [] for name in https}
        for number in range(scale.rounds(30) + 1):
            for name, http in https.items():
                times = [_show(http, count), _change(http, count)]
                if number:
                    shown[name].append(times[0])
                    changed[name].append(times[1])
    yield Row("API: GET of a proxy", "µs", shown)
    yield Row("API: a toxic added and removed", "µs", changed)


def _connect(stack: ExitStack, address: Address, pid: int, upstream: Address) -> KeptHttp:
    check_served_by(address[1], pid)
    http = KeptHttp(address)
    stack.callback(http.close)
    http.call(spell("POST", "/proxies", {"name": "one", "upstream": "{}:{}".format(*upstream)}), 201)
    return http


def _show(http: KeptHttp, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        http.call(_SPELL_GET, 200)
    return (time.perf_counter() - began) / count * 1e6


def _change(http: KeptHttp, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        http.call(_SPELL_ADD, 200)
        http.call(_SPELL_REMOVE, 204)
    return (time.perf_counter() - began) / count * 1e6
