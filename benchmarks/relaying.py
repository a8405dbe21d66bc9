"""What a healthy link adds to a round trip, and leaves of the throughput: beside a direct connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from pytest_netchaos.link import Link

from .echo import Client, Echo
from .relay_process import checked_link, cpu_seconds, running
from .remote import Remote
from .scale import Scale
from .stats import Result, percentile, result
from .stream import Receiver, Sender
from .tcp import PATIENCE, listen

_NO_LIMIT = 1 << 60
#: Bytes after which streams are surely in full flow.
_UNDER_WAY = 20_000_000


def roundtrip(scale: Scale) -> Iterator[Result]:
    """Ask 64 bytes and get them back, over one connection."""
    count = scale.count(500)
    direct, linked = [], []
    with listen() as server, Remote(Echo, server) as echo, Remote(Client) as client, running() as (network, pid):
        echo.start("serve")
        link = checked_link(network, pid, server.getsockname())
        for _ in range(scale.rounds(30)):
            direct.append(client.call("round_trips", server.getsockname(), count))
            linked.append(client.call("round_trips", link.address, count))
    for percent in (50, 99):
        yield result("roundtrip", f"64 B, p{percent}", "µs", _each(linked, percent), ("direct", _each(direct, percent)))
    added = [there - here for there, here in zip(_each(linked, 50), _each(direct, 50), strict=True)]
    yield result("roundtrip", "64 B, p50, added by the link", "µs", added, ("direct", _each(direct, 50)))


def beside(scale: Scale) -> Iterator[Result]:
    """Ask 64 bytes, and connect anew, while four streams keep the relay busy."""
    count, seconds = scale.count(1000), 0.1 + 0.4 * scale.share
    quiet, busy, visit_quiet, visit_busy = [], [], [], []
    with ExitStack() as stack:
        server, sink = stack.enter_context(listen()), stack.enter_context(listen())
        echo, client = stack.enter_context(Remote(Echo, server)), stack.enter_context(Remote(Client))
        sender, receiver = stack.enter_context(Remote(Sender)), stack.enter_context(Remote(Receiver, sink))
        network, pid = stack.enter_context(running())
        echo.start("serve")
        link, bulk = (checked_link(network, pid, each.getsockname()) for each in (server, sink))
        client.call("hold", link.address, 1)
        for _ in range(scale.rounds(6)):
            quiet.append(client.call("round_trips_held", count, seconds))
            visit_quiet.append(1e3 / client.call("visits", link.address, 1))
            before = _carried(bulk)
            receiver.start("receive", 4)
            sender.start("send", bulk.address, 4, 2 * seconds + 0.2, _NO_LIMIT)
            while _carried(bulk) - before < _UNDER_WAY:
                time.sleep(0.01)
            busy.append(client.call("round_trips_held", count, seconds))
            visit_busy.append(1e3 / client.call("visits", link.address, 1))
            assert sender.result().bytes == receiver.result().bytes, "bytes were lost"
    for percent in (50, 99):
        yield result(
            "beside", f"64 B beside 4 streams, p{percent}", "µs", _each(busy, percent),
            ("link alone", _each(quiet, percent)),
        )  # fmt: skip
    yield result("beside", "connect, 64 B, close beside 4 streams", "ms", visit_busy, ("link alone", visit_quiet))


def _carried(link: Link) -> int:
    return sum(connection.bytes_up for connection in link.connections)


def throughput(scale: Scale) -> Iterator[Result]:
    """Send as much as will go, over 1 connection and over 50; every stream is compared with what was sent."""
    with listen() as sink, Remote(Sender) as sender, Remote(Receiver, sink) as receiver, running() as (network, pid):
        link = checked_link(network, pid, sink.getsockname())
        for connections in (1, 50):
            direct, linked, cpu = [], [], []
            for _ in range(scale.rounds(5)):
                direct.append(_stream(sender, receiver, sink.getsockname(), connections, scale)[0])
                before = cpu_seconds(pid)
                rate, gigabytes = _stream(sender, receiver, link.address, connections, scale)
                linked.append(rate)
                cpu.append((cpu_seconds(pid) - before) / gigabytes)
            plural = "s" * (connections > 1)
            yield result("throughput", f"{connections} connection{plural}", "GB/s", linked, ("direct", direct))
            yield result("throughput", f"{connections} connection{plural}, relay's CPU", "s/GB", cpu)


def _stream(
    sender: Remote, receiver: Remote, address: tuple[str, int], connections: int, scale: Scale
) -> tuple[float, float]:
    receiver.start("receive", connections)
    sent = sender.call("send", address, connections, 0.1 + 0.5 * scale.share, _NO_LIMIT, timeout=PATIENCE)
    received = receiver.result()
    assert sent.bytes == received.bytes, f"{sent.bytes} bytes were sent and {received.bytes} have arrived"
    gigabytes = received.bytes / 1e9
    return gigabytes / (received.ended - sent.started), gigabytes


def _each(rounds: list[list[int]], percent: float) -> list[float]:
    return [percentile(times, percent) / 1e3 for times in rounds]
