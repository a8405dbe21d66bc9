"""Did the client keep what it couldn't send, as much as it has room for? `buffered`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, get_args

from ..judging.buffering import Dropped, judge_buffering
from ..judging.verdict import Verdict
from .ledger_matcher import Judgement, TimedMatcher, check_whole
from .words import between, counted, fault_name, fitted, named, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import Outage
    from ..judging.buffering import Buffering, LostWithRoom, Overtaken, TooMany
    from ..ledger import DeliveryRecord

_ENDS: tuple[str, ...] = get_args(Dropped)


@dataclass(frozen=True, eq=False, repr=False)
class buffered(TimedMatcher):  # noqa: N801 - the class is the call that a test writes
    """In an outage the client kept what it was given to send, up to ``max_size`` messages, and sent it in order later.

    The buffer is first-in-first-out, and each sender has one. What can be told of it from outside, for each subscriber:

    - at most ``max_size`` of the messages that were acknowledged in one outage arrived after its heal: all of those
      were in the buffer then;
    - what was lost was lost because the buffer was full. ``dropped="oldest"``: at least ``max_size`` others were sent
      after it before one of them arrived, or after a cut, before anything that was sent since its start did.
      ``dropped="newest"``: at least ``max_size`` others that were sent since the outage began were still waiting when
      it was sent;
    - what was kept arrived in the order of sending, and before what was sent after the heal.

    This holds for what was sent from the start of an outage until the first arrival, after its heal, of something that
    was sent since. What was lost outside of that, in flight when the outage began for one, isn't judged here:
    `exactly_once` counts it. An outage that is still in force isn't judged either. What the client had sent from its
    buffer and a second outage destroyed in flight counts as lost by the buffer, so leave time between two of them.

    "Acknowledged" (``"ok"``) means here that the client has taken the message, into its buffer at least. ``"fail"`` was
    never in the buffer; ``"info"`` may have been. In a stall, what a client writes before it notices waits in sockets,
    arrives later, and counts as kept: to judge the buffer alone, cut. A reset takes no time, so nothing is sent in it.
    What is sent after the heal and before the flush may push others out, and looks the same if it is sent after the
    flush and before the first arrival: send little then, or a client that keeps too little may pass.

    Without a message that was acknowledged in an outage and didn't arrive before the heal there is nothing to judge,
    and that is never a pass.

    Raises:
        TypeError: ``max_size`` isn't a whole number.
        ValueError: It's below 1, or ``dropped`` is neither ``"oldest"`` nor ``"newest"``.
    """

    #: Messages, at least 1.
    max_size: int
    #: What is given up when a message comes and the buffer is full: the oldest one in it, or the one that comes.
    dropped: Dropped = "oldest"

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_whole("max_size", self.max_size, low=1)
        if self.dropped not in _ENDS:
            raise ValueError(f"dropped must be {' or '.join(map(repr, _ENDS))}, not {self.dropped!r}")

    def judge_times(self, record: DeliveryRecord) -> Judgement:
        """Count what a buffer of this kind can't have done, and show it, with how many messages were held."""
        found = judge_buffering(record, self.max_size, self.dropped)
        over = sum(len(one.ids) - self.max_size for one in found.too_many)
        counts = {"too many": over, "lost with room left": len(found.with_room), "overtaken": len(found.overtaken)}
        wrong = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        if wrong:
            return Verdict.INVALID, fitted(f"{_summary(found)}: {wrong}: {self!r}", self._groups(record, found))
        if found.held or found.lost:
            return Verdict.VALID, []
        return Verdict.UNKNOWN, [f"{_untested(found)}: nothing to judge: {self!r}"]

    def _groups(self, record: DeliveryRecord, found: Buffering) -> list[list[str]]:
        names = _Names(found.outages, several=len(record.subscribers) > 1)
        elsewhere = f"  not judged {found.lost_elsewhere} lost that were sent when nothing had to be buffered"
        return [
            [self._too_many(names, one) for one in found.too_many],
            [self._lost(names, group) for group in _runs(found.with_room)],
            [_overtaken(names, one) for one in found.overtaken],
            [elsewhere] if found.lost_elsewhere else [],
        ]

    def _too_many(self, names: _Names, found: TooMany) -> str:
        which = f"{named(found.ids)}{names.parties(found.sender, found.subscriber)}"
        sent = f"sent in {names.fault(found.outage)}"
        return f"  too many   {which}, {sent}, arrived after its heal: room for {self.max_size}"

    def _lost(self, names: _Names, group: Sequence[LostWithRoom]) -> str:
        one = group[0]
        which = f"{named([lost.send.id for lost in group])}{names.parties(one.send.sender, one.subscriber)}"
        least, most = min(lost.others for lost in group), max(lost.others for lost in group)
        others = f"{least}" if least == most else f"{least} to {most}"
        why = (
            f"{others} behind it before the buffer was sent, {self.max_size} would push it out"
            if self.dropped == "oldest"
            else f"{others} waiting when it came, {self.max_size} would leave no room"
        )
        return f"  lost       {which}, {names.when(group)}: {why}"


@dataclass(frozen=True, slots=True)
class _Names:
    """How the parties and the times of one explanation are called."""

    outages: Sequence[Outage]
    several: bool

    def fault(self, number: int) -> str:
        return fault_name(self.outages, number)

    def parties(self, sender: str, subscriber: str) -> str:
        source = f" from {short(sender)}" if sender else ""
        return f"{source} to {short(subscriber)}" if self.several else source

    def when(self, group: Sequence[LostWithRoom | Overtaken]) -> str:
        number = group[0].outage
        since = [one.send.at - self.outages[number].started_at for one in group]
        return f"sent {between(min(since), max(since))} after {self.fault(number)} began"


def _runs(lost: Sequence[LostWithRoom]) -> list[list[LostWithRoom]]:
    """Put together what one subscriber lost of one sender in one outage."""
    return [list(run) for _, run in groupby(lost, lambda one: (one.send.sender, one.subscriber, one.outage))]


def _overtaken(names: _Names, found: Overtaken) -> str:
    parties = names.parties(found.send.sender, found.subscriber)
    return f"  overtaken  {short(found.send.id)}{parties}, {names.when([found])}: arrived after {short(found.after)}"


def _summary(found: Buffering) -> str:
    """Say how many messages the judgement is about."""
    before = f"{found.passed} before its heal and " if found.passed else ""
    return f"sent {found.sent} in {_where(found)}, arrived {before}{found.held} later"


def _where(found: Buffering) -> str:
    healed = [number for number, outage in enumerate(found.outages) if outage.healed_at is not None]
    return fault_name(found.outages, healed[0]) if len(healed) == 1 else counted(len(healed), "outage")


def _untested(found: Buffering) -> str:
    """Say why nothing had to be buffered."""
    if not found.outages:
        return "there was no outage"
    if all(outage.healed_at == outage.started_at for outage in found.outages):
        return "nothing is sent in an outage that takes no time"
    if found.outages[-1].healed_at is None:
        return f"{fault_name(found.outages, len(found.outages) - 1)} is still in force: heal it first"
    if not found.sent:
        return f"nothing was acknowledged in {_where(found)}"
    if found.passed:
        return f"all that was sent in {_where(found)} arrived before its heal"
    return f"all that was sent in {_where(found)} was sent more than once"
