"""What arrived out of order, and where there is a gap, for each sender and subscriber. Pure, linear but for sorting.

A message's place is that of its send among those of its sender. An id that was sent more than once may stand for any of
its sends, as long as each delivery stands for another one: it gets the benefit of the doubt. So does an id that several
senders sent: it has no place in any one's order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from ..ledger import Delivery, Send
    from .index import SendIndex


class Disorder(NamedTuple):
    """A delivery that came after one that was sent later."""

    id: Hashable
    subscriber: str
    #: The id that was sent later and came first.
    after: Hashable


class Skip(NamedTuple):
    """A jump in what a subscriber got of a sender: what was acknowledged in between, and never came."""

    #: In order of time.
    sends: tuple[Send, ...]
    subscriber: str
    #: The ids around the gap, in the order of sending: both were delivered.
    after: Hashable
    before: Hashable


def disorders(
    sent: SendIndex, deliveries: Sequence[Delivery], counts: Mapping[Hashable, int], subscriber: str
) -> Iterator[Disorder]:
    """Find deliveries to one subscriber that came too late in their sender's order; duplicates aside."""
    sends, first, repeated = sent.sends, sent.first, sent.repeated
    ahead: dict[str, int] = {}
    turns: dict[Hashable, int] = defaultdict(int)
    several = repeated.keys() | {id_ for id_, count in counts.items() if count > 1}
    for id_, _, _ in deliveries:
        position = first.get(id_)
        if position is None or id_ in sent.shared:
            continue
        sender = sends[position].sender
        if id_ in several:
            turn = turns[id_]
            turns[id_] += 1
            positions = repeated.get(id_, (position,))
            if turn >= len(positions):
                continue  # A duplicate, and reported as that: it says nothing about the order.
            # Each later delivery of this id needs a send of its own, so the last ones are spoken for.
            choices = len(positions) - (min(counts[id_], len(positions)) - turn - 1)
            choice = bisect_right(positions, ahead.get(sender, -1), turn, choices)
            position = positions[choice] if choice < choices else -1
        if position > ahead.get(sender, -1):
            ahead[sender] = position
        else:
            yield Disorder(id_, subscriber, sends[ahead[sender]].id)


def skips(sent: SendIndex, lost: Sequence[int], counts: Mapping[Hashable, int], subscriber: str) -> Iterator[Skip]:
    """Find the gaps in what one subscriber got of each sender.

    A loss lies in a gap if something sent before it arrived, sooner or later, and something sent after it, of the same
    sender. Of an id that was sent more than once and arrived less often, as many losses as can be lie outside.

    Args:
        sent: All sends.
        lost: The positions of those that this subscriber lost, in order.
        counts: How often this subscriber got each id.
        subscriber: Its name.
    """
    if not lost:
        return
    arrived = _arrived(sent, counts)
    missing = sorted(_between(sent, lost, arrived))
    by_sender: dict[str, list[int]] = defaultdict(list)
    for at in missing:
        by_sender[sent.sends[at].sender].append(at)
    for sender, positions in by_sender.items():
        places = arrived[sender]
        for place, gap in groupby(positions, key=lambda at: bisect_left(places, at)):
            around = sent.sends[places[place - 1]].id, sent.sends[places[place]].id
            yield Skip(tuple(sent.sends[at] for at in gap), subscriber, *around)


def _arrived(sent: SendIndex, counts: Mapping[Hashable, int]) -> Mapping[str, Sequence[int]]:
    """Return the positions, by sender, of the sends that are known to have arrived: with all others of the same id."""
    unsure = sent.shared | {id_ for id_, tally in sent.tallies.items() if counts.get(id_, 0) < tally.attempts}
    arrived: dict[str, list[int]] = defaultdict(list)
    for at, send in enumerate(sent.sends):
        if send.id in counts and send.id not in unsure:
            arrived[send.sender].append(at)
    return arrived


def _between(sent: SendIndex, lost: Sequence[int], arrived: Mapping[str, Sequence[int]]) -> Iterator[int]:
    """Yield the lost positions that lie between two that arrived of the same sender."""
    again: dict[Hashable, int] = defaultdict(int)
    for at in lost:
        id_ = sent.sends[at].id
        if id_ in sent.repeated:
            again[id_] += 1
        elif _is_inside(sent, at, arrived):
            yield at
    for id_, count in again.items():
        if id_ in sent.shared:
            continue
        accepted = [at for at in sent.repeated[id_] if sent.sends[at].outcome == "ok"]
        inside = [at for at in accepted if _is_inside(sent, at, arrived)]
        outside = len(accepted) - len(inside)
        if count > outside:
            yield from inside[outside - count :]


def _is_inside(sent: SendIndex, at: int, arrived: Mapping[str, Sequence[int]]) -> bool:
    places = arrived.get(sent.sends[at].sender, ())
    return len(places) > 0 and places[0] < at < places[-1]
