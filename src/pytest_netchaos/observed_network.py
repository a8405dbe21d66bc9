"""A network as who watches it has it: its links, what was noted, and all that was seen, in one order."""

from __future__ import annotations

import time
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING

from .errors import NetchaosError, hide_own_errors
from .history import History, Lag, Outage, merge_outages
from .judging.attribution import disjoint
from .lags.lag import LagMonitor
from .lags.lateness import remarks
from .ledger import Note
from .recorded import began_at
from .timeline import Entry, Timeline, entries, messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .ledger import Ledger
    from .link import Link

__tracebackhide__ = hide_own_errors


class ObservedNetwork:
    """Everything about a network but how links are made, and taken down."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        self._notes: list[Entry] = []
        self._ledgers: list[Ledger] = []
        self._began_at = time.monotonic()
        self._servers_attended: list[tuple[str, Callable[[], Iterable[Outage]]]] = []
        self._lag_monitor = LagMonitor()

    @property
    def links(self) -> Mapping[str, Link]:
        """The links by name, in the order in which they were made."""
        return MappingProxyType(self._links)

    def note(self, text: str) -> float:
        """Write a line of your own into the timeline; return its monotonic time."""
        entry = Entry(time.monotonic(), "", "note", text)
        self._notes.append(entry)
        return entry.at

    @property
    def notes(self) -> tuple[Entry, ...]:
        """What `note` has written, in the order in which that was called."""
        return tuple(self._notes)

    def all_notes(self) -> tuple[Note, ...]:
        """The lines that were noted here and in the ledgers, in order of time."""
        notes = [Note(entry.at, entry.text) for entry in self._notes]
        notes += (note for ledger in self._ledgers for note in ledger.notes)
        notes += self.server_notes()
        return tuple(sorted(notes, key=attrgetter("at")))

    @property
    def timeline(self) -> Timeline:
        """What happened until now, on all links and in the test, in one order.

        Raises:
            EngineDied: there is no engine any more to ask for the latest; see `recall`.
        """
        return self._merge(link.history() for link in self._links.values())

    def recall(self) -> Timeline:
        """What is known of what happened, without asking the engine: for when it is dead."""
        return self._merge(link.recall() for link in self._links.values())

    @property
    def lags(self) -> tuple[Lag, ...]:
        """When this process, or an event loop that links were used in, stood still for 50 ms or more."""
        return self._lag_monitor.lags()

    def stop_watch(self) -> None:
        """Look for lags no longer: the test is over, and what pytest does next makes no client of it late."""
        self._lag_monitor.stop()

    def remarks(self) -> list[str]:
        """Say what may explain a failure and was no fault of the network: the lags, in the timeline's seconds."""
        lags = self.lags
        if not lags:
            return []
        records = [ledger.record(outages=()) for ledger in self._ledgers]
        return remarks(lags, began_at(self.histories(), records, self.all_notes()))

    def histories(self) -> tuple[History, ...]:
        """What each link saw until now; of a dead engine's links, what is known."""
        try:
            return tuple(link.history() for link in self._links.values())
        except NetchaosError:
            return tuple(link.recall() for link in self._links.values())

    def outages(self) -> tuple[Outage, ...]:
        """The stretches of time in which a breaking fault was in force on any link, or a server was down or paused."""
        of_links = merge_outages(span for history in self.histories() for span in history.faults)
        return disjoint([*of_links, *self.server_outages()])

    def server_outages(self) -> tuple[Outage, ...]:
        """The stretches of time in which a server was down or paused, server by server."""
        return tuple(outage for _, outage in self._outages_of_servers())

    def attend(self, name: str, outages: Callable[[], Iterable[Outage]]) -> None:
        """Count what a server of the test goes through as outages, and have it in the timeline.

        Args:
            name: The server's.
            outages: Says when it was down or paused. What began before this network was another test's.
        """
        self._servers_attended.append((name, outages))

    def keep(self, ledger: Ledger) -> None:
        """Have what a ledger holds in the timeline, and in what is said of a failure."""
        self._ledgers.append(ledger)

    @property
    def ledgers(self) -> tuple[Ledger, ...]:
        """The ledgers that are kept with it."""
        return tuple(self._ledgers)

    def server_notes(self) -> Iterator[Note]:
        """Tell what the servers of the test went through, in words."""
        for name, outage in self._outages_of_servers():
            yield Note(outage.started_at, f"{name}: {' and '.join(outage.kinds)}")
            if outage.healed_at is not None:
                yield Note(outage.healed_at, f"{name}: back after {outage.healed_at - outage.started_at:.3f} s")

    def _outages_of_servers(self) -> Iterator[tuple[str, Outage]]:
        for name, outages in self._servers_attended:
            yield from ((name, outage) for outage in outages() if outage.started_at >= self._began_at)

    def _merge(self, histories: Iterable[History]) -> Timeline:
        merged = [*self._notes]
        for history in histories:
            merged += entries(history)
        for ledger in self._ledgers:
            # A timeline has the faults from the histories; to ask for outages once more would fail with a dead engine.
            merged += messages(ledger.record(outages=()))
            merged += (Entry(note.at, "", "note", note.text) for note in ledger.notes)
        merged += (Entry(note.at, "", "note", note.text) for note in self.server_notes())
        return Timeline(merged)
