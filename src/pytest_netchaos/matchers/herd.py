"""Did the clients come back one after the other, or all at once? `no_thundering_herd`."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..faults import check_duration, check_number
from ..stretch import Stretch, check_moment
from .dial_log import HistoryMatcher, Start, dial_of, given_start, is_return, last_fault, met_at, unseen
from .ledger_matcher import check_whole
from .window import fullest
from .words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import Dial, History

#: From few dials to many; the first one is none.
_SHADES = " .:-=+*#%@"
_COLUMNS = 40


@dataclass(frozen=True, eq=False, repr=False)
class no_thundering_herd(HistoryMatcher):  # noqa: N801 - the class is the call that a test writes
    """Of ``clients`` clients that a fault has hit, no more than a ``share`` dialled within any ``window`` seconds.

    All dials since the last fault began (of a flap: its last cycle) count, refused or served: each is work for the
    server. A client that dials twice in a window counts twice. A window has its beginning and not its end, and one dial
    is always allowed.

    All clients have to be back before it can hold: as many connections as there are clients have been opened since. Who
    a client is, the log can't know; so a connection that is opened again at once counts as another client.

    The defaults are this project's own choice. Clients that draw their wait from a second, as Socket.IO's and
    python-socketio's do by default, put a tenth of themselves into 0.1 s, and more by chance: in a simulation of 5,000
    rounds more than half of 10 clients did in 1 % of them, and of 20 in none. Without jitter, all of them do.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: It's out of range.
    """

    #: How many, from 2.
    clients: int
    #: Above 0, up to 1.
    share: float = field(default=0.5, kw_only=True)
    #: Seconds.
    window: float = field(default=0.1, kw_only=True)
    #: Count from this monotonic time, or from the beginning of this fault or outage: for a server that was ended, say.
    since: float | Stretch | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_whole("clients", self.clients, low=2)
        check_number("share", self.share, low=0, high=1, above=True)
        check_duration("window", self.window, above=True)
        if self.since is not None:
            check_moment("since", self.since)

    @property
    def most(self) -> int:
        """How many dials a window may have."""
        return max(1, math.floor(self.share * self.clients + 1e-9))  # 0.29 × 100 is 28.999999999999996

    def late_of_snapshot(self, snapshot: History) -> tuple[float, float] | None:
        """Until the herd had come: who dials late, because a machine stood still, dials together with others."""
        start = self._start(snapshot)
        crowd = [] if start is None else self._fullest(snapshot, start)
        return (start.at, crowd[-1].at) if start is not None and len(crowd) > self.most else None

    def explain_snapshot(self, snapshot: History) -> list[str]:
        """Show the fullest window among all dials."""
        start = self._start(snapshot)
        if start is None:
            return [
                f"no fault has hit link {snapshot.link!r}: nobody had to come back: {self!r}",
                "if it was the server that went away, say since when: no_thundering_herd(…, since=…)",
            ]
        dials = _dials_since(snapshot, start)
        crowd = self._fullest(snapshot, start)
        if len(crowd) > self.most:
            return [*self._herd(dials, crowd, start), *filter(None, [snapshot.dials.blind])]
        if blind := unseen(snapshot.dials):
            return [f"no refused dial was seen, and not all could be: the herd can't be judged: {self!r}", blind]
        return self._incomplete(snapshot, dials, start)

    def _start(self, snapshot: History) -> Start | None:
        return last_fault(snapshot) if self.since is None else given_start(self.since)

    def _fullest(self, snapshot: History, start: Start) -> Sequence[Dial]:
        dials = _dials_since(snapshot, start)
        first, end = fullest([dial.at for dial in dials], self.window)
        return dials[first:end]

    def _herd(self, dials: Sequence[Dial], crowd: Sequence[Dial], start: Start) -> list[str]:
        came = f"came {crowd[0].at - start.at:.3f}s to {crowd[-1].at - start.at:.3f}s after {start.name}"
        within = f"within {self.window:g}s, at most {self.most} allowed"
        return [
            f"{len(crowd)} dials of {self.clients} clients {within}: {self!r}",
            f"  dials {crowd[0].number}..{crowd[-1].number} {came}",
            *_histogram([dial.at - start.at for dial in dials]),
        ]

    def _incomplete(self, history: History, dials: Sequence[Dial], start: Start) -> list[str]:
        # By connections: a dial that was on its way when a server was started again may have been served all the same.
        opened = [dial_of(history, c) for c in history.connections if c.opened_at >= start.at]
        back = [dial for dial in opened if is_return(dial)]
        missing = self.clients - len(back)
        if missing <= 0:
            return []
        hosts = _hosts_hit(history, start)
        hosts.subtract(_host(dial) for dial in back)
        away = ", ".join(f"{number} from {host}" for host, number in sorted(hosts.items()) if number > 0)
        made = f"{counted(len(dials), 'dial')} since {start.name}"
        return [
            f"{len(back)} of {self.clients} clients are back, of {made}: {self!r}",
            *([f"  connected {start.then}, and not back: {away}"] if away else []),
            f"  wait for the others first: link.wait_for_connection({len(history.connections) + missing})",
        ]


def _dials_since(history: History, start: Start) -> list[Dial]:
    return [dial for dial in history.dials if dial.at >= start.at]


def _host(dial: Dial) -> str:
    return dial.peer.rpartition(":")[0] or "an unknown host"


def _hosts_hit(history: History, start: Start) -> Counter[str]:
    """Count the hosts that had connections when the fault began."""
    return Counter(_host(dial_of(history, connection)) for connection in met_at(history, start.at))


def _histogram(moments: Sequence[float]) -> list[str]:
    """Draw how many dials there were over the time, and say how far they are spread."""
    begin, spread = moments[0], moments[-1] - moments[0]
    if not spread:
        return [f"  all {len(moments)} dials in the same moment"]
    column = spread / _COLUMNS
    counts = Counter(min(_COLUMNS - 1, int((moment - begin) / column)) for moment in moments)
    highest = max(counts.values())
    drawn = "".join(_SHADES[math.ceil(counts[i] / highest * (len(_SHADES) - 1))] for i in range(_COLUMNS))
    key = f"a column is {column:.3f}s, {_SHADES[-1]} is {counted(highest, 'dial')}"
    return [
        f"  {begin:.3f}s |{drawn}| {moments[-1]:.3f}s",
        f"  all {len(moments)} dials are spread over {spread:.3f}s; {key}",
    ]
