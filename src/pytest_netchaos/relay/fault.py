"""A fault as the relay carries it out, and what several of them together mean. Pure."""

from __future__ import annotations

from errno import EMFILE

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
    "cut", "reset", "close", "refuse", "stall", "blackhole", "delay", "throttle", "slice", "limit", "idle_timeout",
    "hold", "dam",
)  # fmt: skip
#: Toxiproxy's words for what it does.
TOXICS = ("latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "noop")
KINDS = (*_OF_LINKS, *TOXICS)
#: Over as soon as they have happened.
INSTANT = ("reset", "close")
#: No new connection is let in.
REFUSING = ("cut", "refuse")
#: Done to the bytes, by a stage; and the numbers that each has.
_SHAPING = {
    "delay": ("latency", "jitter"), "latency": ("latency", "jitter"),
    "throttle": ("rate",), "bandwidth": ("rate",),
    "slice": ("size", "variation", "pause"), "slicer": ("size", "variation", "pause"),
    "limit": ("bytes",), "limit_data": ("bytes",),
    "slow_close": ("delay",), "timeout": ("timeout",), "reset_peer": ("timeout",),
}  # fmt: skip
_OF_SLICES = _SHAPING["slice"]
#: The numbers of each fault that has any.
_NUMBERS = {**_SHAPING, "idle_timeout": ("timeout",)}
#: Done by `stages`, which is loaded in any case.
_OF_STAGES = ("delay", "latency", "throttle", "bandwidth")
#: The kinds of faults that end a connection at a time.
ENDING = ("timeout", "reset_peer", "idle_timeout")
#: What no number exceeds, so that no sum or product of them does: Toxiproxy's 2^63 kilobytes per second are below it.
_MOST = 1e22


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
            throttle, the time until a timeout closes (0: never), a peer is reset or an idle connection closed, the
            delay of a slow close, the size, variation and pause of slices, the bytes of a limit. All 0 where none are
            given: by a tap, which only takes note.

    Raises:
        ValueError: There is no such kind, direction or toxicity, or it takes other values.
        OSError: What carries it out can't be loaded: no descriptor is left to read it with.
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
        _check_toxicity(toxicity)
        if values:
            check(kind, values)
            _load(kind)
        self.id = id_
        self.kind = kind
        self.windows = windows
        self.seed = seed
        self.direction = direction
        self.toxicity = toxicity
        self.values = values or (0.0,) * len(_NUMBERS.get(kind, ()))
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


def check(kind: str, values: tuple[float, ...]) -> None:
    """Refuse numbers that a fault can't have: a piece of no bytes would never come to an end, for one.

    Raises:
        ValueError: It takes others, or as many as it hasn't got.
    """
    names = _NUMBERS.get(kind, ())
    if len(values) != len(names):
        raise ValueError(f"{kind} takes {len(names)} values ({', '.join(names)}), not {values!r}")
    for name, value in zip(names, values, strict=True):
        if not 0 <= value <= _MOST:  # NaN is in no range
            raise ValueError(f"{kind}: {name} must be from 0 to {_MOST:g}, not {value!r}")
    if names == _OF_SLICES:
        size, variation, _ = map(int, values)
        if size < 1:
            raise ValueError(f"{kind}: size must be 1 or more, not {values[0]!r}")
        if variation >= size:
            raise ValueError(f"{kind}: variation must be less than size ({size}), not {values[1]!r}")


def _load(kind: str) -> None:
    """Load what few faults need, now: when a connection meets the fault, there may be no descriptor to read it with."""
    try:
        if kind in _SHAPING and kind not in _OF_STAGES:
            from . import toxics  # noqa: F401, PLC0415
        if kind in ENDING:
            from . import deadlines  # noqa: F401, PLC0415
    except ImportError as error:
        raise OSError(EMFILE, f"{kind} can't be loaded: {error}") from None


def _check_toxicity(toxicity: float) -> None:
    if not 0 <= toxicity <= 1:
        raise ValueError(f"toxicity must be from 0 to 1, not {toxicity!r}")


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
