"""What a recorder costs for each message, without the client's own work: ``python benchmarks/recorders.py``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import socketio

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.recorders import record_calls, record_socketio

MESSAGES = 100_000


def microseconds(call: Callable[[int], object]) -> float:
    """Time one call, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for number in range(MESSAGES):
            call(number)
        best = min(best, time.perf_counter() - start)
    return best / MESSAGES * 1e6


async def microseconds_async(call: Callable[[int], object]) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for number in range(MESSAGES):
            await call(number)
        best = min(best, time.perf_counter() - start)
    return best / MESSAGES * 1e6


def offline_client() -> socketio.Client:
    client = socketio.Client(handle_sigint=False)
    client.namespaces = {"/": "sid"}
    client.eio.send = lambda _: None
    client.on("tick", lambda _: None)
    return client


async def nothing(_: int) -> None:
    pass


def main() -> None:
    plain, recorded = offline_client(), offline_client()
    record_socketio(recorded, Ledger())
    for what, call in (
        ("emit", lambda client: lambda number: client.emit("tick", number)),
        ("receive", lambda client: lambda number: client._trigger_event("tick", "/", number)),  # noqa: SLF001 - what is watched
    ):
        before, after = microseconds(call(plain)), microseconds(call(recorded))
        print(f"Socket.IO {what}: {before:.2f} µs without, {after:.2f} µs with, {after - before:.2f} µs more")
    for as_ in ("send", "delivery"):
        before, after = microseconds(abs), microseconds(record_calls(abs, Ledger(), as_=as_))
        print(f"call as {as_}: {after - before:.2f} µs more")
    before = asyncio.run(microseconds_async(nothing))
    after = asyncio.run(microseconds_async(record_calls(nothing, Ledger())))
    print(f"coroutine as send: {after - before:.2f} µs more")


if __name__ == "__main__":
    main()
