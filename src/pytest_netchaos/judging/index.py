"""The sends of a record, by id. Pure, linear, and small: there may be a million of them.

A dictionary of whole numbers costs a quarter of one of lists, in time and in memory, so only ids that were sent more
than once have a list.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ..ledger import Send


class Tally(NamedTuple):
    """How often an id was sent, and how that ended."""

    attempts: int
    accepted: int
    unclear: int


class Absent(NamedTuple):
    """What one subscriber didn't get, as positions among the sends, in order."""

    #: Acknowledged: lost.
    lost: list[int]
    #: Acknowledged or unclear: it may still come.
    unseen: list[int]


@dataclass(frozen=True, slots=True)
class SendIndex:
    """Where each id is among the sends. Made by `index`."""

    #: In order of time.
    sends: Sequence[Send]
    #: The position of the first send of each id.
    first: Mapping[Hashable, int]
    #: All positions, in order, of the ids that were sent more than once.
    repeated: Mapping[Hashable, Sequence[int]]
    #: How these ended.
    tallies: Mapping[Hashable, Tally]
    #: Ids that more than one sender sent.
    shared: AbstractSet[Hashable]

    def tally(self, id_: Hashable) -> Tally:
        """Count the sends of ``id_``, which was sent."""
        if (tally := self.tallies.get(id_)) is not None:
            return tally
        outcome = self.sends[self.first[id_]].outcome
        return Tally(1, int(outcome == "ok"), int(outcome == "info"))

    def absent(self, counts: Mapping[Hashable, int]) -> Absent:
        """Return what didn't arrive, given how often each id did.

        An id that was sent more often than it arrived lacks its last sends. What arrived is put down to the
        acknowledged sends first, and then to the unclear ones.
        """
        sends, repeated = self.sends, self.repeated
        missing = [at for at, send in enumerate(sends) if send.id not in counts and send.outcome != "fail"]
        if repeated:
            missing = [at for at in missing if sends[at].id not in repeated]
        lost = [at for at in missing if sends[at].outcome == "ok"]
        for id_, positions in repeated.items():
            got, (_, accepted, _) = counts.get(id_, 0), self.tallies[id_]
            over = [at for at in positions if sends[at].outcome == "ok"][got:]
            lost += over
            missing += over
            missing += [at for at in positions if sends[at].outcome == "info"][max(0, got - accepted) :]
        if repeated:
            lost.sort()
            missing.sort()
        return Absent(lost, missing)


def index(sends: Sequence[Send]) -> SendIndex:
    """Look up where each id is among ``sends``."""
    ids = [send.id for send in sends]
    # From the last to the first, so that of an id's positions the first one stays.
    first: dict[Hashable, int] = dict(zip(reversed(ids), reversed(range(len(ids))), strict=True))
    repeated: dict[Hashable, list[int]] = {}
    if len(first) < len(ids):
        for position, id_ in enumerate(ids):
            if first[id_] != position:
                repeated.setdefault(id_, [first[id_]]).append(position)
    tallies = {id_: _tally([sends[at] for at in positions]) for id_, positions in repeated.items()}
    shared = {id_ for id_, positions in repeated.items() if len({sends[at].sender for at in positions}) > 1}
    return SendIndex(sends, first, repeated, tallies, shared)


def _tally(sends: Sequence[Send]) -> Tally:
    outcomes = Counter(send.outcome for send in sends)
    return Tally(len(sends), outcomes["ok"], outcomes["info"])
