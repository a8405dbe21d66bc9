"""A test that runs again as it was recorded: which fault is to strike where, and what came otherwise. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .errors import NetchaosError
from .faults import Fault
from .triggers import Trigger

if TYPE_CHECKING:
    from .history import FaultSpan, History
    from .recorded import RecordedRun

# A link that was never recorded is the doing of the line that makes it.
__tracebackhide__ = True

#: How every remark begins.
DIVERGED = "replay diverged: "


class Mark(NamedTuple):
    """Where one window of a fault began."""

    #: Seconds between the end of the window before it and its beginning.
    gap: float
    #: Seconds that it lasted; ``None`` where the fault itself says so.
    length: float | None
    #: How many connections the link had seen.
    connections: int
    #: Of each connection that it met: its number, and the bytes that it had carried up and down.
    places: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Replayed(Trigger):
    """When the recording has it: each window of a fault as soon as its connections have carried the same bytes."""

    #: Of each window; ``None`` for one that begins at once.
    marks: tuple[Mark | None, ...]
    #: Seconds that a mark is waited for beyond its time; then the fault strikes all the same.
    patience: float
    #: What the fault was given to wait for first, if anything.
    then: Trigger | None = None

    def __str__(self) -> str:
        """Say what is waited for."""
        return "the place where it struck in the recording"


class ReplayOfLink:
    """What was recorded of one link.

    Args:
        recorded: All of it.
        patience: Seconds that a strike is waited for beyond its time.
    """

    def __init__(self, recorded: History, patience: float) -> None:
        self._patience = patience
        self._injections = _injections(recorded)
        self._to_come = {by: [*those] for by, those in self._injections.items()}

    def has(self, by: str) -> bool:
        """Whether an injection by somebody is to come."""
        return bool(self._to_come.get(by))

    def order(self, by: str, fault: Fault, when: Trigger | None, *, is_at_once: bool) -> Replayed | None:
        """Say when the windows of a fault are to begin that is injected now; ``None``: as it says itself.

        Args:
            by: Who injects it, as `FaultSpan.by` has it.
            fault: Which.
            when: What it was given to wait for.
            is_at_once: Whether its first window can't wait for its place.
        """
        those = self._to_come.get(by, [])
        inner = getattr(fault, "fault", fault)
        found = next((spans for spans in those if spans[0].fault == inner), None)
        if found is None:
            return None
        those.remove(found)
        marks = (None if is_at_once or when is not None else _first(found, by), *_further(found))
        return Replayed(marks, self._patience, when) if any(marks) else None

    def remarks(self, seen: History) -> Iterator[str]:
        """Say which strikes of the recording came elsewhere, or not at all."""
        again = _injections(seen)
        for by, those in self._injections.items():
            mine = again.get(by, [])
            for number, spans in enumerate(those):
                now = mine[number] if number < len(mine) else []
                yield from _compare(seen.link, by, spans, now)


class ReplayOfTest:
    """What was recorded of one test.

    Args:
        recorded: All of it.
        patience: Seconds that a strike is waited for beyond its time.
    """

    def __init__(self, recorded: RecordedRun, patience: float) -> None:
        self._recorded = recorded
        self._patience = patience
        #: By the names of this run.
        self._links: dict[str, ReplayOfLink] = {}
        self._unnamed = [name for name, upstream in recorded.upstreams.items() if _is_default(name, upstream)]
        self._named = [name for name in recorded.links if name not in self._unnamed]

    def link(self, name: str, *, is_named: bool) -> ReplayOfLink:
        """Return what was recorded of a link that is made now.

        A link without a name is called after its upstream, which may have another port each time: it's told by which
        of them it is.

        Raises:
            NetchaosError: There was no such link.
        """
        if is_named and name in self._named:
            self._named.remove(name)
            known = name
        elif not is_named and self._unnamed:
            known = self._unnamed.pop(0)
        else:
            there = ", ".join(map(repr, self._recorded.links)) or "none"
            raise NetchaosError(
                f"--netchaos-replay: the recording has no {f'link {name!r}' if is_named else 'further unnamed link'}: "
                f"its links are {there}. It is of another test, or the test was changed"
            )
        made = self._links[name] = ReplayOfLink(self._recorded.links[known], self._patience)
        return made

    @property
    def missing(self) -> list[str]:
        """The links of the recording that weren't made."""
        return [name for name in self._recorded.links if name in self._named or name in self._unnamed]

    def remarks(self, histories: Iterable[History]) -> list[str]:
        """Say what came otherwise than in the recording, a line each."""
        return [
            DIVERGED + text
            for history in histories
            if history.link in self._links
            for text in self._links[history.link].remarks(history)
        ]


def check(recorded: RecordedRun) -> None:
    """Refuse a recording that doesn't say where its faults struck.

    Raises:
        ValueError: It doesn't; says of which link.
    """
    for name, history in recorded.links.items():
        for span in history.faults:
            if not span.injection or len(span.positions) != len(span.hits):
                raise ValueError(
                    f"it doesn't say where {span.fault} struck link {name!r}: an older version has written it"
                )


def _is_default(name: str, upstream: str) -> bool:
    return name == upstream or name.startswith(f"{upstream} #")


def _injections(history: History) -> Mapping[str, list[list[FaultSpan]]]:
    """Return the windows of each injection, in order, by who has injected it."""
    known: dict[int, list[FaultSpan]] = {}
    for span in history.faults:
        known.setdefault(span.injection, []).append(span)
    found: dict[str, list[list[FaultSpan]]] = {}
    for _, spans in sorted(known.items()):
        found.setdefault(spans[0].by, []).append(spans)
    return found


def _first(spans: list[FaultSpan], by: str) -> Mark:
    # A plan's steps are armed with its begin; what the test injects itself, it injects in time.
    return _mark(spans, 0, spans[0].started_at if by else 0.0)


def _further(spans: list[FaultSpan]) -> Iterator[Mark]:
    for index in range(1, len(spans)):
        over_at = spans[index - 1].healed_at
        yield _mark(spans, index, 0.0 if over_at is None else spans[index].started_at - over_at)


def _mark(spans: list[FaultSpan], index: int, gap: float) -> Mark:
    span = spans[index]
    is_last = index == len(spans) - 1  # it may have been healed, or the test was over
    length = None if is_last or span.healed_at is None else span.healed_at - span.started_at
    places = tuple((number, *position) for number, position in zip(span.hits, span.positions, strict=True))
    return Mark(max(0.0, gap), length, span.connections, places)


def _compare(link: str, by: str, recorded: list[FaultSpan], seen: list[FaultSpan]) -> Iterator[str]:
    who = f"{by}: " * bool(by)
    for index, span in enumerate(recorded):
        cycle = f" (cycle {span.cycle})" * (len(recorded) > 1)
        if index >= len(seen):
            if any(later.hits for later in recorded[index:]):
                yield f"{who}{span.fault}{cycle} didn't come on link {link!r}"
            return
        if (seen[index].hits, seen[index].positions) != (span.hits, span.positions):
            yield f"{who}{span.fault}{cycle} on link {link!r} met {_met(seen[index])}, and {_met(span)} when recorded"


def _met(span: FaultSpan) -> str:
    places = [
        f"connection {number} after {up:,} bytes up and {down:,} down"
        for number, (up, down) in zip(span.hits, span.positions, strict=False)
    ]
    return ", ".join(places) or "no connection"
