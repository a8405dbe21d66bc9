"""The tests that one marked function becomes: one for each entry of a list, and for each of its runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import TYPE_CHECKING

from .marker import Part, Standing, Wish

if TYPE_CHECKING:
    from ..faults import Fault


@dataclass(frozen=True, slots=True)
class Case:
    """One test of those that a function becomes."""

    #: What its id is to say.
    id: str
    #: What it is under, for each of the function's markers, in their order.
    standings: tuple[Standing, ...] = field(repr=False)
    #: Which run it is, from 1 on; 0 where the test isn't repeated.
    run: int = 0
    #: How many runs there are.
    runs: int = 0


def runs_of(wishes: Sequence[Wish]) -> int:
    """Return how often the nearest marker wants the test to run; 0 if none says so."""
    return next((wish.runs for wish in wishes if wish.runs is not None), 0)


def varies(wishes: Sequence[Wish]) -> bool:
    """Tell whether these markers make more than the one plain test of a function."""
    return runs_of(wishes) > 0 or any(wish.lists for wish in wishes)


def cases(wishes: Sequence[Wish]) -> Iterator[Case]:
    """Yield what a function becomes that has these markers, the nearest first."""
    runs = runs_of(wishes)
    choices = [named(entries) for wish in wishes for entries in wish.lists]
    for picks in product(*choices):
        left = iter([part for _, part in picks])
        standings = tuple(wish.standing([next(left) for _ in wish.lists]) for wish in wishes)
        ids = [name for name, _ in picks]
        for run in range(1, runs + 1) or (0,):
            yield Case("-".join([*ids, f"run{run}"] if run else ids), standings, run, runs)


def named(entries: Sequence[Part]) -> list[tuple[str, Part]]:
    """Give each entry of a list a name of its own; plans are numbered."""
    names = [_name(part) or f"plan{number}" for number, part in enumerate(entries, start=1)]
    twice = {name for name in names if names.count(name) > 1}
    return [
        (f"{name}-{number}" if name in twice else name, part)
        for number, (name, part) in enumerate(zip(names, entries, strict=True), start=1)
    ]


def _name(part: Part) -> str:
    return part.profile or (_of_fault(part.faults[0]) if part.faults else "")


def _of_fault(fault: Fault) -> str:
    """Shorten a fault to what can be typed again without quotes: ``delay-0.2-jitter0.1``."""
    said = [fault.kind]
    for each in fields(fault):
        value = getattr(fault, each.name)
        if value != each.default:
            needs_no_name = each.name in ("latency", "rate", "size", "count", "direction", "fault")
            said.append(f"{'' if needs_no_name else each.name}{_of_value(value)}")
    return "-".join(said)


def _of_value(value: object) -> str:
    if isinstance(value, tuple):
        return "..".join(map(str, value))
    return _of_fault(value) if hasattr(value, "kind") else str(value)  # type: ignore[arg-type] # a fault, told by its kind
