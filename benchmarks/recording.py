"""What a recorder adds to a call, without the client's own work on the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.recorders import record_calls, record_socketio

from .scale import Scale
from .stats import Result, result

_CALLS = 100_000
_ROUNDS = 5

_Call = Callable[[int], object]


def recorders(scale: Scale) -> Iterator[Result]:
    """Emit and receive with a Socket.IO client, and call a function; beside the same without a recorder."""
    count = scale.count(_CALLS)
    for what, plain, recorded in _pairs():
        without = [_seconds(plain, count) for _ in range(_ROUNDS)]
        values = [_seconds(recorded, count) for _ in range(_ROUNDS)]
        yield result("recorders", f"{what}, {count} times", "s", values, ("without a recorder", without))


def _pairs() -> Iterator[tuple[str, _Call, _Call]]:
    yield "a call as a send", abs, record_calls(abs, Ledger())
    yield "a call as a delivery", abs, record_calls(abs, Ledger(), as_="delivery")
    plain, recorded = _emit_and_receive(None), _emit_and_receive(Ledger())
    yield "Socket.IO emit()", plain[0], recorded[0]
    yield "Socket.IO event", plain[1], recorded[1]


def _emit_and_receive(ledger: Ledger | None) -> tuple[_Call, _Call]:
    import socketio  # noqa: PLC0415 - only for this benchmark

    client = socketio.Client(handle_sigint=False)
    client.namespaces = {"/": "sid"}
    client.eio.send = lambda _: None
    client.on("tick", lambda _: None)
    if ledger is not None:
        record_socketio(client, ledger)
    return (
        lambda number: client.emit("tick", number),
        lambda number: client._trigger_event("tick", "/", number),  # noqa: SLF001 - what the recorder watches
    )


def _seconds(call: _Call, count: int) -> float:
    start = time.perf_counter()
    for number in range(count):
        call(number)
    return time.perf_counter() - start
