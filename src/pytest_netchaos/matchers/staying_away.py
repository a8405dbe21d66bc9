"""Did the client stay away, once it had hung up? `stayed_away`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..faults import check_duration
from ..stretch import Stretch, check_moment
from .dial_log import HistoryMatcher, Start, given_start, is_return, outcome_of, unseen, when
from .words import counted

if TYPE_CHECKING:
    from ..history import Dial, History

#: Dials that a failure shows, before the start and after it. With the other lines they make pytest's 8.
_SHOWN_BEFORE, _SHOWN_AFTER = 2, 2
_REFUSING = ("cut", "refuse")


@dataclass(frozen=True, eq=False, repr=False)
class stayed_away(HistoryMatcher):  # noqa: N801 - the class is the call that a test writes
    """Nobody dialled for ``for_`` seconds after the client had hung up: what is to follow a ``disconnect()``.

    By default they count from when the client itself ended a connection for the last time: with a FIN or an RST that
    answered none. A client may well end with one that does: in WebSocket's closing handshake it is the server that
    ends the TCP connection (RFC 6455, 7.1.1). Then say ``since`` when.

    Compared with a link, it waits for its time to be up; a dial fails at once. In a coroutine, use `check_async`.
    A dial after that time is no failure. A link that nobody had dialled before is one: there was nobody to stay away.

    Raises:
        TypeError: An argument isn't a number, nor ``since`` a fault or an outage.
        ValueError: It's out of range.
    """

    #: Count from this monotonic time, or from the beginning of this fault or outage.
    since: float | Stretch | None = None
    #: Seconds, above 0: longer than the client's longest wait.
    for_: float = field(kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        if self.since is not None:
            check_moment("since", self.since)
        check_duration("for_", self.for_, above=True)

    def deadline_of_snapshot(self, snapshot: History) -> float | None:
        """Wait for the time to be up, unless there was a dial."""
        start = self._start(snapshot)
        if start is None or self._dials_after(snapshot, start) or not _dials_before(snapshot, start):
            return None
        return start.at + self.for_

    def explain_snapshot(self, snapshot: History) -> list[str]:
        """Show the dials around the moment when the client hung up."""
        start = self._start(snapshot)
        if start is None:
            return [f"the client has ended no connection itself: {self!r}", *_last_end(snapshot)]
        verdict = self._verdict(snapshot, start)
        if verdict:
            return [f"{verdict}: {self!r}", *self._window(snapshot, start), *filter(None, [snapshot.dials.blind])]
        if self._may_have_missed(snapshot, start):
            return [f"no dial was seen, and not all could be: {self!r}", snapshot.dials.blind]
        return []

    def _start(self, history: History) -> Start | None:
        if self.since is not None:
            return given_start(self.since)
        ends = [dial.hung_up_at for dial in history.dials if is_return(dial) and dial.hung_up_at is not None]
        return Start(max(ends), "the client hung up") if ends else None

    def _verdict(self, history: History, start: Start) -> str:
        if not _dials_before(history, start):
            return f"nobody had dialled link {history.link!r} before: nothing to judge"
        after = self._dials_after(history, start)
        if after:
            return f"dial {after[0].number} came {after[0].at - start.at:.3f}s after {start.name}"
        if history.now < start.at + self.for_:
            return f"no dial in the {max(0.0, history.now - start.at):.3f}s since {start.name}: too early to tell"
        return ""

    def _dials_after(self, history: History, start: Start) -> list[Dial]:
        return [dial for dial in history.dials if start.at <= dial.at < start.at + self.for_]

    def _window(self, history: History, start: Start) -> list[str]:
        before, after = _dials_before(history, start), self._dials_after(history, start)
        hidden = len(after) - _SHOWN_AFTER
        return [
            *(_line(dial, start) for dial in before[-_SHOWN_BEFORE:]),
            *(_line(dial, start) for dial in after[:_SHOWN_AFTER]),
            *([f"  … {hidden} more, {counted(len(after), 'dial')} in all"] * (hidden > 0)),
        ]

    def _may_have_missed(self, history: History, start: Start) -> bool:
        """Whether the port was closed in that time, and refused dials can't be seen."""
        until = start.at + self.for_
        return bool(unseen(history.dials)) and any(
            span.fault.kind in _REFUSING
            and span.started_at < until
            and (span.healed_at is None or span.healed_at > start.at)
            for span in history.faults
        )


def _dials_before(history: History, start: Start) -> list[Dial]:
    return [dial for dial in history.dials if dial.at < start.at]


def _last_end(history: History) -> list[str]:
    if not history.connections:
        return [f"link {history.link!r} has had no connection"]
    last = history.connections[-1]
    if last.closed_at is None:
        return [f"connection {last.number} is still open"]
    reason = f" ({last.close_reason})" if last.close_reason else ""
    return [
        f"connection {last.number} was ended by the {last.closed_by} with {_article(last.close_how)}{reason}",
        "if that is how the client's protocol hangs up, say since when: stayed_away(…, for_=…)",
    ]


def _article(how: str | None) -> str:
    return f"an {how}" if how == "RST" else f"a {how}"


def _line(dial: Dial, start: Start) -> str:
    return f"  {when(dial, start)}  {outcome_of(dial)}"
