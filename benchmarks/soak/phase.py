"""A few seconds of faults and churn, a proof that all is well again, and a look at the relay."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pytest_netchaos.engines.embedded import EmbeddedEngine
from pytest_netchaos.injection import Injection
from pytest_netchaos.link import Link
from pytest_netchaos.network import Network

from ..ownership import check_served_by
from ..relay_process import resident_bytes
from ..remote import Remote
from .churn import Tally
from .left import descriptors
from .mischief import draw_fault, draw_span
from .toxics import Toxics

T = TypeVar("T")

_LINKS = 4
#: Most faults at a time on one link; more would let nothing through.
_MOST = 3
#: Seconds before the end of the churn when all is healed.
_HEALED = 0.3
#: Seconds that a call may take.
_SLOW = 1.0
#: Bytes that each connection carries to prove that all is well, and how many there are for each link.
_PROOF, _PROOFS = 1_000_000, 4


@dataclass
class Diary:
    """What happened in all phases."""

    tally: Tally = field(default_factory=Tally)
    calls: int = 0
    slowest: float = 0.0
    memory: list[float] = field(default_factory=list)
    descriptors: list[float] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)

    def timed(self, what: str, call: Callable[[], T]) -> T:
        """Make a call, and note how long it took."""
        began = time.monotonic()
        value = call()
        took = time.monotonic() - began
        self.calls += 1
        self.slowest = max(self.slowest, took)
        if took > _SLOW:
            self.tally.troubles.append(f"{what} took {took:.1f} s")
        return value


class Phase:
    """One phase.

    Args:
        engine: The relay.
        upstream: The server.
        churns: The processes that visit it.
        toxics: The same relay's API; ``None`` if it has none.
        diary: Where it notes what happened.
        chance: What everything is drawn from.
    """

    def __init__(
        self,
        engine: EmbeddedEngine,
        upstream: tuple[str, int],
        churns: Sequence[Remote],
        toxics: Toxics,
        diary: Diary,
        chance: random.Random,
    ) -> None:
        self._engine = engine
        self._upstream = upstream
        self._churns = churns
        self._toxics = toxics
        self._diary = diary
        self._chance = chance

    def run(self, seconds: float) -> None:
        """Do all of it: so many seconds of faults, and what comes after."""
        network = Network(lambda: self._engine, seed=self._chance.getrandbits(32))
        links = [self._diary.timed("link()", lambda: network.link(self._upstream)) for _ in range(_LINKS)]
        self._diary.timed("history()", links[-1].history)
        addresses = [link.address for link in links]
        if self._toxics:
            addresses += self._toxics.make_proxies(self._upstream)
        for _, port in addresses:
            check_served_by(port, self._engine.pid)
        self._diary.ports |= {port for _, port in addresses}
        for churn in self._churns:
            churn.start("run", addresses, seconds, self._chance.getrandbits(32))
        self._trouble(links, time.monotonic() + seconds - _HEALED)
        self._gather()
        for churn in self._churns:
            churn.start("prove", addresses * _PROOFS, _PROOF)
        self._gather()
        if self._toxics:
            self._toxics.delete_proxies()
        self._diary.timed("close()", network.close)
        self._engine.channel.request("sync")  # it has closed all
        self._diary.memory.append(resident_bytes(self._engine.pid))
        self._diary.descriptors.append(descriptors(self._engine.pid))

    def _trouble(self, links: list[Link], until: float) -> None:
        """Inject and heal at random; in the end nothing is in force."""
        in_force: dict[Link, list[Injection]] = {link: [] for link in links}
        while time.monotonic() < until:
            time.sleep(self._chance.uniform(0.001, 0.03))
            link = self._chance.choice(links)
            if len(in_force[link]) == _MOST or (in_force[link] and self._chance.random() < 0.4):
                injection = in_force[link].pop(self._chance.randrange(len(in_force[link])))
                self._diary.timed(f"heal() of {injection.fault}", injection.heal)
            else:
                in_force[link].append(self._inject(link))
            if self._toxics:
                self._toxics.change_one(self._chance)
        for link in links:
            self._diary.timed("link.heal()", link.heal)
        if self._toxics:
            self._toxics.remove_all()

    def _inject(self, link: Link) -> Injection:
        fault = draw_fault(self._chance)
        span = draw_span(self._chance, fault)
        return self._diary.timed(str(fault), lambda: link.inject(fault, for_=span))

    def _gather(self) -> None:
        for churn in self._churns:
            self._diary.tally.add(churn.result(60))
