"""Random plans, as pure functions of a seed.

Each number is drawn from a hash of the seed, what it is for, and its place: never from a stream that others draw from
too. So a plan is the same whatever else a test does, in any order and on any worker.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..faults import LONGEST, Cut, Fault, check_number, check_span
from ..lasting import check_for
from ..marking.marker import LARGEST_SEED
from ..plan import MOST_STEPS, Plan, Step
from ..relay.chance import draw
from ..seeds import derive_seed

if TYPE_CHECKING:
    from ..faults import Span

__tracebackhide__ = True

#: How long a fault lasts where nobody says so: this project's own choice, as that of `Flap`.
FOR = (0.05, 0.5)
#: Times are written in whole microseconds, so that they can be read; the relay's timers are some 50 µs late.
_DIGITS = 6
_SHORTEST = 10.0**-_DIGITS
#: What is drawn.
_GAP, _LENGTH, _CHOICE, _START, _END = range(5)


def poisson(
    rate: float,
    within: float,
    *,
    for_: Span | None = None,
    fault: Fault | None = None,
    link: str | None = None,
    seed: int,
) -> Plan:
    """Make a plan of faults that come independently of one another: a Poisson process, and at least one fault.

    The gaps between two starts are exponential with a mean of ``1 / rate`` seconds (by inverse transform). So faults
    may overlap, as those of a network do. A plan without a step would be none, so the first gap is drawn from those
    that end ``within`` the time: where ``rate * within`` is 3, one draw in twenty would otherwise be empty.

    Args:
        rate: Faults for each second, on average.
        within: Seconds in which they start, from the plan's start.
        for_: Seconds that each lasts, or a (shortest, longest) pair to draw from; by default 50 to 500 ms.
        fault: Which; ``Cut()`` by default. One that is instant (`Reset`) or ends by itself (`Flap`) takes no ``for_``.
        link: The name of the link; ``None``: every link.
        seed: What the times are drawn from: ``netchaos.seed``, or a number of your own.

    Raises:
        TypeError: something isn't what it has to be, by name and value.
        ValueError: a value isn't allowed, or there would be more than 1,000 steps.
    """
    fault = _fault(fault)
    spans = _span(fault, for_)
    check_number("rate", rate, low=0, high=1e6, above=True)
    check_number("within", within, low=0, high=LONGEST, above=True)
    if rate * within > MOST_STEPS / 2:
        raise ValueError(
            f"rate={rate!r} within={within!r} seconds would be some {rate * within:,.0f} steps; "
            f"at most {MOST_STEPS // 2:,} are planned"
        )
    key = _key(seed, "poisson", link or "")
    steps: list[Step] = []
    at = _exponential(draw(key, 1, _GAP) * -math.expm1(-rate * within), rate)
    while at < within and len(steps) < MOST_STEPS:
        number = len(steps) + 1
        lasts = None if spans is None else _between(*spans, draw(key, number, _LENGTH))
        steps.append(Step(fault, at=round(at, _DIGITS), for_=lasts, link=link))
        at += _exponential(draw(key, number + 1, _GAP), rate)
    return Plan(*steps)


def swizzle(links: Iterable[str], *, within: float = 2.0, fault: Fault | None = None, seed: int) -> Plan:
    """Make a plan that takes half of the links down one after the other, and brings them back in a random order.

    After FoundationDB's "swizzle-clogging", which its authors found to be best at finding rare bugs:
    https://apple.github.io/foundationdb/testing.html. Half (rounded up) and the times are this project's own choice:
    links go down in the first half of ``within``, and come back in the second, each at a time of its own.

    Args:
        links: Their names.
        within: Seconds until all of them are back.
        fault: What "down" is; ``Cut()`` by default.
        seed: What the links and times are drawn from: ``netchaos.seed``, or a number of your own.

    Raises:
        TypeError: something isn't what it has to be, by name and value.
        ValueError: a value isn't allowed: a name is there twice, or there is none.
    """
    names = _names(links)
    fault = _fault(fault)
    check_number("within", within, low=0, high=LONGEST, above=True)
    half = within / 2
    check_for(fault, half)

    def drawn(what: int, name: str) -> float:
        return draw(_key(seed, "swizzle", name), what)

    def step(name: str) -> Step:
        down = round(half * drawn(_START, name), _DIGITS)
        back = half + half * drawn(_END, name)
        return Step(fault, at=down, for_=max(round(back - down, _DIGITS), _SHORTEST), link=name)

    picked = sorted(names, key=lambda name: drawn(_CHOICE, name))[: (len(names) + 1) // 2]
    return Plan(*sorted(map(step, picked), key=lambda step: step.at or 0.0))


def _key(seed: object, *names: str) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed must be a whole number, not {seed!r}")
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"seed must be a whole number from 0 to {LARGEST_SEED}, not {seed!r}")
    return derive_seed(seed, *names)


def _fault(fault: Fault | None) -> Fault:
    if fault is None:
        return Cut()
    if not isinstance(fault, Fault):
        hint = f"; did you mean {fault.__name__}(…)?" if isinstance(fault, type) else ""
        raise TypeError(f"fault must be a fault such as Cut() or Stall(), not {fault!r}{hint}")
    return fault


def _span(fault: Fault, for_: Span | None) -> tuple[float, float] | None:
    """Return the shortest and the longest time that a fault is to last; ``None`` for one that ends by itself."""
    if for_ is None:
        return None if fault.instant or fault.kind == "flap" else FOR
    check_span("for_", for_)
    pair = for_ if isinstance(for_, tuple) else (for_, for_)
    check_for(fault, pair[1])
    return pair


def _names(links: Iterable[str]) -> list[str]:
    names = [] if isinstance(links, str) else list(links)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise TypeError(f"links must be names of links, such as ['a', 'b'], not {links!r}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"links has {twice[0]!r} twice")
    return names


def _exponential(uniform: float, rate: float) -> float:
    """Turn a number from [0, 1) into one of the exponential distribution, by the inverse of that."""
    return -math.log1p(-uniform) / rate


def _between(shortest: float, longest: float, uniform: float) -> float:
    return max(round(shortest + (longest - shortest) * uniform, _DIGITS), _SHORTEST)
