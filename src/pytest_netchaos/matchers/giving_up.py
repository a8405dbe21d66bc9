"""Did the client try as often as it is meant to, and then no more? `gave_up`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..faults import check_duration
from ..stretch import Stretch, check_moment
from .dial_log import HistoryMatcher, Start, given_start, is_return, last_fault, outcome_of, unseen
from .ledger_matcher import check_whole
from .words import times

if TYPE_CHECKING:
    from ..history import Dial, Dials, History

#: The last dials that a failure shows. With the other lines they make pytest's 8.
_SHOWN = 4
#: How many times its longest wait a client has to be quiet. The next wait of one that doubles is twice as long.
_QUIET_FACTOR = 2.5
#: Seconds of quiet at the least: this project's own choice, for the scheduling of a busy machine.
_LEAST_QUIET = 0.5
#: Seconds for a first dial, or for one without an answer: no wait tells yet how patient the client is. ``websockets``
#: draws its first wait from 0 to 5 s, the longest of the clients that this project has measured.
_PATIENCE = 5.0


class _Tries(NamedTuple):
    """What the client has done since the start."""

    start: Start
    dials: Dials
    #: When it did the last thing that is known, and how long it has to be quiet from then on.
    rest_at: float
    quiet: float

    @property
    def over_at(self) -> float:
        return self.rest_at + self.quiet


@dataclass(frozen=True, eq=False, repr=False)
class gave_up(HistoryMatcher):  # noqa: N801 - the class is the call that a test writes
    """The client dialled exactly ``after`` times since the last fault began, each time in vain, and then no more.

    It counts from the last cycle of a flap, and counts every dial since: refused ones, ones that have had no answer,
    and ones that were served when their client was gone. One that was served otherwise is a client that came back, and
    not one that gave up. It is one client that is judged: several on one link count together.

    "No more" is ``quiet`` seconds without a dial since the last one ended. Compared with a link, it waits for them; a
    dial too many fails at once. In a coroutine, use `check_async`.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: It's out of range.
    """

    #: How many dials, from 0: the first attempt after the fault is the first one.
    after: int
    #: Seconds. By default two and a half times the client's longest wait since the fault, and 0.5 s at least: the next
    #: wait of a client that doubles them would be over. One whose jitter can do more needs a longer quiet. As long as
    #: there is no dial, or the last one has neither an answer nor an end, it is 5 s.
    quiet: float | None = field(default=None, kw_only=True)
    #: Count from this monotonic time, or from the beginning of this fault or outage: for a server that was ended, say.
    since: float | Stretch | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_whole("after", self.after, low=0)
        if self.quiet is not None:
            check_duration("quiet", self.quiet, above=True)
        if self.since is not None:
            check_moment("since", self.since)

    def deadline_of_snapshot(self, snapshot: History) -> float | None:
        """Wait for the quiet after the last dial, unless there was one too many."""
        tries = self._tries(snapshot)
        return None if tries is None or self._refuted(tries) else tries.over_at

    def late_of_snapshot(self, snapshot: History) -> tuple[float, float] | None:
        """From the last dial on, if further ones were due."""
        tries = self._tries(snapshot)
        is_short = tries is not None and not self._refuted(tries) and len(tries.dials) < self.after
        return (tries.rest_at, snapshot.now) if tries is not None and is_short else None

    def explain_snapshot(self, snapshot: History) -> list[str]:
        """Show the last dials, and how long the client has been quiet."""
        tries = self._tries(snapshot)
        if tries is None:
            return [
                f"no fault has hit link {snapshot.link!r}: nothing to give up on: {self!r}",
                "if it was the server that went away, say since when: gave_up(…, since=…)",
            ]
        verdict = self._refuted(tries) or self._unfinished(tries, snapshot.now)
        if verdict:
            return [f"{verdict}: {self!r}", *_window(tries, snapshot.now), *filter(None, [snapshot.dials.blind])]
        if blind := unseen(snapshot.dials):
            return [f"no refused dial was seen, and not all could be: they can't be counted: {self!r}", blind]
        return []

    def _tries(self, history: History) -> _Tries | None:
        start = last_fault(history) if self.since is None else given_start(self.since)
        if start is None:
            return None
        first = next((i for i, dial in enumerate(history.dials) if dial.at >= start.at), len(history.dials))
        dials = history.dials[first:]
        last = dials[-1] if dials else None
        rest_at = start.at if last is None else max(last.at, last.ended_at or last.at)
        return _Tries(start, dials, rest_at, self._quiet(dials))

    def _quiet(self, dials: Dials) -> float:
        if self.quiet is not None:
            return self.quiet
        if not dials or _is_unanswered(dials[-1]):
            return _PATIENCE
        longest = max((dial.waited for dial in dials if dial.waited is not None), default=0.0)
        return max(_LEAST_QUIET, _QUIET_FACTOR * longest)

    def _refuted(self, tries: _Tries) -> str:
        """Say what no quiet can make good any more."""
        back = next((dial for dial in tries.dials if is_return(dial)), None)
        if back is not None:
            return (
                f"not given up: dial {back.number} was served {back.at - tries.start.at:.3f}s after {tries.start.name}"
            )
        if len(tries.dials) > self.after:
            return f"dialled {times(len(tries.dials))} since {tries.start.name}, not {self.after}"
        return ""

    def _unfinished(self, tries: _Tries, now: float) -> str:
        """Say what the time until now doesn't show, or shows to be too little."""
        done = f"dialled {times(len(tries.dials))} since {tries.start.name}"
        if now < tries.over_at:
            return f"{done}: too early to tell whether that is all"
        if len(tries.dials) < self.after:
            return f"{done}, not {self.after}"
        if tries.dials and _is_unanswered(tries.dials[-1]):
            return f"dial {tries.dials[-1].number} has no answer, and its client hasn't hung up: not given up yet"
        return ""


def _is_unanswered(dial: Dial) -> bool:
    return dial.outcome == "pending" and dial.ended_at is None


def _window(tries: _Tries, now: float) -> list[str]:
    start, dials = tries.start, tries.dials
    shown = dials if len(dials) <= _SHOWN else dials[1 - _SHOWN :]
    hidden = len(dials) - len(shown)
    rest = f"since dial {dials[-1].number}" if dials else f"since {start.name}"
    return [
        *([f"  … {hidden} before these"] * (hidden > 0)),
        *(_line(dial, start) for dial in shown),
        f"quiet for {max(0.0, now - tries.rest_at):.3f}s {rest}; {tries.quiet:.3f}s are to pass",
    ]


def _line(dial: Dial, start: Start) -> str:
    waited = "" if dial.waited is None else f"  waited {dial.waited:.3f}s"
    return f"  dial {dial.number}  +{dial.at - start.at:.3f}s{waited}  {outcome_of(dial)}"
