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
_OF_LINKS = (
    "cut",
    "reset",
    "close",
    "refuse",
    "stall",
    "blackhole",
    "delay",
    "throttle",
    "slice",
    "limit",
    "hold",
    "dam",
)
#: Toxiproxy's words for what it does.
TOXICS = ("latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "noop")
KINDS = (*_OF_LINKS, *TOXICS)
#: Over as soon as they have happened.
INSTANT = ("reset", "close")
#: No new connection is let in.
REFUSING = ("cut", "refuse")
#: Done to the bytes, by a stage; and how many numbers each has.
_SHAPING = {
    "delay": 2, "throttle": 1, "slice": 3, "limit": 1,
    "latency": 2, "bandwidth": 1, "slow_close": 1, "timeout": 1, "reset_peer": 1, "slicer": 3, "limit_data": 1,
}  # fmt: skip


class Fault:
    """One fault of one link, in force or waiting for its next window.

    Args:
        id_: Its id; its random decisions hang on it.
        kind: One of ``KINDS``.
        windows: When it is in force.
        seed: What its random decisions are drawn from.
        direction: ``"upstream"``, ``"downstream"`` or ``"both"``.
        toxicity: The share of connections that it is on.
        values: Its numbers, in seconds, bytes and bytes per second: latency and jitter of a delay, the rate of a
            throttle, the time until a timeout closes (0: never) or a peer is reset, the delay of a slow close, the
            size, variation and pause of slices, the bytes of a limit. All 0 where none are given: by a tap, which
            only takes note.

    Raises:
        ValueError: There is no such kind or direction, or it takes other values.
    """

    __slots__ = ("cycle", "direction", "id", "kind", "on", "seed", "toxicity", "values", "windows")

    def __init__(
        self,
        id_: int,
        kind: str,
        windows: Iterator[tuple[float, float]],
        *,
        seed: int = 0,
        direction: str = "both",
        toxicity: float = 1.0,
        values: tuple[float, ...] = (),
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind!r}")
        if direction not in (UP, DOWN, "both"):
            raise ValueError(f"no such direction: {direction!r}")
        if values and len(values) != _SHAPING.get(kind, 0):
            raise ValueError(f"{kind} takes {_SHAPING.get(kind, 0)} values, not {values!r}")
        self.id = id_
        self.kind = kind
        self.windows = windows
        self.seed = seed
        self.direction = direction
        self.toxicity = toxicity
        self.values = values or (0.0,) * _SHAPING.get(kind, 0)
        self.on = False
        #: Counts the windows: which cycle of a flap it is in.
        self.cycle = 0

    def hits(self, connection: int) -> bool:
        """Whether this connection is among the share that is hit: decided once, by the seed."""
        return self.toxicity >= 1 or draw(self.seed, self.id, connection) < self.toxicity

    def stage(self, connection: int, direction: str) -> Stage:  # noqa: PLR0911 - a table, one entry for each kind
        """Make this fault's stage for one direction of one connection."""
        key = (self.seed, self.id, direction == UP, connection)
        match self.kind:
            case "delay" | "latency":  # Toxiproxy passes a close on at once, if no data is before it
                latency, jitter = self.values
                return Delay(latency, jitter, lambda step: draw(*key, step), delays_ends=self.kind == "delay")
            case "throttle" | "bandwidth":
                return Throttle(self.values[0])
        from . import toxics  # noqa: PLC0415 - most runs need none, and the first byte waits for every import

        match self.kind:
            case "slice" | "slicer":
                size, variation, pause = self.values
                return toxics.Slicer(size, variation, pause, lambda chunk, piece: draw(*key, chunk, piece))
            case "limit" | "limit_data":
                return toxics.Limit(self.values[0])
            case "slow_close":
                return toxics.SlowClose(self.values[0])
            case "timeout":
                return toxics.Drop()
        return toxics.Hold()


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
        if fault.kind in _SHAPING and fault.direction in (direction, "both") and fault.hits(connection)
    }
