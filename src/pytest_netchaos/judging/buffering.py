"""What a client that buffers while it can't send must have kept, and what it may have dropped. Pure, n log n at most.

The model: each sender has a first-in-first-out buffer with room for so many messages. From the start of an outage until
the *flush* it keeps what it is given to send; then it sends all of it, in order. Nobody can see the flush: what lies
between an outage and its flush at the latest is a `window <pytest_netchaos.judging.buffer_windows>`.

That leaves four things that can be told for certain, for each sender and subscriber:

too many
    What was acknowledged in an outage and arrived after its heal was all in the buffer at the heal.
with room, oldest dropped
    Who was pushed out had as many messages behind it as there is room for, all sent before any of them arrived. After a
    cut, also before the window ends; after a stall, say, what ends the window may have waited in a socket.
with room, newest dropped
    Who found no room came when as many as there is room for were waiting: sent since the start, and not yet arrived.
overtaken
    What was sent in a window arrives, the first time, before everything that its sender sent later.

A refused message (``"fail"``) never was in the buffer. One of which nobody knows (``"info"``) may have been, wherever
that excuses the client. So may an id that was sent more than once: which of its sends arrived can't be told. It counts
as lost if it never arrived. While an outage is in force nothing has to have arrived.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from .attribution import disjoint, stretches
from .buffer_windows import Windows

if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterable, Mapping, Sequence

    from ..history import Outage
    from ..ledger import DeliveryRecord, Send

Dropped: TypeAlias = Literal["oldest", "newest"]


class TooMany(NamedTuple):
    """More messages of one outage arrived after its heal than the buffer has room for."""

    sender: str
    subscriber: str
    #: The number of the outage, from 0.
    outage: int
    #: Those that arrived, in order of sending.
    ids: tuple[Hashable, ...]


class LostWithRoom(NamedTuple):
    """A message of a window that was lost while the buffer had room."""

    send: Send
    subscriber: str
    outage: int
    #: How many messages were behind it (oldest) or waiting before it (newest), at most.
    others: int


class Overtaken(NamedTuple):
    """A message of a window that arrived after one that was sent later."""

    send: Send
    subscriber: str
    outage: int
    after: Hashable


@dataclass(slots=True)
class Buffering:
    """Made by `judge_buffering`."""

    #: Without overlaps; what the numbers count.
    outages: tuple[Outage, ...]
    #: Messages that were acknowledged in an outage that has healed.
    sent: int
    #: How many of them, over all subscribers, arrived later, arrived before the heal, or were lost.
    held: int = 0
    passed: int = 0
    lost: int = 0
    #: Lost outside of the windows, over all subscribers: not the buffer's doing.
    lost_elsewhere: int = 0
    too_many: list[TooMany] = field(default_factory=list)
    with_room: list[LostWithRoom] = field(default_factory=list)
    overtaken: list[Overtaken] = field(default_factory=list)


def judge_buffering(record: DeliveryRecord, max_size: int, dropped: Dropped) -> Buffering:
    """Find what a buffer with room for ``max_size`` messages, that drops the oldest or the newest, can't have done."""
    outages = disjoint(record.outages)
    senders = _senders(record, outages)
    found = Buffering(outages, sent=sum(sender.acknowledged_in_outages(outages) for sender in senders.values()))
    places = {
        send.id: (name, place)
        for name, sender in senders.items()
        for place, send in enumerate(sender.sends)
        if send.id not in sender.repeated
    }
    for subscriber, first in _first_arrivals(record).items():
        arrivals: dict[str, list[tuple[float, int]]] = {name: [] for name in senders}
        for id_, at in first.items():
            if id_ in places:
                name, place = places[id_]
                arrivals[name].append((at, place))
        for name, sender in senders.items():
            _View(subscriber, sender, outages, arrivals[name], first).judge(found, max_size, dropped)
    return found


@dataclass(frozen=True, slots=True)
class _Sender:
    """What one sender gave to its buffer, in order of time, and in which stretch of time."""

    name: str
    #: Ids that were sent more than once, by anyone.
    repeated: set[Hashable]
    sends: list[Send] = field(default_factory=list)
    stretches: list[int] = field(default_factory=list)

    def acknowledged_in_outages(self, outages: Sequence[Outage]) -> int:
        return sum(
            send.outcome == "ok" and stretch % 2 == 1 and outages[stretch // 2].healed_at is not None
            for send, stretch in zip(self.sends, self.stretches, strict=True)
        )


def _senders(record: DeliveryRecord, outages: Sequence[Outage]) -> dict[str, _Sender]:
    copies = Counter(send.id for send in record.sends if send.outcome != "fail")
    repeated = {id_ for id_, count in copies.items() if count > 1}
    senders: dict[str, _Sender] = {}
    for send, stretch in zip(record.sends, stretches(record.sends, outages), strict=True):
        if send.outcome != "fail":
            if (sender := senders.get(send.sender)) is None:
                sender = senders[send.sender] = _Sender(send.sender, repeated)
            sender.sends.append(send)
            sender.stretches.append(stretch)
    return senders


def _first_arrivals(record: DeliveryRecord) -> dict[str, dict[Hashable, float]]:
    """Return when each id first arrived at each subscriber, in that order."""
    first: dict[str, dict[Hashable, float]] = {subscriber: {} for subscriber in record.subscribers}
    for id_, at, subscriber in record.deliveries:
        first.setdefault(subscriber, {}).setdefault(id_, at)
    return first


class _View:
    """The messages of one sender, as one subscriber got them."""

    def __init__(
        self,
        subscriber: str,
        sender: _Sender,
        outages: Sequence[Outage],
        arrivals: Sequence[tuple[float, int]],
        known: Container[Hashable],
    ) -> None:
        """Look once at everything.

        Args:
            subscriber: Its name.
            sender: What was sent.
            outages: Disjoint, in order of time.
            arrivals: When messages with an id of their own first arrived, and their places among the sends.
            known: The ids that arrived at all.
        """
        self.subscriber = subscriber
        self.sender = sender
        self.sends = sender.sends
        self.outages = outages
        self.arrivals = arrivals
        self.times = [send.at for send in sender.sends]
        #: When each first arrived; infinite where that can't be told, or where it did not.
        self.arrived = [math.inf] * len(self.sends)
        for at, place in arrivals:
            self.arrived[place] = at
        self.lost = [place for place, send in enumerate(self.sends) if send.outcome == "ok" and send.id not in known]
        self.windows = Windows(outages, self.times, arrivals)

    def judge(self, found: Buffering, max_size: int, dropped: Dropped) -> None:
        """Add to what was found."""
        self._count_held(found, max_size)
        self._find_overtaken(found)
        missing = self._lost_in_windows(found)
        others = self._behind(missing) if dropped == "oldest" else self._waiting(missing)
        found.with_room += [
            LostWithRoom(self.sends[place], self.subscriber, missing[place], count)
            for place, count in zip(missing, others, strict=True)
            if count < max_size
        ]

    def _count_held(self, found: Buffering, max_size: int) -> None:
        held: dict[int, list[Hashable]] = {}
        for send, stretch, arrived in zip(self.sends, self.sender.stretches, self.arrived, strict=True):
            if stretch % 2 == 0 or send.outcome != "ok" or arrived == math.inf:
                continue
            healed_at = self.outages[stretch // 2].healed_at
            if healed_at is None:
                continue
            if arrived < healed_at:
                found.passed += 1
            else:
                held.setdefault(stretch // 2, []).append(send.id)
        found.held += sum(map(len, held.values()))
        found.too_many += [
            TooMany(self.sender.name, self.subscriber, number, tuple(ids))
            for number, ids in held.items()
            if len(ids) > max_size
        ]

    def _find_overtaken(self, found: Buffering) -> None:
        ahead = -1
        for _, place in self.arrivals:
            if place > ahead:
                ahead = place
            elif (number := self._window(place)) is not None and self.windows.is_over(number):
                found.overtaken.append(Overtaken(self.sends[place], self.subscriber, number, self.sends[ahead].id))

    def _lost_in_windows(self, found: Buffering) -> dict[int, int]:
        """Return the places of the messages that the buffer has to answer for, with their outages."""
        missing: dict[int, int] = {}
        for place in self.lost:
            number = self._window(place)
            if number is None:
                found.lost_elsewhere += 1
            elif self.windows.is_over(number):
                missing[place] = number
                found.lost += self.sender.stretches[place] % 2
        return missing

    def _window(self, place: int) -> int | None:
        """Return the outage in whose window a message was sent."""
        stretch = self.sender.stretches[place]
        number = (stretch - 1) // 2
        in_window = stretch % 2 == 1 or (stretch > 0 and self.times[place] <= self.windows.ends[number])
        return number if in_window else None

    def _behind(self, missing: Mapping[int, int]) -> list[int]:
        """Count what was sent after each of these before the flush at the latest."""
        first = list(accumulate(reversed(self.arrived), min))[::-1]  # of this one and all that were sent after it
        first.append(math.inf)
        flushed_by = (min(first[place + 1], self._cut_flushed_by(number)) for place, number in missing.items())
        return [max(0, bisect_right(self.times, at) - place - 1) for place, at in zip(missing, flushed_by, strict=True)]

    def _cut_flushed_by(self, number: int) -> float:
        """Return when the window of a cut ends: nothing that was sent in a cut can arrive but out of the buffer."""
        return self.windows.ends[number] if self.outages[number].kinds == ("cut",) else math.inf

    def _waiting(self, places: Iterable[int]) -> list[int]:
        """Count what was sent since the start, before each of these, and had not arrived when it was sent."""
        counts: list[int] = []
        waiting: list[float] = []
        begin = done = 0
        for place in places:
            start = bisect_left(self.times, self.windows.starts[(self.sender.stretches[place] - 1) // 2])
            if start > begin:
                begin = start
                waiting.clear()
            for earlier in range(max(done, begin), place):
                if self._may_wait(earlier):
                    heappush(waiting, self.arrived[earlier])
            done = place
            while waiting and waiting[0] < self.times[place]:
                heappop(waiting)
            counts.append(len(waiting))
        return counts

    def _may_wait(self, place: int) -> bool:
        """Tell a message that may have been in the buffer from one that was lost, and so had no place in it."""
        send = self.sends[place]
        return self.arrived[place] < math.inf or send.outcome == "info" or send.id in self.sender.repeated
