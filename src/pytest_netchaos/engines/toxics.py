"""What a fault is in Toxiproxy's words, or why it has none. Pure.

The figures and semantics are those of Toxiproxy 2.12.0, read in its source and measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import UnsupportedFault, hide_own_errors
from ..faults import Blackhole, Cut, Delay, Fault, Limit, Slice, Stall, Throttle

__tracebackhide__ = hide_own_errors

#: Toxiproxy counts milliseconds, a slicer's pause in microseconds, and kilobytes of 1000 bytes.
MS, US, KB = 1000, 1_000_000, 1000
#: How far a rate in whole KB/s may be from the rate that was asked for.
_NEAR = 0.01

_WHY_NOT = {
    "refuse": "Toxiproxy refuses new connections only by disabling a proxy, which closes the live ones as well",
    "reset": "Toxiproxy resets a connection at its next byte, never an idle one, and sends a FIN to those that it had",
    "idle_timeout": "Toxiproxy's timeout counts from when it is added, whatever passes, and drops all that does",
    "close": "Toxiproxy closes connections by disabling their proxy, which refuses new ones and loses bytes",
}


@dataclass(frozen=True, slots=True)
class Toxic:
    """One toxic, without a name yet."""

    type: str
    #: ``"upstream"`` or ``"downstream"``: Toxiproxy has none for both.
    stream: str
    attributes: dict[str, Any] = field(default_factory=dict)


def toxics(fault: Fault) -> tuple[Toxic, ...]:
    """Translate a fault. A cut is none, for it takes the whole proxy away; and so is a stall, which our relay does.

    Toxiproxy's ``bandwidth`` of rate 0 holds bytes too, but lets go of them as soon as any other toxic of the
    connection changes, and hangs when an earlier one does.

    Raises:
        UnsupportedFault: Toxiproxy can't do it; says why, and which engines can.
    """
    if fault.kind in _WHY_NOT:
        raise UnsupportedFault(f"{fault}: {_WHY_NOT[fault.kind]}")
    if isinstance(fault, Cut):
        return ()
    if getattr(fault, "toxicity", 1) != 1:
        raise UnsupportedFault(
            f"{fault}: Toxiproxy draws toxicity without a seed, and again for live connections whenever another fault "
            "begins or heals, so nobody could say which connections were hit"
        )
    if isinstance(fault, Stall):
        return ()
    type_, attributes = _spell(fault)
    return tuple(Toxic(type_, stream, attributes) for stream in _streams(fault))


def _streams(fault: Fault) -> Iterator[str]:
    direction = getattr(fault, "direction", "both")
    yield from (s for s in ("upstream", "downstream") if direction in (s, "both"))


def _spell(fault: Fault) -> tuple[str, dict[str, Any]]:
    match fault:
        case Blackhole():
            return "timeout", {"timeout": 0}  # drops, and never closes by itself
        case Delay():
            return "latency", {"latency": _at_least(fault.latency), "jitter": _at_most(fault.jitter)}
        case Throttle():
            return "bandwidth", {"rate": _kilobytes(fault)}
        case Slice():
            pause = math.ceil(round(fault.pause * US, 3))
            return "slicer", {"average_size": fault.size, "size_variation": fault.variation, "delay": pause}
        case Limit():
            return "limit_data", {"bytes": fault.count}
    raise UnsupportedFault(f"{fault}: Toxiproxy has nothing like it")  # pragma: no cover - every kind is above


def _at_least(seconds: float) -> int:
    """Round up: no byte may be early. At most a millisecond late, as a delay of Toxiproxy is anyway (measured: 1.2)."""
    return math.ceil(round(seconds * MS, 6))  # 0.07 * 1000 is a little more than 70


def _at_most(seconds: float) -> int:
    """Round down: jitter takes away from a delay as much as it adds."""
    return math.floor(round(seconds * MS, 6))


def _kilobytes(fault: Throttle) -> int:
    rate = round(fault.rate / KB)
    if abs(rate * KB - fault.rate) > _NEAR * fault.rate:
        raise UnsupportedFault(f"{fault}: Toxiproxy counts in whole KB/s (1000 bytes per second), and this isn't one")
    return rate
