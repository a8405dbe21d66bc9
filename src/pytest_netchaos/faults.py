"""The faults, as frozen and validated values. No I/O.

========== ==================== ==================== =====================================
fault      live connections     new connections      bytes
========== ==================== ==================== =====================================
Cut        RST                  refused              lost
Reset      RST                  served               lost
Close      FIN                  served               kept: sent on before the FIN
Refuse     untouched            refused              --
Stall      open                 accepted, stalled    kept; delivered on heal, in order
Blackhole  open, half-dead      accepted, dead       dropped; who lost bytes is reset on heal
Delay      open                 the same             late
Throttle   open                 the same             slow
Slice      open                 the same             in small pieces
Limit      FIN, once so many    the same             lost after the limit
           bytes have passed
IdleTime-  FIN, once nothing    the same             kept: there are none
out        has passed so long
Flap       whatever the fault that it repeats does, on a seeded rhythm
========== ==================== ==================== =====================================

All durations are seconds, all rates bytes per second. Bad values are refused on construction, by name
and value, so that a mistake shows where it was made and not when the fault strikes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from types import FunctionType
from typing import ClassVar, Literal, Self, TypeAlias, get_args

Direction: TypeAlias = Literal["upstream", "downstream", "both"]
Span: TypeAlias = "float | tuple[float, float]"

DIRECTIONS: tuple[str, ...] = get_args(Direction)

# A bad value is the fault of the line that wrote it: pytest's traceback is to end there, and not here.
__tracebackhide__ = True

#: One day. A longer fault in a test is a slip of the unit (milliseconds for seconds).
LONGEST = 86_400.0
MOST_CYCLES = 1_000_000


def check_number(name: str, value: object, *, low: float, high: float, above: bool = False) -> None:
    """Refuse what isn't a finite number in ``low..high`` (``above``: greater than ``low``).

    Raises:
        TypeError: ``value`` isn't a number (``True`` isn't one).
        ValueError: ``value`` is out of range, infinite or not a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not low <= value <= high or (above and value == low):  # NaN is in no range
        bounds = f"above {low:g} and up to {high:g}" if above else f"from {low:g} to {high:g}"
        raise ValueError(f"{name} must be {bounds}, not {value!r}")


def check_duration(name: str, value: object, *, above: bool = False) -> None:
    """Refuse what isn't a duration in seconds between 0 and one day."""
    try:
        check_number(name, value, low=0, high=LONGEST, above=above)
    except ValueError as error:
        raise ValueError(f"{error} (seconds; a day at most)") from None


def check_direction(value: object) -> None:
    """Refuse what isn't one of ``DIRECTIONS``."""
    if value not in DIRECTIONS:
        allowed = ", ".join(map(repr, DIRECTIONS))
        raise ValueError(f"direction must be one of {allowed}, not {value!r}")


def check_span(name: str, value: object) -> None:
    """Refuse what is neither a duration above 0 nor a (shortest, longest) pair of them."""
    if not isinstance(value, tuple):
        check_duration(name, value, above=True)
        return
    if len(value) != 2:  # noqa: PLR2004 - a pair
        raise ValueError(f"{name} must be seconds or a (shortest, longest) pair, not {value!r}")
    for end in value:
        check_duration(name, end, above=True)
    if value[0] > value[1]:
        raise ValueError(f"{name} must be a (shortest, longest) pair, not {value!r}")


@dataclass(frozen=True, slots=True)
class Fault:
    """A way for a network to be bad. Use one of the subclasses."""

    #: The verb of ``Link`` that injects this fault, and its name in reports.
    kind: ClassVar[str] = ""
    #: Whether the fault is over as soon as it has happened: there is nothing to heal.
    instant: ClassVar[bool] = False
    #: Whether a client can be expected to dial again because of it.
    breaks: ClassVar[bool] = False

    def __new__(cls, *values: object, **_: object) -> Self:
        """Say what is wrong with ``flaky_network(Cut)``: pytest takes a lone class for what the marker is put on.

        Raises:
            TypeError: the class decorates a test.
        """
        if values and isinstance(values[0], FunctionType | type):
            raise TypeError(f"{cls.__name__} is a class: write {cls.__name__}(…), not {cls.__name__}, in a marker")
        return object.__new__(cls)

    def __post_init__(self) -> None:
        """Refuse to be a fault of no kind.

        Raises:
            TypeError: the class isn't one of the faults.
        """
        if not self.kind:
            raise TypeError(f"{type(self).__name__} is no fault by itself: use Cut(), Stall(), Delay(0.2), …")

    def __str__(self) -> str:
        """Shorten to what differs from the defaults: ``delay(latency=0.2)``."""
        said = [
            f"{f.name}={value}" if isinstance(value := getattr(self, f.name), Fault) else f"{f.name}={value!r}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"{self.kind}({', '.join(said)})"


@dataclass(frozen=True, slots=True)
class Cut(Fault):
    """Reset every live connection and refuse new ones, until healed."""

    kind: ClassVar[str] = "cut"
    breaks: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Refuse(Fault):
    """Refuse new connections; live ones go on."""

    kind: ClassVar[str] = "refuse"
    breaks: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class _Partial(Fault):
    """A fault that can hit a share of the connections only."""

    #: The share of connections that are hit, 0 to 1. Drawn once for each connection, from the seed.
    toxicity: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        check_number("toxicity", self.toxicity, low=0, high=1)


@dataclass(frozen=True, slots=True)
class Reset(_Partial):
    """Reset live connections now, idle ones too; new ones are served."""

    kind: ClassVar[str] = "reset"
    instant: ClassVar[bool] = True
    breaks: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Close(_Partial):
    """Close live connections with a FIN, after the bytes that were already sent."""

    kind: ClassVar[str] = "close"
    instant: ClassVar[bool] = True
    breaks: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class _Directed(_Partial):
    """A fault that can hit one direction only."""

    #: ``"upstream"`` is client to server, ``"downstream"`` server to client.
    direction: Direction = field(default="both", kw_only=True)

    def __post_init__(self) -> None:
        _Partial.__post_init__(self)
        check_direction(self.direction)


@dataclass(frozen=True, slots=True)
class Stall(_Directed):
    """Hold every byte back. Nothing is lost: on heal all of it arrives, in order."""

    kind: ClassVar[str] = "stall"
    breaks: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Blackhole(_Directed):
    """Drop every byte, FIN and RST in silence: the peer looks alive and isn't.

    On heal, a connection that lost anything is reset. It is never spliced together again:
    a TCP stream with a hole in it is what no real network delivers.
    """

    kind: ClassVar[str] = "blackhole"
    breaks: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Delay(_Directed):
    """Deliver every byte ``latency`` ± ``jitter`` seconds late, in order, and never early.

    ``latency`` is one-way: with ``direction="both"`` a round trip takes twice as much more.
    The jitter is uniform, and drawn from the seed.
    """

    latency: float
    jitter: float = 0.0
    kind: ClassVar[str] = "delay"

    def __post_init__(self) -> None:
        _Directed.__post_init__(self)
        check_duration("latency", self.latency)
        check_duration("jitter", self.jitter)
        if self.jitter > self.latency:
            raise ValueError(
                f"jitter must not exceed latency ({self.latency!r}), not {self.jitter!r}: "
                "no byte can arrive before it was sent"
            )


@dataclass(frozen=True, slots=True)
class Throttle(_Directed):
    """Let at most ``rate`` bytes per second through, for each connection and direction."""

    rate: float
    kind: ClassVar[str] = "throttle"

    def __post_init__(self) -> None:
        _Directed.__post_init__(self)
        try:
            check_number("rate", self.rate, low=0, high=1e12, above=True)
        except ValueError as error:
            raise ValueError(f"{error} (bytes per second; to let nothing through, use stall)") from None


def check_count(name: str, value: object, *, low: int, high: int = 1 << 40) -> None:
    """Refuse what isn't a whole number of bytes in ``low..high``.

    Raises:
        TypeError: ``value`` isn't a whole number.
        ValueError: ``value`` is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number of bytes, not {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low} to {high} bytes, not {value!r}")


@dataclass(frozen=True, slots=True)
class Slice(_Directed):
    """Deliver the bytes in pieces of ``size`` ± ``variation`` bytes, each in a write of its own.

    What the network hands over at once is cut anew each time: its last piece may be smaller. After each piece the
    direction rests for ``pause`` seconds. The variation is uniform, and drawn from the seed.
    """

    size: int
    variation: int = 0
    pause: float = 0.0
    kind: ClassVar[str] = "slice"

    def __post_init__(self) -> None:
        _Directed.__post_init__(self)
        check_count("size", self.size, low=1)
        check_count("variation", self.variation, low=0)
        check_duration("pause", self.pause)
        if self.variation >= self.size:
            raise ValueError(
                f"variation must be less than size ({self.size!r}), not {self.variation!r}: a piece has a byte at least"
            )


@dataclass(frozen=True, slots=True)
class Limit(_Directed):
    """Let ``count`` bytes of each connection and direction through, and then close it with a FIN.

    The bytes count from when the fault met the connection. Those after them are lost.
    """

    count: int
    kind: ClassVar[str] = "limit"
    breaks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _Directed.__post_init__(self)
        check_count("count", self.count, low=0)


@dataclass(frozen=True, slots=True)
class IdleTimeout(_Partial):
    """Close a connection with a FIN once nothing has passed on it for ``timeout`` seconds, in neither direction.

    So do proxies and load balancers, an application load balancer of AWS after 60 s if nobody says otherwise:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html

    It is never early, and at most a sixteenth of the timeout late. A connection lives on whose heartbeats are frequent
    enough. It is no outage: who dials again is served at once.
    """

    timeout: float
    kind: ClassVar[str] = "idle_timeout"

    def __post_init__(self) -> None:
        _Partial.__post_init__(self)
        check_duration("timeout", self.timeout, above=True)


@dataclass(frozen=True, slots=True)
class Flap(Fault):
    """Go down and come back, ``cycles`` times (``None``: until healed).

    ``down`` and ``up`` are seconds, or a (shortest, longest) pair to draw from with the seed.
    The defaults, 50-500 ms down and 100-1000 ms up, are this project's own choice.
    """

    down: Span = (0.05, 0.5)
    up: Span = (0.1, 1.0)
    cycles: int | None = None
    fault: Fault = Cut()
    kind: ClassVar[str] = "flap"
    breaks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_span("down", self.down)
        check_span("up", self.up)
        if self.cycles is not None and (
            isinstance(self.cycles, bool) or not isinstance(self.cycles, int) or not 1 <= self.cycles <= MOST_CYCLES
        ):
            raise ValueError(f"cycles must be a whole number from 1 to {MOST_CYCLES:,}, or None, not {self.cycles!r}")
        if not isinstance(self.fault, Fault) or isinstance(self.fault, Flap):
            raise TypeError(f"fault must be a fault that can be repeated, such as Cut(), not {self.fault!r}")
