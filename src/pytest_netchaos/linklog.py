"""Fold what an engine says of a link into its history. No I/O."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from .faults import Fault
from .history import ArmedFault, Closer, Connection, Dial, Dials, Ending, FaultSpan, History, Position
from .triggers import Trigger


class LinkLog:
    """Keeps the records of one link. Not thread-safe: its engine calls it under a lock."""

    def __init__(self, name: str) -> None:
        self.name = name
        #: Which refused dials can't be seen, in words; empty where all of them can.
        self.blind = ""
        #: Whether there are hosts whose dials are served and not logged.
        self.has_background = False
        self._overheard: list[float] = []
        self._dials: list[Dial] = []
        self._connections: list[Connection] = []
        self._faults: dict[int, Fault] = {}
        self._lasts: dict[int, float] = {}
        self._spans: list[FaultSpan] = []
        self._first: dict[int, int] = {}
        self._latest: dict[int, int] = {}  # the index of each fault's latest span
        self._over: set[int] = set()
        self._by: dict[int, str] = {}
        self._armed: dict[int, ArmedFault] = {}
        #: What went wrong with the link itself, in words.
        self.troubles: list[str] = []

    # What the engine says.

    def dialled(self, at: float, peer: str) -> None:
        """A client wants to connect."""
        self._dials.append(Dial(len(self._dials) + 1, at, "pending", peer))

    def refused(self, at: float, dial: int, reason: str) -> None:
        """It may not, or the upstream doesn't want it."""
        known = self._dials[dial - 1]
        self._change_dial(dial, outcome="refused", reason=reason, ended_at=known.ended_at or at)

    def opened(self, at: float, dial: int) -> None:
        """The upstream has accepted: it is a connection."""
        self._connections.append(Connection(len(self._connections) + 1, dial, at))
        in_vain = self._dials[dial - 1].ended_at is not None
        self._change_dial(dial, outcome="served", connection=len(self._connections), in_vain=in_vain)

    def hung_up(self, at: float, dial: int, by: Closer, *, answers: bool = False) -> None:
        """One side has begun to end it, or answers the end that it was sent.

        A client that knows of no end decides itself when it's over: what a black hole hid from it, ended nothing.
        """
        known = self._dials[dial - 1]
        if by == "server" and not answers and known.connection is not None:
            self._server_hung_up(at, known.connection)
        if by == "client" and not answers and known.hung_up_at is None:
            self._change_dial(dial, ended_at=at, hung_up_at=at)
        elif known.ended_at is None:
            self._change_dial(dial, ended_at=at)

    def _server_hung_up(self, at: float, connection: int) -> None:
        if self._connections[connection - 1].server_hung_up_at is None:
            self._change_connection(connection, server_hung_up_at=at)

    def counted(self, connection: int, up: int, down: int, lost_up: int, lost_down: int) -> None:
        """A connection has carried so many bytes until now."""
        self._change_connection(connection, bytes_up=up, bytes_down=down, lost_up=lost_up, lost_down=lost_down)

    def closed(self, at: float, connection: int, by: Closer, how: Ending, reason: str) -> None:
        """A connection is over."""
        self._change_connection(connection, closed_at=at, closed_by=by, close_how=how, close_reason=reason)
        dial = self._connections[connection - 1].dial
        if self._dials[dial - 1].ended_at is None:
            self.hung_up(at, dial, by)

    def injected(self, fault_id: int, fault: Fault, for_: float | None = None) -> None:
        """A fault was ordered, for a time or until further notice."""
        self._faults[fault_id] = fault
        if for_ is not None:
            self._lasts[fault_id] = for_

    def armed(self, at: float, fault_id: int, when: Trigger) -> None:
        """A fault that was ordered waits for a trigger."""
        self._armed[fault_id] = ArmedFault(self._faults[fault_id], when, at)

    def withdrawn(self, fault_id: int) -> None:
        """A fault that was ordered is refused: it is none."""
        self._armed.pop(fault_id, None)

    def attributed(self, fault_id: int, by: str) -> None:
        """Somebody else than the test's own code has injected it."""
        self._by[fault_id] = by

    def struck(
        self,
        at: float,
        fault_id: int,
        cycle: int,
        hits: tuple[int, ...],
        seen: tuple[int, int] = (0, 0),
        positions: tuple[Position, ...] = (),
    ) -> None:
        """A fault is in force, for the first time or again; ``seen`` are the dials and connections until then."""
        fault = self._faults[fault_id]
        inner = getattr(fault, "fault", fault)
        self._armed.pop(fault_id, None)
        self._latest[fault_id] = len(self._spans)
        self._first.setdefault(fault_id, len(self._spans))
        until = at + self._lasts[fault_id] if fault_id in self._lasts else None
        healed_at = at if inner.instant else None
        self._spans.append(FaultSpan(inner, at, healed_at, hits, cycle, until, positions, *seen, fault_id))

    def healed(self, at: float, fault_id: int) -> None:
        """A fault is no longer in force, for now or for good."""
        index = self._latest[fault_id]
        if self._spans[index].healed_at is None:
            self._spans[index] = dataclasses.replace(self._spans[index], healed_at=at)

    def over(self, fault_id: int, at: float | None = None) -> None:
        """A fault will not come back; ``at`` says when one was healed that has waited for its trigger."""
        self._over.add(fault_id)
        if waiting := self._armed.get(fault_id):
            self._armed[fault_id] = dataclasses.replace(waiting, disarmed_at=at)

    def overheard(self, at: float) -> None:
        """A client of this process wants to connect; whether it was refused, the faults of that moment tell."""
        self._overheard.append(at)

    # What it amounts to.

    @property
    def opened_count(self) -> int:
        """How many connections there have been."""
        return len(self._connections)

    @property
    def dialled_count(self) -> int:
        """How many dials there have been."""
        if self._overheard:
            return len(self.history(0).dials)
        return len(self._dials)

    def is_over(self, fault_id: int) -> bool:
        """Whether a fault has had all its cycles, or was healed."""
        return fault_id in self._over

    def first_span(self, fault_id: int) -> FaultSpan | None:
        """The first span of a fault; ``None`` before that."""
        index = self._first.get(fault_id)
        return None if index is None else self._spans[index]

    def span(self, fault_id: int) -> FaultSpan | None:
        """The latest span of a fault; ``None`` before the first."""
        index = self._latest.get(fault_id)
        return None if index is None else self._spans[index]

    def history(self, now: float) -> History:
        """Everything until ``now``."""
        self._dials = with_waits(self._dials)  # kept, so that each is worked out once
        dials, connections = with_overheard(self._dials, self._connections, self._overheard, self._spans)
        was_closed = any(span.fault.kind in ("cut", "refuse") for span in self._spans)
        return History(
            self.name,
            now,
            Dials(dials, self.blind if was_closed else ""),
            tuple(connections),
            tuple(map(self._with_origin, self._spans)),
            tuple(self._armed.values()),
            self.has_background,
        )

    def _with_origin(self, span: FaultSpan) -> FaultSpan:
        by = self._by.get(span.injection)
        return span if by is None else dataclasses.replace(span, by=by)

    def _change_dial(self, dial: int, **changes: object) -> None:
        self._dials[dial - 1] = dataclasses.replace(self._dials[dial - 1], **changes)  # type: ignore[arg-type]

    def _change_connection(self, connection: int, **changes: object) -> None:
        known = self._connections[connection - 1]
        self._connections[connection - 1] = dataclasses.replace(known, **changes)  # type: ignore[arg-type]


def with_waits(dials: Iterable[Dial]) -> list[Dial]:
    """Tell how long each dial came after the end of the one before it."""
    waiting: list[Dial] = []
    ended: float | None = None
    for dial in dials:
        waited = None if ended is None or dial.at < ended else dial.at - ended
        waiting.append(dial if dial.waited == waited else dataclasses.replace(dial, waited=waited))
        ended = dial.ended_at
    return waiting


def with_overheard(
    dials: list[Dial], connections: list[Connection], overheard: list[float], spans: list[FaultSpan]
) -> tuple[list[Dial], list[Connection]]:
    """Put the dials that only the client's side showed in their places among those that the engine saw."""
    reasons = ((at, _refusing(spans, at)) for at in overheard)
    refused = [Dial(0, at, "refused", reason=" and ".join(kinds), ended_at=at) for at, kinds in reasons if kinds]
    if not refused:
        return dials, connections
    merged = sorted([*dials, *refused], key=lambda dial: dial.at)
    numbers = {dial.number: number for number, dial in enumerate(merged, 1) if dial.number}
    return (
        with_waits(dataclasses.replace(dial, number=number) for number, dial in enumerate(merged, 1)),
        [dataclasses.replace(c, dial=numbers[c.dial]) for c in connections],
    )


def _refusing(spans: Iterable[FaultSpan], at: float) -> list[str]:
    """The kinds of fault that refused dials at a time, in alphabetical order."""
    in_force = (s for s in spans if s.started_at <= at and (s.healed_at is None or at < s.healed_at))
    return sorted({span.fault.kind for span in in_force} & {"cut", "refuse"})
