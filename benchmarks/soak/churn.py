"""Connections that come and go, in a process of their own."""

from __future__ import annotations

import random
import select
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .visit import End, Plan, Visit, WrongBytes

_AT_ONCE = 24
#: Seconds without a byte after which a client gives up, while there are faults.
_PATIENCE = 1.0
#: Seconds in which everything has to come to its end once all is healed.
_DRAIN = 10.0
_PLANS = (Plan.FINISH,) * 4 + (Plan.ABANDON, Plan.IDLE)
_LARGEST = 2_000_000
#: Longest sleep in epoll, in seconds: patience is looked after in between.
_TICK = 0.02


@dataclass
class Tally:
    """What came of it."""

    visits: int = 0
    bytes: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    #: What must not have happened.
    troubles: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add another's."""
        self.visits += other.visits
        self.bytes += other.bytes
        self.ends += other.ends
        self.troubles += other.troubles


class Churn:
    """Keeps some connections going."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._visits: dict[int, Visit] = {}
        self._heard: dict[int, float] = {}
        self._tally = Tally()

    def run(self, addresses: Sequence[tuple[str, int]], seconds: float, seed: int) -> Tally:
        """Visit for so long, while there are faults; then let what is under way come to its end, which it has to."""
        chance = random.Random(seed)
        self._tally = Tally()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while len(self._visits) < _AT_ONCE:
                self._begin(_draw(chance, addresses))
            self._turn()
            self._look_after_patience(chance)
        self._drain("faults were healed")
        return self._tally

    def prove(self, addresses: Sequence[tuple[str, int]], size: int) -> Tally:
        """Visit each address while nothing is wrong with it: every visit has to be complete."""
        self._tally = Tally()
        for number, address in enumerate(addresses):
            self._begin(Visit(address, size, number, Plan.FINISH))
        self._drain("nothing was wrong")
        if wrong := {end: count for end, count in self._tally.ends.items() if end != End.COMPLETE.value}:
            self._tally.troubles.append(f"connections through healthy links: {wrong}")
        return self._tally

    def _begin(self, visit: Visit) -> None:
        self._visits[visit.fileno()] = visit
        self._heard[visit.fileno()] = time.monotonic()
        self._epoll.register(visit.fileno(), visit.wants)

    def _turn(self) -> None:
        for fd, _ in self._epoll.poll(_TICK):
            visit, got = self._visits[fd], self._visits[fd].got
            try:
                end = visit.go_on()
            except WrongBytes as error:
                self._tally.troubles.append(f"wrong bytes: {error}")
                end = End.GAVE_UP
            if end is not None:
                self._end(fd, end)
            else:
                self._epoll.modify(fd, visit.wants)
                if visit.got > got:
                    self._heard[fd] = time.monotonic()

    def _look_after_patience(self, chance: random.Random) -> None:
        late = time.monotonic() - _PATIENCE
        for fd in [fd for fd, heard in self._heard.items() if heard < late]:
            self._end(fd, self._visits[fd].give_up(), hard=chance.random() < 0.5)

    def _drain(self, since: str) -> None:
        deadline = time.monotonic() + _DRAIN
        for fd in [fd for fd, visit in self._visits.items() if visit.plan is Plan.IDLE]:
            self._end(fd, self._visits[fd].give_up())
        while self._visits and time.monotonic() < deadline:
            self._turn()
        for fd, visit in list(self._visits.items()):
            self._tally.troubles.append(f"{visit.got} of {visit.size} bytes {_DRAIN:g} s after {since}")
            self._end(fd, End.GAVE_UP)

    def _end(self, fd: int, end: End, *, hard: bool | None = None) -> None:
        visit = self._visits.pop(fd)
        del self._heard[fd]
        self._epoll.unregister(fd)
        visit.close(hard=end is End.ABANDONED if hard is None else hard)
        self._tally.visits += 1
        self._tally.bytes += visit.got
        self._tally.ends[end.value] += 1


def _draw(chance: random.Random, addresses: Sequence[tuple[str, int]]) -> Visit:
    size = round(_LARGEST ** chance.random())
    return Visit(chance.choice(addresses), size, chance.randrange(65_521), chance.choice(_PLANS))
