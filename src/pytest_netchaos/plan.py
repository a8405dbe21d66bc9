"""Plans: faults with their times, as frozen values that print as the code that makes them. Pure.

::

    Plan(
        Step(Cut(), at=0.5, for_=0.2),                  # half a second after the plan's start
        Step(Delay(0.1), after=1.0, for_=2.0),          # one second after the cut is over
        Step(Reset(), on=OnConnection(3), link="db"),   # as soon as this link's third connection is served
    )
"""

from __future__ import annotations

from dataclasses import KW_ONLY, MISSING, dataclass, fields
from itertools import pairwise

from .faults import Fault, check_duration
from .lasting import check_for, longest
from .triggers import Trigger

# A bad value is the fault of the line that wrote it, as with faults.
__tracebackhide__ = True

#: More is a slip. To look at each of so many takes 0.3 ms, by which the next one could be late.
MOST_STEPS = 1_000


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One fault of a plan, and when it comes: exactly one of ``at``, ``after`` and ``on``.

    Args:
        fault: Which.
        at: Seconds after the plan's start.
        after: Seconds after the step before it is over; for the first step, after the plan's start. A step is over
            when its fault has been healed: ``for_`` has passed, or a flap has had its cycles. One that is instant, such
            as a reset, is over at once, and so is one that met no link.
        on: What brings it: `OnConnection`, `OnDial` or `AfterBytes`. It is armed from the plan's start on, whatever
            the other steps do.
        for_: Seconds that it lasts; ``None``: until the end of the plan.
        link: The name of the link that it hits; ``None``: every link.

    Raises:
        TypeError: something isn't what it has to be, by name and value.
        ValueError: a value isn't allowed, or it isn't said when the step comes, or twice.
    """

    fault: Fault
    _: KW_ONLY
    at: float | None = None
    after: float | None = None
    on: Trigger | None = None
    for_: float | None = None
    link: str | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        if not isinstance(self.fault, Fault):
            hint = f"; did you mean {self.fault.__name__}(…)?" if isinstance(self.fault, type) else ""
            raise TypeError(f"fault must be a fault such as Cut() or Delay(0.2), not {self.fault!r}{hint}")
        self._check_time()
        if self.for_ is not None:
            check_for(self.fault, self.for_)
        if self.link is not None and (not isinstance(self.link, str) or not self.link):
            raise TypeError(f"link must be the name of a link, or None for every link, not {self.link!r}")

    def _check_time(self) -> None:
        given = [f"{name}={value!r}" for name in ("at", "after", "on") if (value := getattr(self, name)) is not None]
        if not given:
            raise ValueError(f"Step({write(self.fault)}) doesn't say when: give it at=, after= or on=")
        if len(given) > 1:
            raise ValueError(f"a step comes at one time: {' and '.join(given)} are more than that")
        for name in ("at", "after"):
            if (value := getattr(self, name)) is not None:
                check_duration(name, value)
        if self.on is not None and not isinstance(self.on, Trigger):
            hint = f"; did you mean {self.on.__name__}(…)?" if isinstance(self.on, type) else ""
            raise TypeError(f"on must be a trigger such as OnConnection(2) or AfterBytes(1000), not {self.on!r}{hint}")

    def __repr__(self) -> str:
        """Write the code that makes it."""
        return write(self)

    @property
    def when(self) -> str:
        """When it comes, in words."""
        if self.on is not None:
            return f"on {self.on}"
        return f"at {self.at:g} s" if self.at is not None else f"{self.after:g} s after the step before it"

    @property
    def lasts(self) -> float | None:
        """Seconds after which it is over by itself, at the latest; ``None`` if it never is."""
        return longest(self.fault, self.for_)


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """Steps, in the order in which they are written; ``netchaos.run(plan)`` carries it out.

    ``repr(plan)`` is code that makes the same plan: what a test prints can be pasted into the next one.

    Raises:
        TypeError: something isn't a step.
        ValueError: there is no step, there are more than 1,000, or a step waits for the end of one that has none.
    """

    steps: tuple[Step, ...]

    def __init__(self, *steps: Step) -> None:
        for step in steps:
            _check_step(step)
        if not steps:
            raise ValueError("a plan needs a step: Plan(Step(Cut(), at=0.5, for_=0.2))")
        if len(steps) > MOST_STEPS:
            raise ValueError(f"a plan has at most {MOST_STEPS:,} steps, not {len(steps):,}")
        for number, (step, following) in enumerate(pairwise(steps), 1):
            if following.after is not None and step.lasts is None:
                how = "cycles" if step.fault.kind == "flap" else "for_"
                raise ValueError(
                    f"step {number + 1} comes after={following.after!r} seconds after the end of step {number}, "
                    f"{step}, which has none: give that one {how}="
                )
        object.__setattr__(self, "steps", steps)

    def __repr__(self) -> str:
        """Write the code that makes it."""
        return f"Plan({', '.join(map(repr, self.steps))})"

    def __str__(self) -> str:
        """Write the same code with a line for each step."""
        lines = "".join(f"    {step},\n" for step in self.steps)
        return f"Plan(\n{lines})"

    @property
    def length(self) -> float:
        """Seconds until all of it is over at the latest, as far as the clock decides: triggers may take longer."""
        end = total = 0.0
        for step in self.steps:
            begins = end + step.after if step.after is not None else step.at or 0.0
            end = begins + (step.lasts or 0.0)
            total = max(total, end)
        return total

    @property
    def links(self) -> tuple[str, ...]:
        """The names of the links that its steps name, in order."""
        return tuple(dict.fromkeys(step.link for step in self.steps if step.link is not None))


def write(value: object) -> str:
    """Write the code that makes a step, a fault, a trigger, or a value of one: with what differs from the defaults."""
    if isinstance(value, Step | Fault | Trigger):
        given = [(each, getattr(value, each.name)) for each in fields(value)]
        first = [write(known) for each, known in given if each.default is MISSING]
        more = [f"{each.name}={write(known)}" for each, known in given if each.default not in (MISSING, known)]
        return f"{type(value).__name__}({', '.join([*first, *more])})"
    if isinstance(value, tuple):
        return f"({', '.join(map(write, value))}{',' * (len(value) == 1)})"
    # Numbers of a class of their own, NumPy's say, write themselves with its name.
    for plain in (float, int, str):
        if isinstance(value, plain) and not isinstance(value, bool):
            return plain.__repr__(value)
    return repr(value)


def _check_step(value: object) -> None:
    if isinstance(value, Step):
        return
    if isinstance(value, Fault):
        raise TypeError(f"a plan is made of steps: Step({write(value)}, at=0.5), not {write(value)}")
    hint = "; did you mean Plan(*steps)?" if isinstance(value, list | tuple | Plan) else ""
    raise TypeError(f"a plan is made of steps such as Step(Cut(), at=0.5), not {value!r}{hint}")
