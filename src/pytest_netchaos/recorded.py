"""All that is known of one test when it has ended, as one frozen value: what its JSON timeline holds. No I/O."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from .history import History, Lag
from .judging.clocks import FAR
from .ledger import DeliveryRecord, Note
from .timeline import Entry, Timeline, entries, messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .network import Network


@dataclass(frozen=True, slots=True)
class RunOfTest:
    """Which test it was, and how to run it again."""

    #: Its node id.
    test: str
    #: ``"passed"``, ``"failed"`` or ``"skipped"``, of its setup and call; empty where it wasn't called.
    outcome: str = ""
    #: The option ``--netchaos-seed``, which draws the same random decisions again.
    run_seed: int = 0
    #: As ``--netchaos-engine`` takes it.
    engine: str = "embedded"


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What the links, ledgers and notes of one test saw, as they were when it ended: before its links were healed.

    Matchers judge what is in it: ``recorded.links["db"] == reconnected(within=1)``,
    ``recorded.ledgers[0] == exactly_once()``.
    """

    run: RunOfTest
    #: The test's own seed.
    seed: int = 0
    #: The first event, on the clock of all the times in here: 0.0 in one that was loaded.
    zero: float = 0.0
    #: The time of day of the first event, in seconds since 1970 (UTC).
    unix_zero: float = 0.0
    #: By name, in the order in which they were made.
    links: Mapping[str, History] = field(default_factory=dict)
    #: Where each link leads, in words.
    upstreams: Mapping[str, str] = field(default_factory=dict)
    ledgers: tuple[DeliveryRecord, ...] = ()
    #: In order of time.
    notes: tuple[Note, ...] = ()
    #: When the test's process or its event loop stood still.
    lags: tuple[Lag, ...] = ()
    #: What else a reader should know, a line each.
    remarks: tuple[str, ...] = ()

    @property
    def timeline(self) -> Timeline:
        """What happened, in one order."""
        return Timeline(self._entries())

    def _entries(self) -> Iterator[Entry]:
        for note in self.notes:
            yield Entry(note.at, "", "note", note.text)
        for history in self.links.values():
            yield from entries(history)
        for record in self.ledgers:
            yield from messages(record)


def capture(network: Network, run: RunOfTest) -> RecordedRun:
    """Record a network as it is now."""
    links = {history.link: history for history in network.histories()}
    records = tuple(ledger.record() for ledger in network.ledgers)
    notes = network.all_notes()
    zero = began_at(links.values(), records, notes)
    return RecordedRun(
        run,
        network.seed,
        zero,
        time.time() - (time.monotonic() - zero),
        links,
        {link.name: link.upstream for link in network.links.values()},
        records,
        notes,
        network.lags,
        tuple(network.remarks()),
    )


def began_at(histories: Iterable[History], records: Iterable[DeliveryRecord], notes: Sequence[Note]) -> float:
    """Return the time of the first event; now, where there was none. A time of another clock doesn't count."""
    now = time.monotonic()
    times = [note.at for note in notes]
    for history in histories:
        times += [dial.at for dial in history.dials]
        times += [connection.opened_at for connection in history.connections]
        times += [span.started_at for span in history.faults]
        times += [armed.armed_at for armed in history.armed]
    for record in records:
        for events in (record.sends, record.deliveries, record.connects):
            times += islice((event.at for event in events if abs(event.at - now) < FAR), 1)
    return min((at for at in times if abs(at - now) < FAR), default=now)
