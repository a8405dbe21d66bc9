"""How exact a delay and a rate are."""

from __future__ import annotations

from collections.abc import Iterator

from .relay_process import checked_link, running
from .remote import Remote
from .scale import Scale
from .stamps import Clock, Stamper
from .stats import Result, percentile, result
from .stream import Receiver, Sender
from .tcp import listen

_LATENCY = 0.1
_RATES = {"1 MB/s": 1e6, "10 MB/s": 1e7, "100 MB/s": 1e8, "1 GB/s": 1e9}


def delay(scale: Scale) -> Iterator[Result]:
    """Send stamps through 100 ms: by how much more they were late, beside what they take without a link."""
    count = scale.count(150)
    late: list[list[int]] = []
    direct: list[list[int]] = []
    with listen() as server, Remote(Stamper) as stamper, Remote(Clock, server) as clock, running() as (network, pid):
        link = checked_link(network, pid, server.getsockname())
        link.delay(_LATENCY, direction="upstream")
        for _ in range(scale.rounds(4)):
            for address, times in ((link.address, late), (server.getsockname(), direct)):
                clock.start("receive", count)
                stamper.call("send", address, count, 0.003)
                times.append(clock.result())
    errors = [[(ns - _LATENCY * 1e9) / 1e3 for ns in times] for times in late]
    least = min(map(min, errors))
    note = f"never early: the least was {least:.0f} µs late" if least >= 0 else f"EARLY by up to {-least:.0f} µs"
    for percent in (50, 99):
        yield result(
            "delay", f"100 ms, late by, p{percent}", "µs", [percentile(times, percent) for times in errors],
            ("one way, no link", [percentile(times, percent) / 1e3 for times in direct]), note=note,
        )  # fmt: skip


def throttle(scale: Scale) -> Iterator[Result]:
    """Send more than a rate allows: what passes, beside the rate that was asked for."""
    seconds = 0.15 + 0.35 * scale.share
    with listen() as sink, Remote(Sender) as sender, Remote(Receiver, sink) as receiver, running() as (network, pid):
        for name, rate in _RATES.items():
            link = checked_link(network, pid, sink.getsockname())
            link.throttle(rate, direction="upstream")
            passed = []
            for _ in range(scale.rounds(3)):
                receiver.start("receive", 1)
                sent = sender.call("send", link.address, 1, 10 * seconds, round(rate * seconds))
                received = receiver.result()
                assert sent.bytes == received.bytes, "bytes were lost"
                took = received.ended - received.first_at
                passed.append((received.bytes - received.first_bytes) / took / 1e6)
            yield result("throttle", name, "MB/s", passed, ("asked", [rate / 1e6]))
