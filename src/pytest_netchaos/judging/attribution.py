"""When a lost message was sent, relative to the outages around it. Pure, linear, and free of thresholds.

Each sender is looked at by itself. Only its own messages keep an order on their way, so what another one sent later and
got through is no sign: they may have taken different connections.

The time line is cut into stretches: stretch 0 lies before the first outage, stretch 1 is that outage, stretch 2 lies
between it and the next one, and so on. Odd stretches are outages. An outage begins at its start and ends just before
its heal, so what is sent at the very moment of the heal is sent after it, and a reset takes up no time at all.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..history import Outage

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from ..ledger import Delivery, Send

_by_time = attrgetter("at")

Phase: TypeAlias = Literal["before", "in flight", "during", "after", "resumed", "no fault"]
"""Why a message was lost, as far as times can tell.

==============  =======================================================================================================
``in flight``   sent before an outage, and nothing its sender sent after it had reached the subscriber when that began
``before``      sent before an outage, but a later send had reached the subscriber when it began: not the outage's doing
``during``      sent in an outage
``after``       sent after a heal, before the first message sent after it that reached the subscriber
``resumed``     sent after the last heal, when later ones did reach the subscriber again: not the outage's doing
``no fault``    there was no outage
==============  =======================================================================================================

All of it is said of one sender's messages. Between two outages ``after`` goes first: as long as nothing reached the
subscriber, there is no sign that it was back.
"""


@dataclass(frozen=True, slots=True)
class Blame:
    """The phase in which a lost message was sent, and the outage that it refers to."""

    phase: Phase
    #: 0 for the first outage; ``None`` without one.
    number: int | None = None
    #: Seconds between the send and the start of the outage (its heal, for ``after`` and ``resumed``). Never negative.
    distance: float = 0.0


def disjoint(outages: Iterable[Outage]) -> tuple[Outage, ...]:
    """Merge outages that overlap, such as those of several links, and put them in order of time."""
    merged: list[Outage] = []
    for outage in sorted(outages, key=lambda outage: outage.started_at):
        last = merged[-1] if merged else None
        if last is None or (last.healed_at is not None and last.healed_at < outage.started_at):
            merged.append(outage)
        else:
            merged[-1] = _joined(last, outage)
    return tuple(merged)


def _joined(one: Outage, other: Outage) -> Outage:
    open_ended = one.healed_at is None or other.healed_at is None
    healed_at = None if open_ended else max(one.healed_at or 0.0, other.healed_at or 0.0)
    return Outage(one.started_at, healed_at, tuple(dict.fromkeys(one.kinds + other.kinds)))


def stretches(sends: Sequence[Send], outages: Sequence[Outage]) -> list[int]:
    """Return the stretch of time in which each message was sent. Both must be in order, and ``outages`` disjoint."""
    found: list[int] = []
    for number, outage in enumerate(outages):
        for place, end in ((2 * number, outage.started_at), (2 * number + 1, outage.healed_at)):
            until = len(sends) if end is None else bisect_left(sends, end, key=_by_time)
            found += [place] * (until - len(found))
    return found + [2 * len(outages)] * (len(sends) - len(found))


class Attribution:
    """The outages of a record, and its sends by sender: why something was lost is a matter of one sender's messages."""

    def __init__(self, sends: Sequence[Send], outages: Sequence[Outage]) -> None:
        """Look once at all sends.

        Args:
            sends: In order of time.
            outages: Disjoint, in order of time.
        """
        self.sends = sends
        self.outages = outages
        #: The stretch in which each message was sent.
        self.places = stretches(sends, outages)
        #: By sender and stretch, the positions of its sends.
        self.positions: dict[str, dict[int, list[int]]] = {}
        for position, (send, place) in enumerate(zip(sends, self.places, strict=True)):
            self.positions.setdefault(send.sender, {}).setdefault(place, []).append(position)

    def blames(self, lost: Iterable[int], deliveries: Sequence[Delivery]) -> Iterator[Blame]:
        """Say in which phase each lost message was sent.

        Args:
            lost: What one subscriber lost, as positions among the sends.
            deliveries: Those to this subscriber, in order of time.
        """
        last = {delivery.id: delivery.at for delivery in deliveries}
        doubled = len(last) < len(deliveries)
        first = {delivery.id: delivery.at for delivery in reversed(deliveries)} if doubled else last
        views: dict[str, _View] = {}
        for position in lost:
            sender = self.sends[position].sender
            if (view := views.get(sender)) is None:
                view = views[sender] = _View(self, sender, first, last)
            yield view.blame(position)

    def heal(self, place: int) -> float:
        """Return the time of the heal with which a stretch begins."""
        healed_at = self.outages[place // 2 - 1].healed_at
        assert healed_at is not None, "there is no stretch after an outage that goes on"
        return healed_at


class _View:
    """What one subscriber got of one sender in each stretch, and so why it didn't get the rest."""

    def __init__(
        self, record: Attribution, sender: str, first: Mapping[Hashable, float], last: Mapping[Hashable, float]
    ) -> None:
        """Look from each heal on for what came after it, and back from each outage for what had come before it.

        Args:
            record: The sends, and the outages.
            sender: Whose.
            first: When each id first arrived at the subscriber.
            last: When it last did.
        """
        self._record = record
        #: By stretch, the position of its first message that arrived after the heal before it ...
        self._resumed: dict[int, int] = {}
        #: ... and of its last message that had arrived when the outage after it began.
        self._flushed: dict[int, int] = {}
        sends, outages, never = record.sends, record.outages, math.inf
        for place, positions in record.positions[sender].items():
            if place % 2:
                continue
            if place > 0:
                heal = record.heal(place)
                resumed = (at for at in positions if last.get(sends[at].id, -never) >= heal)
                self._resumed[place] = next(resumed, len(sends))
            if place < 2 * len(outages):
                start = outages[place // 2].started_at
                flushed = (at for at in reversed(positions) if first.get(sends[at].id, never) <= start)
                self._flushed[place] = next(flushed, -1)

    def blame(self, position: int) -> Blame:
        """Say in which phase the lost message at ``position`` was sent."""
        record = self._record
        outages = record.outages
        if not outages:
            return Blame("no fault")
        at, place = record.sends[position].at, record.places[position]
        number = place // 2
        if place % 2:
            return Blame("during", number, at - outages[number].started_at)
        if place > 0 and position < self._resumed[place]:
            return Blame("after", number - 1, at - record.heal(place))
        if number == len(outages):
            return Blame("resumed", number - 1, at - record.heal(place))
        in_flight = position > self._flushed[place]
        return Blame("in flight" if in_flight else "before", number, outages[number].started_at - at)
