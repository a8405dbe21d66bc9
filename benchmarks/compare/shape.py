"""How exact a delay and a rate are."""

from __future__ import annotations

from collections.abc import Iterator

from ..remote import Remote
from ..scale import Scale
from ..stamps import Clock, Stamper
from ..stats import percentile
from ..stream import Received, Receiver, Sender, Sent
from ..tcp import PATIENCE, listen
from .contenders import Contender, Route, contenders, routes
from .goals import Goal, Of, at_most
from .rounds import in_turns
from .rows import EMBEDDED, Row

_LATENCY = 0.1
#: Seconds between two stamps: none of the other's wake-ups makes one look better.
_PAUSE = 0.003
_RATES = {"1 MB/s": 1e6, "10 MB/s": 1e7, "100 MB/s": 1e8, "1 GB/s": 1e9}


def delay(scale: Scale) -> Iterator[Row]:
    """Send stamps through 100 ms: by how much more they were late. The transit itself is in it."""
    count = scale.count(200)
    with (
        listen() as server, Remote(Stamper) as stamper, Remote(Clock, server) as clock,
        contenders(proxies_only=True) as found,
    ):  # fmt: skip
        ways = routes(found, server.getsockname())
        for _, route in ways:
            route.delay(_LATENCY)

        def measure(_: Contender, route: Route) -> list[float]:
            clock.start("receive", count)
            stamper.call("send", route.address, count, _PAUSE)
            return [(ns - _LATENCY * 1e9) / 1e3 for ns in clock.result()]

        errors = in_turns(scale.rounds(8), ways, measure)
    for percent, goal in ((50, 0.4), (99, 0.7)):
        values = {name: [percentile(each, percent) for each in series] for name, series in errors.items()}
        yield Row(f"a delay of 100 ms is late by, p{percent}", "µs", values, (at_most(goal, Of.TOXIPROXY),))
    early = {name: [float(sum(error < 0 for each in series for error in each))] for name, series in errors.items()}
    stamps = sum(map(len, errors[EMBEDDED]))
    yield Row(f"… messages that were early, of {stamps:,}", "", early, (at_most(0),))


def rates(scale: Scale) -> Iterator[Row]:
    """Send more than a rate allows: what passes, as a share of the rate that was asked for."""
    with (
        listen() as sink, Remote(Sender) as sender, Remote(Receiver, sink) as receiver,
        contenders(proxies_only=True) as found,
    ):  # fmt: skip
        for name, rate in _RATES.items():
            seconds = (1.0 if rate < 1e7 else 0.5) * (0.5 + 0.5 * scale.share)
            ways = routes(found, sink.getsockname())
            for _, route in ways:
                route.throttle(rate)

            def measure(_: Contender, route: Route, rate: float = rate, seconds: float = seconds) -> float:
                return _passed(sender, receiver, route, round(rate * seconds), 20 * seconds) / rate

            shares = in_turns(scale.rounds(4), ways, measure)
            yield Row(f"a rate of {name}: actual ÷ asked", "", shares, (Goal(Of.ITSELF, 0.995, 1.005),))


def _passed(sender: Remote, receiver: Remote, route: Route, count: int, seconds: float) -> float:
    """Return the bytes a second that come after the first read, whose own time isn't known."""
    receiver.start("receive", 1)
    sent: Sent = sender.call("send", route.address, 1, seconds, count, timeout=2 * PATIENCE)
    received: Received = receiver.result()
    assert sent.bytes == received.bytes == count, f"{sent.bytes} bytes were sent and {received.bytes} have arrived"
    return (received.bytes - received.first_bytes) / (received.ended - received.first_at)
