"""Did the client dial too often? `dial_rate`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ..history import Dials, History
from .base import Live, Matcher
from .dial_log import outcome_of, unseen
from .ledger_matcher import check_whole
from .window import fullest
from .words import counted

if TYPE_CHECKING:
    from ..history import Dial

#: Dials of the fullest second that a failure shows. With the other lines they make pytest's 8.
_SHOWN = 4
#: Seconds. The rate is that of any second, not of the whole log: a burst is what hurts a server.
_WINDOW = 1.0


@dataclass(frozen=True, eq=False, repr=False)
class dial_rate(Matcher[Dials]):  # noqa: N801 - the class is the call that a test writes
    """In no second were there more than ``max_per_second`` dials, wherever that second begins.

    All dials count, served or not: those of ``link.dials``, or of a slice of them. A second has its beginning and not
    its end: two dials exactly 1 s apart are in different ones. It finds the client that dials again at once, each time:
    a server that accepts and closes gets some 1,000 dials a second from ``websockets`` (17.4, measured).

    With no dial but the link's first, nobody has dialled again: nothing to judge, which fails.

    Raises:
        TypeError: ``max_per_second`` isn't a whole number.
        ValueError: It's less than 1.
    """

    judges = "a link, its dials, or its history"

    #: From 1.
    max_per_second: int

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_whole("max_per_second", self.max_per_second, low=1)

    def snapshot(self, actual: object) -> Dials | None:
        """Judge dials, and what has them."""
        if isinstance(actual, Live):
            return actual.history().dials
        if isinstance(actual, History):
            return actual.dials
        return actual if isinstance(actual, Dials) else None

    def explain_snapshot(self, snapshot: Dials) -> list[str]:
        """Show the fullest second, and how long its dials were apart."""
        if not snapshot or (len(snapshot) == 1 and snapshot[0].number == 1):
            return [
                f"no reconnect to judge: {counted(len(snapshot), 'dial')}: {self!r}",
                *filter(None, [snapshot.blind]),
            ]
        first, end = fullest([dial.at for dial in snapshot], _WINDOW)
        if end - first > self.max_per_second:
            return [*self._too_many(snapshot, first, end), *filter(None, [snapshot.blind])]
        if blind := unseen(snapshot):
            return [f"no refused dial was seen, and not all could be: the rate can't be judged: {self!r}", blind]
        return []

    def _too_many(self, dials: Dials, first: int, end: int) -> list[str]:
        begin, burst = dials[0].at, dials[first:end]
        hidden = len(burst) - _SHOWN
        return [
            f"{counted(len(burst), 'dial')} within one second, at most {self.max_per_second} allowed: {self!r}",
            *(_line(dial, begin) for dial in burst[:_SHOWN]),
            *([f"  … {hidden} more, the last is dial {burst[-1].number}  +{burst[-1].at - begin:.3f}s"] * (hidden > 0)),
            _gaps(burst),
        ]


def _line(dial: Dial, begin: float) -> str:
    return f"  dial {dial.number}  +{dial.at - begin:.3f}s  {outcome_of(dial)}"


def _gaps(dials: Dials) -> str:
    gaps = sorted(after.at - before.at for before, after in pairwise(dials))
    middle = gaps[len(gaps) // 2]
    return f"gaps between these: shortest {gaps[0]:.3f}s, middle {middle:.3f}s, longest {gaps[-1]:.3f}s"
