"""What a healthy proxy adds to small things: a round trip, a connection."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..echo import Client, Echo
from ..remote import Remote
from ..scale import Scale
from ..stats import percentile
from ..tcp import listen
from .contenders import Contender, Route, contenders, routes
from .goals import Of, at_least, at_most
from .rounds import in_turns
from .rows import DIRECT, Row

#: Seconds for the ends of connections to be over, which nobody waits for.
_SETTLE = 0.02


def roundtrip(scale: Scale) -> Iterator[Row]:
    """Ask 64 bytes and get them back, over one connection."""
    count = 400  # the fewest that have a steady median
    with listen() as server, Remote(Echo, server) as echo, Remote(Client) as client, contenders() as found:
        echo.start("serve")

        def measure(_: Contender, route: Route) -> list[int]:
            times: list[int] = client.call("round_trips", route.address, count)
            return times

        times = in_turns(scale.rounds(30), routes(found, server.getsockname()), measure)
    medians = {name: [percentile(each, 50) / 1e3 for each in series] for name, series in times.items()}
    added = {
        name: [with_proxy - without for with_proxy, without in zip(series, medians[DIRECT], strict=True)]
        for name, series in medians.items()
        if name != DIRECT
    }
    yield Row("round trip of 64 B, p50", "µs", medians)
    yield Row("… added to the direct one", "µs", added, (at_most(1, Of.TOXIPROXY),))


def connections(scale: Scale) -> Iterator[Row]:
    """Connect, ask 64 bytes, get them back and hang up, one after the other."""
    count = scale.count(300)
    with listen() as server, Remote(Echo, server) as echo, Remote(Client) as client, contenders() as found:
        echo.start("serve")

        def measure(_: Contender, route: Route) -> float:
            time.sleep(_SETTLE)
            rate: float = client.call("visits", route.address, count)
            route.settle()
            return rate

        rates = in_turns(scale.rounds(12), routes(found, server.getsockname()), measure)
    yield Row("connect, 64 B there and back, close", "1/s", rates, (at_least(1.6, Of.TOXIPROXY),))
