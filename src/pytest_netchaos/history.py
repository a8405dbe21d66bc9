"""What a link saw, as frozen values: the dials, the connections and the faults. No I/O.

Matchers judge a `History`, so they can be tested without a socket or a clock. Times are CLOCK_MONOTONIC
seconds: those of ``time.monotonic()``, in every process of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeAlias, overload

from .faults import Fault
from .triggers import Trigger

Outcome: TypeAlias = Literal["pending", "served", "refused"]
Closer: TypeAlias = Literal["client", "server", "fault", "link"]
Ending: TypeAlias = Literal["FIN", "RST"]
Sleeper: TypeAlias = Literal["event loop", "process"]


@dataclass(frozen=True, slots=True)
class Dial:
    """A client's attempt to connect."""

    #: 1 for the link's first dial.
    number: int
    at: float
    #: ``"served"`` once the upstream has accepted, ``"refused"`` by a fault or because the upstream did not
    #: accept, ``"pending"`` until that is known.
    outcome: Outcome
    #: Where the client dialled from, ``"127.0.0.1:40312"``; empty where only the attempt could be seen.
    peer: str = ""
    #: Who refused it and why; empty for a served dial.
    reason: str = ""
    #: The number of the connection that a served dial became.
    connection: int | None = None
    #: When the dial was refused, or its connection ended; ``None`` while it is in use.
    ended_at: float | None = None
    #: Seconds since the previous dial ended: how long the client waited. ``None`` for the first dial, and for
    #: one that began before the previous one ended (a second client).
    waited: float | None = None
    #: Served too late: its client had hung up by then. A stall, say, had held it back, and its heal let it through.
    in_vain: bool = False
    #: When its client hung up by itself, with a FIN or an RST: before it was told of the server's end, or of a fault's.
    hung_up_at: float | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """A served dial: what it carried, and how it ended."""

    #: 1 for the link's first connection.
    number: int
    dial: int
    opened_at: float
    #: Bytes that were delivered to the server and to the client; exact, and current while it is open.
    bytes_up: int = 0
    bytes_down: int = 0
    #: Bytes that a fault took, by direction.
    lost_up: int = 0
    lost_down: int = 0
    closed_at: float | None = None
    #: Who ended it: the side that sent the first FIN or RST, a fault, or the link at the end of its test.
    closed_by: Closer | None = None
    #: How it ended.
    close_how: Ending | None = None
    #: Which fault ended it, or why the link did: ``"cut"``, ``"blackhole"``.
    close_reason: str = ""
    #: When its server hung up by itself, with a FIN or an RST: before it was told of the client's end, or of a fault's.
    #: The client's is in `Dial.hung_up_at`.
    server_hung_up_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the connection still lives."""
        return self.closed_at is None


class Position(NamedTuple):
    """How far a connection had come when a fault met it."""

    #: Bytes that were delivered to the server, and to the client.
    bytes_up: int
    bytes_down: int


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """One stretch of time that a fault was in force; a flap has one for each cycle."""

    fault: Fault
    started_at: float
    #: ``None`` while it is in force.
    healed_at: float | None = None
    #: The connections that it met when it started, by number.
    hits: tuple[int, ...] = ()
    #: 1 for the first cycle of a flap, and for every other fault.
    cycle: int = 1
    #: When it is to end by itself, where it was given a time.
    until: float | None = None
    #: How far each of ``hits`` had come then, in the same order; empty where the engine can't tell.
    positions: tuple[Position, ...] = ()
    #: How many dials and connections the link had seen then.
    dials: int = 0
    connections: int = 0
    #: Which injection of the link it belongs to, from 1; 0 where that isn't known.
    injection: int = field(default=0, compare=False)
    #: Who injected it: ``"marker"``, ``"plan 1 step 2"``; empty for the test's own code.
    by: str = ""

    @property
    def breaks(self) -> bool:
        """Whether a client may have to dial again because of it (a delay doesn't break)."""
        return self.fault.breaks


@dataclass(frozen=True, slots=True)
class ArmedFault:
    """A fault that waits for a trigger, or was healed before that came: it has never been in force."""

    fault: Fault
    when: Trigger
    #: Since when it waits.
    armed_at: float
    #: When it was healed, and so will never come; ``None`` while it waits.
    disarmed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """A stretch of time in which the test's own process, or an event loop in it, did nothing, and its clients neither.

    It explains why something came late without a fault of the client: see `lag`.
    """

    at: float
    #: Seconds.
    lasted: float
    #: What stood still.
    of: Sleeper = "event loop"


class Dials(Sequence[Dial]):
    """The dials of a link, in order: what `backoff` compares with. Slices are `Dials` too."""

    __slots__ = ("_dials", "blind", "lags")

    def __init__(self, dials: Iterable[Dial] = (), blind: str = "", lags: Iterable[Lag] = ()) -> None:
        self._dials = tuple(dials)
        #: Which dials could not be seen, in words; empty where all of them could.
        self.blind = blind
        #: When this process or its event loop stood still, so that a client in it may have dialled late.
        self.lags = tuple(lags)

    @overload
    def __getitem__(self, key: int) -> Dial: ...
    @overload
    def __getitem__(self, key: slice) -> Dials: ...
    def __getitem__(self, key: int | slice) -> Dial | Dials:
        """Return one dial, or the dials of a slice."""
        if isinstance(key, slice):
            return Dials(self._dials[key], self.blind, self.lags)
        return self._dials[key]

    def __len__(self) -> int:
        """Count them."""
        return len(self._dials)

    def __repr__(self) -> str:
        """Say how many there are, and how they went."""
        return f"<{len(self.served)} served and {len(self.refused)} refused of {len(self)} dials>"

    def with_lags(self, lags: Iterable[Lag]) -> Dials:
        """Return the same dials, with what is known of the process that the test runs in."""
        return Dials(self._dials, self.blind, lags)

    @property
    def refused(self) -> Dials:
        """Those that were refused."""
        return Dials((dial for dial in self._dials if dial.outcome == "refused"), self.blind, self.lags)

    @property
    def served(self) -> Dials:
        """Those that became connections."""
        return Dials((dial for dial in self._dials if dial.outcome == "served"), self.blind, self.lags)


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of time without a break in which at least one breaking fault was in force."""

    started_at: float
    #: ``None`` while it lasts.
    healed_at: float | None
    kinds: tuple[str, ...]
    #: While it lasts: when it is to end by itself, where that is known.
    until: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Everything that a link saw until ``now``."""

    link: str
    now: float
    dials: Dials = field(default_factory=Dials)
    connections: tuple[Connection, ...] = ()
    faults: tuple[FaultSpan, ...] = ()
    #: The faults whose trigger hasn't come, in the order in which they were injected.
    armed: tuple[ArmedFault, ...] = ()
    #: Whether there are dials that it leaves out by request: of ``background`` hosts. Faults hit those too.
    has_background: bool = field(default=False, compare=False)

    @property
    def lags(self) -> tuple[Lag, ...]:
        """When this process or its event loop stood still."""
        return self.dials.lags

    def with_lags(self, lags: Iterable[Lag]) -> History:
        """Return the same history, with what is known of the process that the test runs in."""
        return replace(self, dials=self.dials.with_lags(lags))

    @property
    def outages(self) -> tuple[Outage, ...]:
        """The breaking faults, merged where they overlap, in order of time."""
        return merge_outages(self.faults)


def merge_outages(spans: Iterable[FaultSpan]) -> tuple[Outage, ...]:
    """Merge overlapping spans of breaking faults into outages.

    An instant fault (a reset) is an outage of no length.
    """
    outages: list[Outage] = []
    for span in sorted((s for s in spans if s.breaks), key=lambda s: s.started_at):
        last = outages[-1] if outages else None
        if last is None or (last.healed_at is not None and last.healed_at < span.started_at):
            outages.append(_outage(span))
            continue
        kinds = last.kinds if span.fault.kind in last.kinds else (*last.kinds, span.fault.kind)
        healed_at = _later(last.healed_at, span.healed_at)
        until = _later(_end(last), _end(span))
        outages[-1] = Outage(last.started_at, healed_at, kinds, until if healed_at is None else None)
    return tuple(outages)


def _end(stretch: FaultSpan | Outage) -> float | None:
    """Return when a fault or an outage has ended, or else is to end by itself."""
    return stretch.until if stretch.healed_at is None else stretch.healed_at


def _outage(span: FaultSpan) -> Outage:
    until = span.until if span.healed_at is None else None
    return Outage(span.started_at, span.healed_at, (span.fault.kind,), until)


def _later(one: float | None, other: float | None) -> float | None:
    """Return the later of two times, of which each may be still to come."""
    return None if one is None or other is None else max(one, other)
