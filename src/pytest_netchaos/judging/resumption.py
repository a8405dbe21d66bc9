"""Where a subscriber went on after each reconnect. Pure, and linear in the record.

A *reconnect* is each `Connect` of a subscriber but its first. For a subscriber of whom no connect was written down it
is each heal. What arrives from then until the next reconnect is compared with what had arrived before, sender by
sender, in the order in which that one sent:

``last``
    the latest message of the sender that had arrived before the reconnect;
``next``
    the first message of the sender that arrived after it;
``repeated``
    what arrived after it and had arrived before it, where ``next`` isn't later than ``last``;
``left out``
    what was acknowledged and lies between ``last`` and the first message after the reconnect that is later than
    ``last``.

A message that comes later all the same was left out too: the handler has seen the gap. An id that was sent more than
once has no place in the order, and is passed over; so is an id that nobody sent.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

from .attribution import disjoint

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from ..history import Outage
    from ..ledger import Connect, Delivery, DeliveryRecord, Send

ResumeVerdict: TypeAlias = Literal["resumed", "rewound", "skipped", "restarted"]
"""How a subscriber went on, from the best to the worst.

=============  ========================================================================================================
``resumed``    in the same session, with the message after ``last``
``rewound``    with a message that isn't later than ``last``
``skipped``    with something left out
``restarted``  in another session; or from the beginning: with the first message that it had ever got, or an earlier one
=============  ========================================================================================================

Who had got a single message and gets it again is rewound: nobody can tell that it began anew.
"""

VERDICTS: tuple[ResumeVerdict, ...] = get_args(ResumeVerdict)


class Reconnect(NamedTuple):
    """A moment from which on a subscriber went on. Monotonic seconds."""

    at: float
    #: Its session; ``None`` where nobody knows.
    session: Hashable | None = None
    #: The outage that healed then, where no connect was written down.
    outage: Outage | None = None


@dataclass(frozen=True, slots=True)
class Resumption:
    """How one subscriber went on after one reconnect: with the sender with whom it went worst."""

    subscriber: str
    #: 1 for the subscriber's first reconnect.
    number: int
    reconnect: Reconnect
    #: What the verdict is made of, from the mildest to the worst; ``("resumed",)`` where nothing else is true.
    verdicts: tuple[ResumeVerdict, ...]
    sender: str
    #: The id of the latest message that had arrived before.
    last: Hashable
    #: The id of the first one that arrived after it.
    next: Hashable
    #: In order of arrival.
    repeated: tuple[Hashable, ...] = ()
    #: In order of sending.
    left_out: tuple[Hashable, ...] = ()
    #: The session in which the latest delivery before the reconnect came; ``None`` where nobody knows.
    session_before: Hashable | None = None

    @property
    def verdict(self) -> ResumeVerdict:
        """The worst of the verdicts."""
        return self.verdicts[-1]


def resumptions(record: DeliveryRecord) -> list[Resumption]:
    """Judge each reconnect before and after which a message of the same sender arrived, subscriber by subscriber."""
    order = Order(record.sends)
    got: dict[str, list[Delivery]] = {}
    for delivery in record.deliveries:
        got.setdefault(delivery.subscriber, []).append(delivery)
    first_sessions = {connect.subscriber: connect.session for connect in reversed(record.connects)}
    return [
        found
        for subscriber, moments in reconnects(record).items()
        for found in _Walk(order, subscriber, first_sessions.get(subscriber)).through(got.get(subscriber, []), moments)
    ]


def reconnects(record: DeliveryRecord) -> dict[str, list[Reconnect]]:
    """Return the reconnects of each subscriber, in order of time."""
    connects: dict[str, list[Connect]] = {}
    for connect in record.connects:
        connects.setdefault(connect.subscriber, []).append(connect)
    heals = [
        Reconnect(outage.healed_at, outage=outage)
        for outage in disjoint(record.outages)
        if outage.healed_at is not None
    ]
    return {
        name: [Reconnect(connect.at, connect.session) for connect in connects[name][1:]] if name in connects else heals
        for name in _names(record)
    }


def _names(record: DeliveryRecord) -> Iterable[str]:
    """Return who was declared or seen. A ledger that has seen nobody lists ``""`` all the same."""
    seen = dict.fromkeys(delivery.subscriber for delivery in record.deliveries)
    seen.update(dict.fromkeys(connect.subscriber for connect in record.connects))
    return {name: None for name in record.subscribers if name} | seen or ("",)


class Order:
    """The place of each message among those of its sender; of those with an id of their own."""

    def __init__(self, sends: Sequence[Send]) -> None:
        self.places: dict[Hashable, tuple[str, int] | None] = {}
        #: By sender, what a subscriber must not leave out: places and ids.
        self.due: dict[str, tuple[list[int], list[Hashable]]] = {}
        for place, send in enumerate(sends):
            self.places[send.id] = None if send.id in self.places else (send.sender, place)
        for place, send in enumerate(sends):
            if send.outcome == "ok" and self.places[send.id] is not None:
                places, ids = self.due.setdefault(send.sender, ([], []))
                places.append(place)
                ids.append(send.id)

    def between(self, sender: str, last: int, new: int) -> tuple[Hashable, ...]:
        """Return what was acknowledged of what the sender sent after ``last`` and before ``new``."""
        places, ids = self.due.get(sender, ([], []))
        return tuple(ids[bisect_right(places, last) : bisect_left(places, new)])


class _Had(NamedTuple):
    """What had arrived of a sender: the place of the first that did, and the latest one."""

    first: int
    last: int
    last_id: Hashable


@dataclass(slots=True)
class _Part:
    """What arrived of one sender between two reconnects."""

    next: int
    next_id: Hashable
    #: The first that is later than all that had arrived before; ``None`` if none is.
    new: int | None = None
    latest: int = -1
    latest_id: Hashable = None
    repeated: dict[Hashable, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Walk:
    """One subscriber's deliveries, from reconnect to reconnect."""

    order: Order
    subscriber: str
    #: In which the latest delivery came.
    session: Hashable | None
    had: dict[str, _Had] = field(default_factory=dict)
    arrived: set[Hashable] = field(default_factory=set)

    def through(self, got: Sequence[Delivery], moments: Sequence[Reconnect]) -> Iterator[Resumption]:
        """Judge each reconnect that can be."""
        times = [delivery.at for delivery in got]
        bounds = [*(bisect_left(times, moment.at) for moment in moments), len(got)]
        self._take(self._parts(got[: bounds[0]]))
        for number, (moment, (start, end)) in enumerate(zip(moments, pairwise(bounds), strict=True), 1):
            if start == end:
                continue
            parts = self._parts(got[start:end])
            judged = [
                self._judged(number, moment, sender, part) for sender, part in parts.items() if sender in self.had
            ]
            if judged:
                yield max(judged, key=_badness)
            self._take(parts)
            self.session = moment.session

    def _parts(self, deliveries: Iterable[Delivery]) -> Mapping[str, _Part]:
        parts: dict[str, _Part] = {}
        fresh: set[Hashable] = set()
        for id_, _, _ in deliveries:
            place = self.order.places.get(id_)
            if place is None:
                continue
            sender, at = place
            if (part := parts.get(sender)) is None:
                part = parts[sender] = _Part(at, id_)
            if id_ in self.arrived:
                part.repeated[id_] = None
            else:
                fresh.add(id_)
            if at > part.latest:
                part.latest, part.latest_id = at, id_
            if part.new is None and (sender not in self.had or at > self.had[sender].last):
                part.new = at
        self.arrived |= fresh
        return parts

    def _take(self, parts: Mapping[str, _Part]) -> None:
        for sender, part in parts.items():
            had = self.had.get(sender)
            if had is None:
                self.had[sender] = _Had(part.next, part.latest, part.latest_id)
            elif part.latest > had.last:
                self.had[sender] = _Had(had.first, part.latest, part.latest_id)

    def _judged(self, number: int, moment: Reconnect, sender: str, part: _Part) -> Resumption:
        had = self.had[sender]
        back = part.next <= had.last
        left_out = () if part.new is None else self.order.between(sender, had.last, part.new)
        from_the_beginning = part.next < had.first or part.next == had.first < had.last
        another = None not in {self.session, moment.session} and self.session != moment.session
        true = {
            "rewound": back and not from_the_beginning,
            "skipped": bool(left_out),
            "restarted": from_the_beginning or another,
        }
        return Resumption(
            subscriber=self.subscriber,
            number=number,
            reconnect=moment,
            verdicts=tuple(verdict for verdict in VERDICTS if true.get(verdict)) or ("resumed",),
            sender=sender,
            last=had.last_id,
            next=part.next_id,
            repeated=tuple(part.repeated) if back else (),
            left_out=left_out,
            session_before=self.session,
        )


def _badness(found: Resumption) -> tuple[int, int, int]:
    return VERDICTS.index(found.verdict), len(found.left_out), len(found.repeated)
