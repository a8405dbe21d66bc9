"""Did the client wait longer and longer between its dials? `backoff`."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..faults import check_duration, check_number
from ..history import Dials
from ..jitter import Jitter, decorrelated, proportional
from . import schedule
from .base import Matcher
from .gaps import LATE, dials_of, unjudgeable, unseen
from .sampling import FEWEST, Statistics, statistics

#: Waits that a failure shows around the first one that is out of range. With the other lines they make pytest's 8.
_SHOWN_AROUND = 2
#: The largest factor; a larger one is a slip (a wait for a factor).
_MOST = 1000.0
_FACTOR = 2.0


@dataclass(frozen=True, eq=False, repr=False)
class backoff(Matcher[Dials]):  # noqa: N801 - the class is the call that a test writes
    """The client waited ``first`` seconds before it dialled again, and ``factor`` times as long each further time.

    A *wait* lasts from the end of a dial (its refusal, or the end of its connection) to the next dial. The waits
    after the first dial, and after one that was served, start again at ``first``; so does a slice of ``link.dials``.
    A dial whose client had given up before, in a stall, wasn't served. One that was accepted while only the way back
    was stalled, or a black hole, was: whether its client took that for a success, nobody but the client knows.

    The nth wait of a run, counted from 0, is meant to be *w* = min(``first`` × ``factor``ⁿ, ``cap``), and ``jitter``
    says what is drawn instead: a number is the share of *w* by which it may be longer or shorter, and
    `jitter` has the other models that clients use. What was waited may be ``late`` seconds longer than what
    can be drawn: machines are busy. It may not be shorter, but for the 10 ms that a measurement can err by
    (`matchers.gaps.EARLY`).

    With ``samples`` random waits or more, their distribution is judged too, so that a client without jitter, or with
    jitter that goes one way, doesn't pass. A client that keeps to its policy fails there less than once in a million
    times: `matchers.sampling` has the formulas. A client's presets are in `presets`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: It's out of range.
    """

    judges = "a link, its dials, or its history"

    #: Seconds. 0 for a client that dials again at once, each time.
    first: float
    #: 1 for equal waits.
    factor: float = _FACTOR
    #: The longest wait, in seconds; the model of the jitter says whether before it or after. Default: none.
    cap: float | None = None
    #: The share by which a wait may be longer or shorter, 0 to 1, or a model: ``full()``.
    jitter: float | Jitter = 0.0
    #: A wait of its own before that of ``first`` seconds: seconds, or (shortest, longest) for one that is drawn evenly.
    initial: float | tuple[float, float] | None = field(default=None, kw_only=True)
    #: Whether the dial after the end of a connection comes at once, and the waits begin after that one.
    at_once: bool = field(default=False, kw_only=True)
    #: Seconds that a wait may be longer because the client, the proxy or the machine is busy. The default is this
    #: project's own choice.
    late: float = field(default=LATE, kw_only=True)
    #: Random waits from which on their distribution is judged; at least 30.
    samples: int = field(default=FEWEST, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_duration("first", self.first)
        check_number("factor", self.factor, low=1, high=_MOST)
        check_duration("late", self.late)
        self._check_jitter()
        if self.cap is not None:
            check_duration("cap", self.cap)
            if self.cap < self.first and not self.model.cap_after:
                raise ValueError(f"cap must be at least first ({self.first!r}), not {self.cap!r}")
        self._check_initial()
        if not isinstance(self.at_once, bool):
            raise TypeError(f"at_once must be True or False, not {self.at_once!r}")
        if isinstance(self.samples, bool) or not isinstance(self.samples, int):
            raise TypeError(f"samples must be a whole number, not {self.samples!r}")
        if self.samples < FEWEST:
            raise ValueError(f"samples must be at least {FEWEST}, not {self.samples!r}: fewer say too little")

    @property
    def model(self) -> Jitter:
        """The jitter; a number as the model that it stands for."""
        return self.jitter if isinstance(self.jitter, Jitter) else proportional(self.jitter)

    def statistics(self, actual: object) -> Statistics | None:
        """Say what the random waits of a link, its dials or its history were; ``None`` if there are none."""
        snapshot = self.snapshot(actual)
        return None if snapshot is None or unjudgeable(snapshot, "") else self._statistics(self._waits(snapshot))

    def snapshot(self, actual: object) -> Dials | None:
        """Judge dials, and what has them."""
        return dials_of(actual)

    def late_of_snapshot(self, snapshot: Dials) -> tuple[float, float] | None:
        """The first wait that is out of range, if it was too long."""
        if unjudgeable(snapshot, ""):
            return None
        wrong = next((wait for wait in self._waits(snapshot) if wait.verdict), None)
        return None if wrong is None or not wrong.is_late else (wrong.dial.at - wrong.waited, wrong.dial.at)

    def explain_snapshot(self, snapshot: Dials) -> list[str]:
        """Show the waits around the first one that is out of range, or the statistics of all."""
        lines = unjudgeable(snapshot, repr(self)) or self._out_of_range(snapshot) or self._badly_drawn(snapshot)
        if lines:
            return [*lines, snapshot.blind] if snapshot.blind else lines
        return unseen(snapshot, repr(self))

    def _check_jitter(self) -> None:
        if not isinstance(self.jitter, Jitter):
            check_number("jitter", self.jitter, low=0, high=1)
        elif type(self.jitter) is Jitter:
            raise TypeError("jitter must be a number or one of the models: full(), equal(), additive(0.5), …")
        elif isinstance(self.jitter, decorrelated) and self.factor != _FACTOR:
            raise ValueError(
                f"factor has no meaning with jitter={self.jitter!r}, and is {self.factor!r}: "
                f"write decorrelated({self.factor!r})"
            )

    def _check_initial(self) -> None:
        ends = self.initial if isinstance(self.initial, tuple) else (self.initial,) * 2
        if len(ends) != 2:  # noqa: PLR2004 - a pair
            raise ValueError(f"initial must be seconds or a (shortest, longest) pair, not {self.initial!r}")
        for end in ends:
            if end is not None or isinstance(self.initial, tuple):
                check_duration("initial", end)
        if isinstance(self.initial, tuple) and self.initial[0] > self.initial[1]:
            raise ValueError(f"initial must be a (shortest, longest) pair, not {self.initial!r}")

    def _waits(self, dials: Dials) -> list[schedule.Wait]:
        return list(schedule.waits(self, dials))

    def _statistics(self, waits: list[schedule.Wait]) -> Statistics | None:
        return statistics([wait.draw() for wait in waits if wait.is_random], self.samples)

    def _out_of_range(self, dials: Dials) -> list[str]:
        waits = self._waits(dials)
        wrong = [index for index, wait in enumerate(waits) if wait.verdict]
        if not wrong:
            return []
        at = wrong[0]
        shown = range(max(0, at - _SHOWN_AROUND), min(len(waits), at + _SHOWN_AROUND + 1))
        return [
            f"dial {waits[at].dial.number} came {waits[at].verdict}: {self!r}",
            *(_line(waits[index], dials[0].at, marked=index == at) for index in shown),
            f"{len(wrong)} of {len(waits)} {'wait' if len(waits) == 1 else 'waits'} out of range",
        ]

    def _badly_drawn(self, dials: Dials) -> list[str]:
        found = self._statistics(self._waits(dials))
        if found is None or not found.verdict:
            return []
        return [
            f"{found.verdict}: {self!r}",
            f"{found.count} random waits, each as a quantile of what it may be (0 shortest, 0.5 median, 1 longest):",
            *(f"  {line}" for line in str(found).splitlines()),
            "a client that keeps to this policy fails here less than once in a million times",
        ]


def _line(wait: schedule.Wait, begin: float, *, marked: bool) -> str:
    return (
        f"{'>' if marked else ' '} dial {wait.dial.number}  +{wait.dial.at - begin:6.3f}s  "
        f"waited {wait.waited:.3f}s  allowed {wait.least:.3f}..{wait.most:.3f}s"
    )
