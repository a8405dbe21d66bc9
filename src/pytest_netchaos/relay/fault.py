"""A fault as the relay carries it out, and what several of them together mean. Pure."""

from __future__ import annotations

from .chance import draw
from .flow import DROP, HOLD, OPEN
from .stages import Delay, Throttle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .stages import Stage

UP, DOWN = "upstream", "downstream"
#: ``hold`` (nothing passes) and ``dam`` (nothing enters) are a tap's own: no test asks for them.
KINDS = ("cut", "reset", "close", "refuse", "stall", "blackhole", "delay", "throttle", "hold", "dam")
#: Over as soon as they have happened.
INSTANT = ("reset", "close")
#: No new connection is let in.
REFUSING = ("cut", "refuse")


class Fault:
    """One fault of one link, in force or waiting for its next window."""

    __slots__ = ("a", "b", "cycle", "direction", "id", "kind", "on", "seed", "toxicity", "windows")

    def __init__(
        self,
        id_: int,
        kind: str,
        windows: Iterator[tuple[float, float]],
        *,
        seed: int = 0,
        direction: str = "both",
        toxicity: float = 1.0,
        a: float = 0.0,
        b: float = 0.0,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind!r}")
        if direction not in (UP, DOWN, "both"):
            raise ValueError(f"no such direction: {direction!r}")
        self.id = id_
        self.kind = kind
        self.windows = windows
        self.seed = seed
        self.direction = direction
        self.toxicity = toxicity
        #: The latency and jitter of a delay; the rate of a throttle.
        self.a = a
        self.b = b
        self.on = False
        #: Counts the windows: which cycle of a flap it is in.
        self.cycle = 0

    def hits(self, connection: int) -> bool:
        """Whether this connection is among the share that is hit: decided once, by the seed."""
        return self.toxicity >= 1 or draw(self.seed, self.id, connection) < self.toxicity

    def stage(self, connection: int, direction: str) -> Stage:
        """Make this fault's stage for one direction of one connection."""
        if self.kind == "throttle":
            return Throttle(self.a)
        side = direction == UP
        return Delay(self.a, self.b, lambda step: draw(self.seed, self.id, side, connection, step))


def gate(faults: Iterable[Fault], connection: int, direction: str) -> int:
    """Say what happens at the mouth of a flow. A black hole outdoes a stall."""
    state = OPEN
    for fault in faults:
        if fault.direction in (direction, "both") and fault.hits(connection):
            if fault.kind == "blackhole":
                return DROP
            if fault.kind == "stall":
                state = HOLD
    return state


def stages(faults: Iterable[Fault], connection: int, direction: str) -> dict[int, Callable[[], Stage]]:
    """Say which stages a flow has, and how to make each."""
    return {
        fault.id: lambda fault=fault: fault.stage(connection, direction)  # type: ignore[misc]
        for fault in faults
        if fault.kind in ("delay", "throttle") and fault.direction in (direction, "both") and fault.hits(connection)
    }
