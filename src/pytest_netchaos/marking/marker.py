"""``@pytest.mark.flaky_network("slow-3g", Delay(0.2), links="db")``: links that are bad from the start. No I/O."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from ..faults import Fault
    from ..plan import Plan

NAME = "flaky_network"
#: What ``pytest --markers`` shows.
HELP = (
    f"{NAME}(*conditions, links=None, seed=None, runs=None): put every link of the test (or those that are named) "
    "under these conditions from the moment it is made: faults such as Delay(0.2) or Flap(down=0.2, up=1.0), profiles "
    'such as "slow-3g" (see --netchaos-profiles), and plans such as Plan(Step(Cut(), at=0.5, for_=0.2)). Several add '
    "up; a list of them is a test for each. runs=20 repeats the test with another seed each time."
)
#: Seeds are whole numbers below 2^63, so that they fit wherever a run's seed is written down.
LARGEST_SEED = 2**63 - 1
#: More is a slip: collecting them alone would take minutes.
MOST_RUNS = 100_000
_OPTIONS = ("links", "seed", "runs")
#: Whoever has a plan has imported it.
_PLAN = "pytest_netchaos.plan"
#: Finds a profile's faults by its name.
Lookup = Callable[[str], "tuple[Fault, ...]"]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a marker names: a fault, a profile or a plan."""

    faults: tuple[Fault, ...] = ()
    #: The name of the profile that it is.
    profile: str = ""
    #: The `Plan` that it is.
    plan: Plan | None = None

    def __str__(self) -> str:
        """Write it as a reader knows it."""
        return repr(self.profile) if self.profile else str(self.faults[0]) if self.faults else repr(self.plan)


@dataclass(frozen=True, slots=True)
class Standing:
    """Faults that are in force on a link for as long as it exists."""

    faults: tuple[Fault, ...]
    #: The names of the links that are hit; ``None`` for all.
    links: tuple[str, ...] | None = None
    #: The seed of the test's network; ``None`` to derive it from the run's.
    seed: int | None = None
    #: What the faults were written as, and the plans beside them.
    parts: tuple[Part, ...] = ()

    def hits(self, link: str) -> bool:
        """Whether a link of this name is under these faults."""
        return self.links is None or link in self.links

    def overlaps(self, other: Standing) -> bool:
        """Whether there can be a link that both hit."""
        return self.links is None or other.links is None or not set(self.links).isdisjoint(other.links)

    @property
    def profiles(self) -> frozenset[str]:
        """The names of the profiles among its parts."""
        return frozenset(part.profile for part in self.parts if part.profile)

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans among its parts."""
        return tuple(part.plan for part in self.parts if part.plan is not None)

    @property
    def names(self) -> frozenset[str]:
        """The names of the links that it needs: those that it is for, and those that steps of its plans are for."""
        return frozenset([*(self.links or ()), *(name for plan in self.plans for name in plan.links)])


@dataclass(frozen=True, slots=True)
class Wish:
    """What one marker asks for."""

    #: In the order in which they were written; a tuple is a list of which the test is under one at a time.
    items: tuple[Part | tuple[Part, ...], ...]
    links: tuple[str, ...] | None = None
    seed: int | None = None
    #: How often the test is to run; ``None``: once, and nothing is said of it.
    runs: int | None = None

    @property
    def lists(self) -> tuple[tuple[Part, ...], ...]:
        """Its lists, in order."""
        return tuple(item for item in self.items if isinstance(item, tuple))

    def standing(self, picks: Sequence[Part] = ()) -> Standing:
        """Return what the test is under, with one entry picked of each list."""
        left = iter(picks)
        parts = tuple(next(left) if isinstance(item, tuple) else item for item in self.items)
        return Standing(tuple(fault for part in parts for fault in part.faults), self.links, self.seed, parts)


def parse(conditions: Sequence[object], options: Mapping[str, object], lookup: Lookup) -> Wish:
    """Understand a marker's arguments.

    Args:
        conditions: Those without a name.
        options: Those with one.
        lookup: Returns the faults of a profile; raises ``ValueError`` where there is none of that name.

    Raises:
        TypeError: something isn't what it has to be, by name and value.
        ValueError: a value isn't allowed.
    """
    for name, value in options.items():
        if name not in _OPTIONS:
            raise TypeError(_unknown(name, value))
    runs = _runs(options.get("runs"))
    if not conditions and runs is None:
        raise TypeError('it names no fault: give it one, such as Delay(0.2) or Flap(), or a profile, such as "slow-3g"')
    items = tuple(_list(each, lookup) if type(each) is list else _part(each, lookup) for each in conditions)
    links = _links(options.get("links"))
    _check_plans(items, links)
    return Wish(items, links, _seed(options.get("seed")), runs)


def seed_of(standings: Iterable[Standing]) -> int | None:
    """Return the seed that the nearest marker asks for."""
    return next((standing.seed for standing in standings if standing.seed is not None), None)


def check_together(standings: Sequence[Standing]) -> None:
    """Refuse what makes no sense on the same links: the same thing twice, or what nothing can get through to.

    Raises:
        ValueError: there is such a pair.
    """
    placed = [(standing, part) for standing in standings for part in standing.parts]
    for (here, one), (there, other) in combinations(placed, 2):
        if not here.overlaps(there):
            continue
        if one == other:
            raise ValueError(f"{one} is there twice, for the same links")
        for wall, behind in ((one, other), (other, one)):
            if any(map(_lets_nothing_through, wall.faults)):
                raise ValueError(
                    f"{wall} has no end and lets nothing through, so nothing could be seen of {behind} on the same "
                    f"links: leave one of them out, or give it an end, such as Flap(fault={_written(wall)})"
                )


def faults_on(link: str, standings: Iterable[Standing], of_run: Iterable[Standing] = ()) -> Iterator[Fault]:
    """Yield the faults that a link is under.

    Args:
        link: Its name.
        standings: From the markers of its test.
        of_run: From the options of the run; a profile that a marker has put on the link already isn't doubled.
    """
    there: set[str] = set()
    for standing in standings:
        if standing.hits(link):
            there |= standing.profiles
            yield from standing.faults
    for standing in of_run:
        for part in standing.parts:
            yield from () if part.profile in there else part.faults


def _unknown(name: str, value: object) -> str:
    from ..faults import Fault  # noqa: PLC0415 - only for the sentence

    if name in ("fault", "faults", "profile", "profiles", "plan") or isinstance(value, Fault):
        return f"give it without a name: {NAME}({value!r}), not {NAME}({name}={value!r})"
    return f"it takes faults and profiles, {', '.join(f'{each}=' for each in _OPTIONS)}, and no {name}={value!r}"


def _list(entries: list[object], lookup: Lookup) -> tuple[Part, ...]:
    parts = tuple(_part(entry, lookup) for entry in entries)
    if not parts:
        raise ValueError("a list in it is empty, so the test would never run")
    for one, other in combinations(parts, 2):
        if one == other:
            raise ValueError(f"a list in it has {one} twice")
    return parts


def _part(value: object, lookup: Lookup) -> Part:
    if isinstance(value, str):
        return Part(lookup(value), value)
    return Part(plan=value) if _is_plan(value) else Part((_fault(value),))


def _is_plan(value: object) -> TypeGuard[Plan]:
    """Tell a plan; whoever has one has imported its module.

    Raises:
        TypeError: it is what a plan is made of, or the class.
    """
    module = sys.modules.get(_PLAN)
    if module is None:
        return False
    if isinstance(value, module.Step):
        raise TypeError(f"it takes plans, which are made of steps: Plan({value!r})")
    if value is module.Plan or value is module.Step:
        raise TypeError("it takes plans: Plan(Step(Cut(), at=0.5, for_=0.2))")
    return isinstance(value, module.Plan)


def _check_plans(items: Iterable[Part | tuple[Part, ...]], links: tuple[str, ...] | None) -> None:
    """Refuse a plan with a step for a link that the marker isn't for."""
    parts = [part for item in items for part in (item if isinstance(item, tuple) else (item,))]
    for name in (name for part in parts if part.plan for name in part.plan.links):
        if links is not None and name not in links:
            raise ValueError(f"its plan has a step for link {name!r}, which links={list(links)} leaves out")


def _fault(value: object) -> Fault:
    from ..faults import Fault  # noqa: PLC0415 - 10 ms that only a run with a marker has to pay

    if isinstance(value, type) and issubclass(value, Fault):
        raise TypeError(f"{value.__name__} is a class: write {value.__name__}(…)")
    if not isinstance(value, Fault):
        raise TypeError(f"it takes faults such as Delay(0.2) and names of profiles, not {value!r}")
    if value.instant:
        raise ValueError(
            f"{value} is over as soon as it has happened, so no test can be under it; "
            f"to repeat it, write Flap(fault={type(value).__name__}())"
        )
    return value


def _lets_nothing_through(fault: Fault) -> bool:
    if fault.kind not in ("cut", "refuse", "stall", "blackhole"):
        return False
    return getattr(fault, "toxicity", 1.0) == 1 and getattr(fault, "direction", "both") == "both"


def _written(wall: Part) -> str:
    return next(f"{type(fault).__name__}()" for fault in wall.faults if _lets_nothing_through(fault))


def _links(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) and name for name in names):
        raise TypeError(f"links must be the name of a link, or a list of names, not {value!r}")
    twice = next((name for name in names if list(names).count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"links has {twice!r} twice")
    return tuple(names)


def _whole(name: str, value: object, low: int, high: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return value


def _seed(value: object) -> int | None:
    return _whole("seed", value, 0, LARGEST_SEED)


def _runs(value: object) -> int | None:
    return _whole("runs", value, 1, MOST_RUNS)
