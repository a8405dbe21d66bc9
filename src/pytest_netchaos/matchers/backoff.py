"""Did the client wait longer and longer between its dials? `backoff`."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ..faults import LONGEST, check_duration, check_number
from ..history import Dials, History
from .base import Live, Matcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..history import Dial

#: Waits that a failure shows around the first one that is out of range. With the other lines they make pytest's 8.
_SHOWN_AROUND = 2
#: The largest factor; a larger one is a slip (a wait for a factor).
_MOST = 1000.0


class _Wait(NamedTuple):
    """One wait between two dials, and what was allowed for it, in seconds."""

    dial: Dial
    waited: float
    least: float
    most: float

    @property
    def verdict(self) -> str:
        if self.waited < self.least:
            return "too soon"
        return "too late" if self.waited > self.most else ""


@dataclass(frozen=True, eq=False, repr=False)
class backoff(Matcher[Dials]):  # noqa: N801 - the class is the call that a test writes
    """The client waited ``first`` seconds before it dialled again, and ``factor`` times as long each further time.

    A *wait* lasts from the end of a dial (its refusal, or the end of its connection) to the next dial. The waits
    after the first dial, and after one that was served, start again at ``first``; so does a slice of ``link.dials``.
    A dial whose client had given up before, in a stall, wasn't served. One that was accepted while only the way back
    was stalled, or a black hole, was: whether its client took that for a success, nobody but the client knows.
    The nth wait of a run, counted from 0, is to last *w* = min(``first`` × ``factor``ⁿ, ``cap``), and may differ from
    it by *w* × ``jitter`` + ``tolerance``.

    Raises:
        TypeError: An argument isn't a number.
        ValueError: It's out of range.
    """

    judges = "a link, its dials, or its history"

    #: Seconds. 0 for a client that dials again at once, each time.
    first: float
    #: 1 for equal waits.
    factor: float = 2.0
    #: The longest wait, in seconds, before jitter. Default: none.
    cap: float | None = None
    #: The share by which a wait may be longer or shorter, 0 to 1. Clients that draw from 0 to *w* are within 1.
    jitter: float = 0.0
    #: Seconds for the scheduling of the client and the proxy. The default is this project's own choice.
    tolerance: float = field(default=0.05, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_duration("first", self.first)
        check_number("factor", self.factor, low=1, high=_MOST)
        check_number("jitter", self.jitter, low=0, high=1)
        check_duration("tolerance", self.tolerance)
        if self.cap is not None:
            check_duration("cap", self.cap)
            if self.cap < self.first:
                raise ValueError(f"cap must be at least first ({self.first!r}), not {self.cap!r}")

    def snapshot(self, actual: object) -> Dials | None:
        """Judge dials, and what has them."""
        if isinstance(actual, Live):
            return actual.history().dials
        if isinstance(actual, History):
            return actual.dials
        return actual if isinstance(actual, Dials) else None

    def explain_snapshot(self, snapshot: Dials) -> list[str]:
        """Show the waits around the first one that is out of range."""
        lines = self._not_judgeable(snapshot) or self._out_of_range(snapshot)
        if lines:
            return [*lines, snapshot.blind] if snapshot.blind else lines
        if snapshot.blind and not snapshot.refused:
            # Had a client dialled in vain, nobody would know: what looks like one long wait may have been many.
            unseen = f"no refused dial was seen, and not all could be: the waits can't be judged: {self!r}"
            return [unseen, snapshot.blind]
        return []

    def _not_judgeable(self, dials: Dials) -> list[str]:
        if len(dials) - (bool(dials) and dials[0].waited is None) < 1:
            return [f"no reconnect to judge: {len(dials)} {'dial' if len(dials) == 1 else 'dials'}: {self!r}"]
        for last, dial in pairwise(dials):
            if dial.number != last.number + 1:
                return [
                    f"dials between {last.number} and {dial.number} are left out: {self!r}",
                    "compare it with link.dials, or with a slice of them: a wait is the time between neighbours",
                ]
            if dial.waited is None:
                return [
                    f"dial {dial.number} began before dial {last.number} had ended: {self!r}",
                    "several clients dial at once, and their waits can't be told apart: give each a link of its own",
                ]
        return []

    def _out_of_range(self, dials: Dials) -> list[str]:
        waits = list(self._waits(dials))
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

    def _waits(self, dials: Dials) -> Iterator[_Wait]:
        # No cap is a cap of a day: no test waits longer, and a product that never stops growing would overflow.
        cap = LONGEST if self.cap is None else self.cap
        meant = self.first
        for dial in dials:
            if dial.waited is not None:
                slack = meant * self.jitter + self.tolerance
                yield _Wait(dial, dial.waited, max(0.0, meant - slack), meant + slack)
                meant = min(meant * self.factor, cap)
            if dial.outcome == "served" and not dial.in_vain:
                meant = self.first


def _line(wait: _Wait, begin: float, *, marked: bool) -> str:
    return (
        f"{'>' if marked else ' '} dial {wait.dial.number}  +{wait.dial.at - begin:6.3f}s  "
        f"waited {wait.waited:.3f}s  allowed {wait.least:.3f}..{wait.most:.3f}s"
    )
