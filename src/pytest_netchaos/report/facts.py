"""What a story is told from, as frozen values. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from ..judging.clocks import FAR
from ..judging.delivery import audit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..history import History, Outage
    from ..judging.delivery import Audit, Lost
    from ..ledger import DeliveryRecord, Note

#: Sends that are judged one by one, and these for each subscriber: to judge a million messages takes seconds, and a
#: story is to be there in one. However many subscribers there are, the second number is judged.
MOST_JUDGED, LEAST_JUDGED = 100_000, 1_000


def narrowed(record: DeliveryRecord, most: int) -> DeliveryRecord:
    """Keep the ``most`` sends nearest to the first outage (without one: the last), and what was delivered of them.

    Deliveries of what was never sent stay as well, and so do other sends of the same ids: each message that is kept is
    judged as it would be in the whole record.
    """
    if len(record.sends) <= most:
        return record
    middle = len(record.sends)
    if record.outages:
        middle = bisect_left(record.sends, record.outages[0].started_at, key=lambda send: send.at)
    first = min(max(middle - most // 2, 0), len(record.sends) - most)
    kept = {send.id for send in record.sends[first : first + most]}
    left_out = {send.id for send in record.sends} - kept
    return replace(
        record,
        sends=tuple(send for send in record.sends if send.id in kept),
        deliveries=tuple(delivery for delivery in record.deliveries if delivery.id not in left_out),
    )


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """One link."""

    history: History
    #: Where it listens and where it leads: ``"127.0.0.1:4000 to 127.0.0.1:6379"``.
    place: str = ""
    #: What went wrong with the link itself.
    troubles: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The link's name."""
        return self.history.link


@dataclass(frozen=True)
class LedgerFacts:
    """One ledger."""

    record: DeliveryRecord
    notes: tuple[Note, ...] = ()

    @cached_property
    def judged(self) -> DeliveryRecord:
        """The part of the record that is looked at message by message: all of it, if it isn't too long."""
        return narrowed(self.record, max(MOST_JUDGED // len(self.record.subscribers), LEAST_JUDGED))

    @cached_property
    def audit(self) -> Audit:
        """What is wrong with that part."""
        return audit(self.judged)

    def is_pending(self, lost: Lost) -> bool:
        """Whether a message may still be on its way: no fault explains it, and nothing sent later has arrived."""
        return lost.blame.phase in ("resumed", "no fault") and lost.send.at > self._latest.get(
            lost.subscriber, -math.inf
        )

    @cached_property
    def _latest(self) -> dict[str, float]:
        """For each subscriber, when the latest message was sent that has arrived."""
        sent_at = {send.id: send.at for send in reversed(self.judged.sends)}
        latest: dict[str, float] = {}
        for id_, _, subscriber in self.judged.deliveries:
            at = sent_at.get(id_, -math.inf)
            if at > latest.get(subscriber, -math.inf):
                latest[subscriber] = at
        return latest

    @cached_property
    def sent(self) -> list[float]:
        """When messages were sent, in order."""
        return _near([send.at for send in self.record.sends], self.record.now)

    @cached_property
    def received(self) -> dict[str, list[float]]:
        """When each subscriber got messages, in order."""
        times: dict[str, list[float]] = {subscriber: [] for subscriber in self.record.subscribers}
        for _, at, subscriber in self.record.deliveries:
            times.setdefault(subscriber, []).append(at)
        return {subscriber: _near(given, self.record.now) for subscriber, given in times.items()}

    @property
    def strays(self) -> int:
        """How many messages have times of another clock."""
        near = len(self.sent) + sum(map(len, self.received.values()))
        return len(self.record.sends) + len(self.record.deliveries) - near


@dataclass(frozen=True)
class Facts:
    """Everything that is known of a failed test."""

    links: tuple[LinkFacts, ...] = ()
    ledgers: tuple[LedgerFacts, ...] = ()
    #: The test's own notes.
    notes: tuple[Note, ...] = ()
    #: What else could explain the failure, a line each.
    remarks: tuple[str, ...] = ()
    #: The last line: how to repeat the run.
    replay: str = ""
    #: The steps of plans that never came into force, a line each.
    unfired: tuple[str, ...] = ()
    #: When a server was down or paused.
    server_outages: tuple[Outage, ...] = ()

    @cached_property
    def all_notes(self) -> list[Note]:
        """The notes of the test and of its ledgers, in order of time."""
        given = chain(self.notes, *(ledger.notes for ledger in self.ledgers))
        return sorted((note for note in given if abs(note.at - self.now) < FAR), key=lambda note: note.at)

    @cached_property
    def now(self) -> float:
        """When the story ends."""
        known = [*(link.history.now for link in self.links), *(ledger.record.now for ledger in self.ledgers)]
        return max(known, default=max((note.at for note in self.notes), default=0.0))

    @cached_property
    def first_fault(self) -> float | None:
        """When the first fault struck, or the first server went away."""
        struck = (span.started_at for link in self.links for span in link.history.faults)
        return min(chain(struck, (outage.started_at for outage in self.server_outages)), default=None)

    @cached_property
    def is_empty(self) -> bool:
        """Whether nothing happened at all."""
        return not self.all_notes and not any(self.messages) and not any(happened(link) for link in self.links)

    @property
    def messages(self) -> list[Sequence[float]]:
        """The times of messages: some sequences, each in order."""
        return [times for ledger in self.ledgers for times in (ledger.sent, *ledger.received.values())]


def ranked(links: Iterable[LinkFacts]) -> list[LinkFacts]:
    """Put links in order of what they have to tell: those that were broken first, then those that were used."""
    return sorted(links, key=_matters)


def _matters(link: LinkFacts) -> tuple[bool, bool, float]:
    first = min((span.started_at for span in link.history.faults), default=0.0)
    return not link.history.faults, not happened(link), first


def happened(link: LinkFacts) -> bool:
    """Whether anything did on a link."""
    history = link.history
    return bool(len(history.dials) or history.connections or history.faults or history.armed)


def moments(facts: Facts) -> list[float]:
    """Return the times of all that happened but messages, and of the end."""
    times = [note.at for note in facts.all_notes]
    for link in facts.links:
        history = link.history
        times += [dial.at for dial in history.dials]
        for connection in history.connections:
            times += _ends(connection.opened_at, connection.closed_at)
        for span in history.faults:
            times += _ends(span.started_at, span.healed_at)
        times += [armed.armed_at for armed in history.armed]
    times += [connect.at for ledger in facts.ledgers for connect in ledger.record.connects]
    return [*(at for at in times if abs(at - facts.now) < FAR), facts.now]


def _ends(start: float, end: float | None) -> Iterable[float]:
    return (start,) if end is None else (start, end)


def _near(times: list[float], now: float) -> list[float]:
    """Keep the ``times``, which are in order, that can be of the same clock as ``now``."""
    if times and now - FAR <= times[0] and times[-1] <= now + FAR:
        return times
    return [at for at in times if abs(at - now) <= FAR]
