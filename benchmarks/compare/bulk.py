"""How much goes through, what that costs, and how those fare who share the proxy with it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack

from ..echo import Client, Echo
from ..relay_process import cpu_seconds
from ..remote import Remote
from ..scale import Scale
from ..stats import percentile
from ..stream import Progress, Received, Receiver, Sender, Sent
from ..tcp import PATIENCE, listen
from .contenders import Contender, Route, contenders, routes
from .goals import Of, at_least, at_most
from .rounds import in_turns
from .rows import DIRECT, Row

_NO_LIMIT = 1 << 60
#: Bytes after which streams are in full flow, and those that have to pass while round trips are measured.
_UNDER_WAY, _PASSED = 20_000_000, 10_000_000
#: Seconds that this may take, on a machine with much else to do.
_STARTING = 0.3
#: Seconds that streams go on when the round trips should be over: the last one may take long.
_MARGIN = 0.3
#: GB/s without a proxy below which the generators, or the rest of the machine, may be what was measured.
_ENOUGH = 3.0


def throughput(scale: Scale) -> Iterator[Row]:
    """Send as much as will go, over 1 connection and over 50."""
    yield from _throughput(1, "1 connection", 4, scale)
    yield from _throughput(50, "50 connections", 2.5, scale)


def _throughput(connections: int, what: str, goal: float, scale: Scale) -> Iterator[Row]:
    seconds = 0.15 + 0.35 * scale.share
    with listen() as sink, Remote(Sender) as sender, Remote(Receiver, sink) as receiver, contenders() as found:

        def measure(contender: Contender, route: Route) -> tuple[float, float]:
            before = cpu_seconds(contender.pid) if contender.pid else 0.0
            sent, received = _stream(sender, receiver, route, connections, seconds)
            spent = cpu_seconds(contender.pid) - before if contender.pid else 0.0
            gigabytes = received.bytes / 1e9
            return gigabytes / (received.ended - sent.started), spent / gigabytes

        both = in_turns(scale.rounds(9), routes(found, sink.getsockname()), measure)
    speeds = {name: [speed for speed, _ in values] for name, values in both.items()}
    costs = {name: [cost for _, cost in values] for name, values in both.items() if name != DIRECT}
    note = (
        ""
        if statistics.median(speeds[DIRECT]) >= _ENOUGH
        else f"below {_ENOUGH:g} GB/s without a proxy: the machine is too busy"
    )
    goals = (at_least(goal, Of.TOXIPROXY), at_least(0.6, Of.DIRECT))
    yield Row(f"throughput, {what}", "GB/s", speeds, goals, note)
    yield Row(f"CPU for it, {what}", "s/GB", costs, (at_most(0.2, Of.TOXIPROXY),))


def _stream(sender: Remote, receiver: Remote, route: Route, connections: int, seconds: float) -> tuple[Sent, Received]:
    receiver.start("receive", connections)
    sent: Sent = sender.call("send", route.address, connections, seconds, _NO_LIMIT, timeout=2 * PATIENCE)
    return sent, _received_all(sent, receiver)


def _received_all(sent: Sent, receiver: Remote) -> Received:
    received: Received = receiver.result()
    assert sent.bytes == received.bytes, f"{sent.bytes} bytes were sent and {received.bytes} have arrived"
    return received


def beside(scale: Scale) -> Iterator[Row]:
    """Ask 64 bytes and get them back, while four streams go through the same proxy."""
    seconds = 0.25 + 0.5 * scale.share
    with ExitStack() as stack:
        progress = Progress()
        server, sink = stack.enter_context(listen()), stack.enter_context(listen())
        echo, client = stack.enter_context(Remote(Echo, server)), stack.enter_context(Remote(Client))
        sender, receiver = stack.enter_context(Remote(Sender)), stack.enter_context(Remote(Receiver, sink, progress))
        found = stack.enter_context(contenders())
        echo.start("serve")
        sinks = {each.name: route for each, route in routes(found, sink.getsockname())}

        def measure(contender: Contender, route: Route) -> list[int]:
            client.call("hold", route.address, 1)
            before = progress.bytes
            receiver.start("receive", 4)
            sender.start("send", sinks[contender.name].address, 4, _STARTING + seconds + _MARGIN, _NO_LIMIT)
            progress.wait(before + _UNDER_WAY)
            passed = progress.bytes
            times: list[int] = client.call("round_trips_held", _NO_LIMIT, seconds)
            measured = time.monotonic()
            assert progress.bytes - passed > _PASSED, "hardly anything has passed beside the round trips"
            client.call("drop")
            sent: Sent = sender.result(2 * PATIENCE)
            _received_all(sent, receiver)
            assert measured < sent.stopped, "the streams had ended before the round trips did"
            return times

        times = in_turns(scale.rounds(8), routes(found, server.getsockname()), measure)
    for percent, goal in ((50, 0.2), (99, 0.4)):
        values = {name: [percentile(each, percent) / 1e3 for each in series] for name, series in times.items()}
        yield Row(f"round trip beside 4 streams, p{percent}", "µs", values, (at_most(goal, Of.TOXIPROXY),))
