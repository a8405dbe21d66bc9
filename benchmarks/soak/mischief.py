"""Which fault, and which toxic, is next. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable

from pytest_netchaos.faults import (
    Blackhole,
    Close,
    Cut,
    Delay,
    Direction,
    Fault,
    Flap,
    IdleTimeout,
    Limit,
    Refuse,
    Reset,
    Slice,
    Stall,
    Throttle,
)

_DIRECTIONS: tuple[Direction, ...] = ("upstream", "downstream", "both")
_FAULTS: tuple[Callable[[random.Random, Direction, float], Fault], ...] = (
    lambda _, __, ___: Cut(),
    lambda _, __, ___: Refuse(),
    lambda _, __, share: Reset(toxicity=share),
    lambda _, __, share: Close(toxicity=share),
    lambda _, way, share: Stall(direction=way, toxicity=share),
    lambda _, way, share: Blackhole(direction=way, toxicity=share),
    lambda chance, way, share: Delay(chance.uniform(0.001, 0.05), 0.001, direction=way, toxicity=share),
    lambda chance, way, share: Throttle(10 ** chance.uniform(4, 8.5), direction=way, toxicity=share),
    lambda chance, way, share: Slice(
        chance.randint(100, 9_000), 99, chance.choice((0.0, 0.001)), direction=way, toxicity=share
    ),
    lambda chance, way, share: Limit(chance.randint(0, 1_000_000), direction=way, toxicity=share),
    lambda chance, _, share: IdleTimeout(chance.uniform(0.001, 1), toxicity=share),
    lambda chance, _, __: Flap((0.002, 0.05), (0.005, 0.1), chance.randint(1, 6)),
)
_TOXICS: tuple[Callable[[random.Random], tuple[str, dict[str, int]]], ...] = (
    lambda chance: ("latency", {"latency": chance.randint(0, 50), "jitter": chance.randint(0, 5)}),
    lambda chance: ("bandwidth", {"rate": chance.choice((0, 10, 1_000, 100_000))}),
    lambda chance: ("slow_close", {"delay": chance.randint(0, 200)}),
    lambda chance: ("timeout", {"timeout": chance.choice((0, 20, 300))}),
    lambda chance: ("reset_peer", {"timeout": chance.randint(0, 200)}),
    lambda chance: ("slicer", {"average_size": chance.randint(50, 5_000), "size_variation": 20, "delay": 100}),
    lambda chance: ("limit_data", {"bytes": chance.randint(0, 1_000_000)}),
)


def draw_fault(chance: random.Random) -> Fault:
    """Draw a fault of any kind, with values that a soak of minutes sees the end of."""
    return chance.choice(_FAULTS)(chance, chance.choice(_DIRECTIONS), chance.choice((1.0, 1.0, 0.3)))


def draw_span(chance: random.Random, fault: Fault) -> float | None:
    """Draw for how long, in seconds; ``None``: until it is healed."""
    if fault.instant or isinstance(fault, Flap) or chance.random() < 0.5:
        return None
    return chance.uniform(0.005, 0.4)


def draw_toxic(chance: random.Random, name: str) -> dict[str, object]:
    """Draw a toxic, as Toxiproxy's API takes it."""
    kind, attributes = chance.choice(_TOXICS)(chance)
    stream = chance.choice(("upstream", "downstream"))
    toxicity = chance.choice((1.0, 1.0, 0.3))
    return {"name": name, "type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
