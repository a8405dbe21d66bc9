"""Did the client, or the server, find out that nobody is there any more? `dead_peer_detected`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

from ..faults import check_duration
from ..stretch import Stretch, check_moment, end_of, start_of
from .dial_log import HistoryMatcher, Start, dial_of, given_start, met_at
from .words import counted

if TYPE_CHECKING:
    from ..history import Connection, Dial, History

Finder: TypeAlias = Literal["client", "server"]
"""Who is to find out."""

#: The faults that nobody is told of.
_SILENT = ("blackhole", "stall")
#: Connections that a failure shows. With the other lines they make pytest's 8.
_SHOWN = 5


class _Silence(NamedTuple):
    """What is to be found out."""

    start: Start
    #: When it was over; ``None`` while it lasts, and where the test gave the time.
    healed_at: float | None
    #: The connections that it met.
    hits: tuple[Connection, ...]

    @property
    def at(self) -> float:
        return self.start.at


@dataclass(frozen=True, eq=False, repr=False)
class dead_peer_detected(HistoryMatcher):  # noqa: N801 - the class is the call that a test writes
    """When the link went silent, the client hung up within ``within`` seconds, on each connection that this hit.

    A link is silent in a black hole or a stall: nobody tells the client. Its time counts from the confirmed start of
    the last one, until its first FIN or RST reaches the link. What it does when it has been told counts for nothing:
    when the silence was healed, or another fault, or the server past a stall of one direction, has ended the
    connection. So the silence has to last longer than ``within``. Where it hit no connection in use, there is nothing
    to judge, which fails. With ``by="server"``, all of this is said of the server instead.

    For ``websockets``, ``within`` is more than ping_interval + ping_timeout + close_timeout. Compared with a link, it
    waits for its time to be up; in a coroutine, use `check_async`. Who closes a socket while a stall keeps its system
    from sending has not hung up yet: its FIN comes behind what is to be sent, an RST doesn't. On systems other than
    Linux, a FIN behind bytes that a stall keeps unread is noted only when it heals.

    Raises:
        TypeError: An argument isn't a number, nor ``since`` a fault or an outage.
        ValueError: It's out of range.
    """

    #: Seconds, above 0.
    within: float
    #: Count from the beginning of this fault or outage, or from this monotonic time: for a server that was suspended,
    #: say. A time hits the connections that were in use then.
    since: float | Stretch | None = field(default=None, kw_only=True)
    #: Who has to find out.
    by: Finder = field(default="client", kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_duration("within", self.within, above=True)
        if self.by not in get_args(Finder):
            raise ValueError(f"by must be 'client' or 'server', not {self.by!r}")
        if self.since is not None:
            check_moment("since", self.since)

    def deadline_of_snapshot(self, snapshot: History) -> float | None:
        """Wait from the start of the silence on, as long as it lasts and somebody still may find out."""
        silence = self._silence(snapshot)
        if silence is None or silence.healed_at is not None:
            return None
        undetected = [c for c in silence.hits if not self._is_detected(snapshot, c, silence)]
        is_final = any(c.closed_at is not None or self._hung_up_at(snapshot, c) is not None for c in undetected)
        return None if is_final or not undetected else silence.at + self.within

    def late_of_snapshot(self, snapshot: History) -> tuple[float, float] | None:
        """From the beginning of the silence until it was to be detected."""
        silence = self._silence(snapshot)
        if silence is None or not silence.hits or self._was_short(silence):
            return None
        return silence.at, min(snapshot.now, silence.at + self.within)

    def explain_snapshot(self, snapshot: History) -> list[str]:
        """Show the connections on which nobody hung up in time."""
        silence = self._silence(snapshot)
        if silence is None:
            return [f"no blackhole and no stall has hit link {snapshot.link!r}: nothing to detect: {self!r}"]
        if not silence.hits:
            nothing = f"no connection was in use {silence.start.then}: nothing to detect: {self!r}"
            return [nothing, *_hint(snapshot, silence)]
        undetected = [c for c in silence.hits if not self._is_detected(snapshot, c, silence)]
        if not undetected:
            return []
        hidden = len(undetected) - _SHOWN
        return [
            f"{self._verdict(snapshot, silence, undetected)}: {self!r}",
            *(self._line(snapshot, c, silence) for c in undetected[:_SHOWN]),
            *([f"  … {hidden} more"] * (hidden > 0)),
        ]

    def _silence(self, history: History) -> _Silence | None:
        if self.since is not None:
            return _silence(history, self.since)
        silent = [span for span in history.faults if span.fault.kind in _SILENT]
        return _silence(history, silent[-1]) if silent else None

    def _is_detected(self, history: History, connection: Connection, silence: _Silence) -> bool:
        hung_up_at = self._hung_up_at(history, connection)
        if hung_up_at is None or (silence.healed_at is not None and hung_up_at > silence.healed_at):
            return False
        return hung_up_at - silence.at <= self.within

    def _hung_up_at(self, history: History, connection: Connection) -> float | None:
        return connection.server_hung_up_at if self.by == "server" else dial_of(history, connection).hung_up_at

    def _was_short(self, silence: _Silence) -> bool:
        """Whether it was over before anybody had to detect it."""
        return silence.healed_at is not None and silence.healed_at - silence.at < self.within

    def _verdict(self, history: History, silence: _Silence, undetected: list[Connection]) -> str:
        healed_at = silence.healed_at
        if healed_at is not None and self._was_short(silence):
            fault = silence.start.name.removesuffix(" began")
            return f"{fault} was over after {healed_at - silence.at:.3f}s, too soon to judge by"
        waited = max(0.0, min(history.now - silence.at, self.within))
        of = f"{len(undetected)} of {counted(len(silence.hits), 'connection')}"
        return f"not detected on {of} in the {waited:.3f}s after {silence.start.name}"

    def _line(self, history: History, connection: Connection, silence: _Silence) -> str:
        hung_up_at = self._hung_up_at(history, connection)
        if hung_up_at is not None:
            end = f"its {self.by} hung up after {hung_up_at - silence.at:.3f}s"
        elif connection.closed_at is None:
            end = f"still stands after {history.now - silence.at:.3f}s"
        else:
            reason = f": {connection.close_reason}" if connection.close_reason else ""
            end = f"ended by the {connection.closed_by} after {connection.closed_at - silence.at:.3f}s{reason}"
        return f"  connection {connection.number}  {end}"


def _hint(history: History, silence: _Silence) -> list[str]:
    """Say how to judge a client that has dialled a link which was silent already."""
    until = math.inf if silence.healed_at is None else silence.healed_at
    later = next((c for c in history.connections if silence.at < c.opened_at < until), None)
    if later is None:
        return []
    ask = f"since=link.connections[{later.number - 1}].opened_at"
    return [f"  connection {later.number} was opened {later.opened_at - silence.at:.3f}s later; to judge it, say {ask}"]


def _silence(history: History, since: float | Stretch) -> _Silence:
    spans = [span for span in history.faults if span.started_at == start_of(since)]
    # A time at which a fault began is that fault's: a `since=fault.started_at`.
    start = given_start(spans[-1] if spans and isinstance(since, int | float) else since)
    # A server's outage is no fault of the link; its end tells everybody just the same.
    healed = [end_of(since)] if isinstance(since, Stretch) and not spans else [span.healed_at for span in spans]
    over = None if None in healed else max((at for at in healed if at is not None), default=None)
    hits = tuple(c for c in met_at(history, start.at) if _in_use(dial_of(history, c), start.at))
    return _Silence(start, over, hits)


def _in_use(dial: Dial, at: float) -> bool:
    """Whether nobody had hung up by then: the client of a connection that was ending knew, or had no need to."""
    return dial.ended_at is None or dial.ended_at >= at
