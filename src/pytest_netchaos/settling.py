"""Wait until links and ledgers are quiet: what `Network.settle` does once it has healed.

*Quiet* means that for ``quiet`` seconds no client has dialled, no dial was without an answer, no connection has opened
or closed, no byte has arrived at either end of a link, and nothing was written into a ledger. To a link a heartbeat is
bytes like any others. So one that comes more often than every ``quiet`` seconds keeps a link busy for ever, unless the
test says how many bytes that makes.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .errors import WaitTimeout, hide_own_errors
from .faults import check_duration, check_number
from .waiting import in_event_loop, sleep

if TYPE_CHECKING:
    from .history import Connection, History
    from .ledger import Ledger, LedgerCounts
    from .observed import ObservedLink

__tracebackhide__ = hide_own_errors

#: Seconds without anything that are quiet: a hundred times what a round trip through a link takes on a machine that is
#: not too busy (under 1 ms), and short enough for every test.
QUIET = 0.1
#: Seconds between two looks. A look asks each link for its bytes, which takes 0.1 ms.
_LOOK = 0.01
#: Things that an error names. With the verdict and the advice they are pytest's 8 lines.
_NAMED = 6


class Unsettled(Protocol):
    """What can be healed and looked at: a network."""

    @property
    def links(self) -> Mapping[str, ObservedLink]:
        """By name."""

    @property
    def ledgers(self) -> Sequence[Ledger]:
        """What is kept with it."""

    def heal(self) -> float:
        """Take every fault back."""


@dataclass(frozen=True, slots=True)
class Look:
    """What links and ledgers had seen at a moment between two monotonic times."""

    asked_at: float
    at: float
    histories: tuple[History, ...] = ()
    ledgers: tuple[LedgerCounts, ...] = ()


def settle(network: Unsettled, quiet: float, within: float, heartbeat_bytes: float) -> float:
    """Heal, and look until it is quiet; return the monotonic time since when it is.

    Raises:
        WaitTimeout: It wasn't in time.
        RuntimeError: An event loop runs in this thread.
    """
    settling = Settling(quiet, within, heartbeat_bytes)
    if in_event_loop():
        raise RuntimeError(
            "settle() would stop the event loop of this thread, and every client on it: use `await settle_async()`"
        )
    network.heal()
    while (pause := settling.take(_look(network))) is not None:
        time.sleep(pause)
    return settling.since


async def settle_async(network: Unsettled, quiet: float, within: float, heartbeat_bytes: float) -> float:
    """Do the same while the event loop goes on."""
    settling = Settling(quiet, within, heartbeat_bytes)
    network.heal()
    while (pause := settling.take(_look(network))) is not None:
        await sleep(pause)
    return settling.since


def _look(network: Unsettled) -> Look:
    asked_at = time.monotonic()
    histories = tuple(link.history() for link in network.links.values())
    counts = tuple(ledger.counts() for ledger in network.ledgers)
    return Look(asked_at, time.monotonic(), histories, counts)


class Settling:
    """Judges looks, one after the other. No I/O and no clock."""

    def __init__(self, quiet: float, within: float, heartbeat_bytes: float) -> None:
        """Begin with the first look.

        Raises:
            TypeError: An argument isn't a number.
            ValueError: One is out of range, or it can't be quiet for so long in so short a time.
        """
        check_duration("quiet", quiet, above=True)
        check_duration("within", within, above=True)
        check_number("heartbeat_bytes", heartbeat_bytes, low=0, high=math.inf)
        if within < quiet:
            raise ValueError(f"within must be at least quiet ({quiet!r} s), not {within!r}")
        self._quiet = quiet
        self._within = within
        self._heartbeat = heartbeat_bytes
        #: Those of the last ``quiet`` seconds, and one before.
        self._looks: deque[Look] = deque()
        #: The first one since when it is quiet.
        self._calm: Look | None = None
        self._until = math.inf

    @property
    def since(self) -> float:
        """Since when it is quiet, in monotonic seconds; to the pause between two looks."""
        assert self._calm is not None
        return self._calm.at

    def take(self, latest: Look) -> float | None:
        """Take another look; return the pause before the next one, or ``None`` if it is quiet.

        Raises:
            WaitTimeout: The time is up.
        """
        if self._calm is None:
            self._until = latest.asked_at + self._within
        if self._calm is None or any(True for _ in _unrest(self._calm, latest, self._heartbeat)):
            self._calm = latest
        self._keep(latest)
        left = self._quiet - (latest.asked_at - self._calm.at)
        if left <= 0:
            return None
        if latest.asked_at >= self._until:
            raise self._timed_out(latest)
        return min(left, _LOOK)

    def _keep(self, latest: Look) -> None:
        self._looks.append(latest)
        while len(self._looks) > 1 and self._looks[1].at <= latest.at - self._quiet:
            self._looks.popleft()

    def _timed_out(self, latest: Look) -> WaitTimeout:
        before = self._looks[0]
        unrest = list(_unrest(before, latest, self._heartbeat))
        shown = [f"  {item}" for item in unrest[:_NAMED]]
        if len(unrest) > _NAMED:
            shown[-1] = f"  … {len(unrest) - _NAMED + 1} more"
        waited = f"waited {self._within:g} s for links and ledgers to be quiet for {self._quiet:g} s"
        if not unrest:
            return WaitTimeout(f"{waited}; they have been for {latest.asked_at - self.since:.3f} s by now")
        span = f"{latest.at - before.at:.3f} s"
        return WaitTimeout("\n".join([f"{waited}; in the last {span} there were", *shown, *self._advice(unrest)]))

    def _advice(self, unrest: list[_Unrest]) -> list[str]:
        """Say what to do about bytes, where nothing else went on: they may be heartbeats."""
        if not all(item.carried for item in unrest):
            return []
        # Twice, since two looks may have more heartbeats between them than these had.
        enough = 2 * max(item.carried for item in unrest)
        return [f"if they are heartbeats, which come more often than that: settle(heartbeat_bytes={enough})"]


@dataclass(frozen=True, slots=True)
class _Unrest:
    """Something that went on between two looks."""

    where: str
    what: str
    #: Bytes, if that is all.
    carried: int = 0

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def _unrest(before: Look, after: Look, heartbeat: float) -> Iterator[_Unrest]:
    links = {history.link: history for history in before.histories}
    for history in after.histories:
        where = f"link {history.link!r}"
        earlier = links.get(history.link)
        if earlier is None:
            yield _Unrest(where, "it was made")
            continue
        yield from (_Unrest(where, what) for what in _dialling(earlier, history))
        yield from _traffic(where, earlier, history, heartbeat)
    for number, counts in enumerate(after.ledgers):
        where = "ledger" if len(after.ledgers) == 1 else f"ledger {number + 1}"
        earlier_counts = before.ledgers[number] if number < len(before.ledgers) else (0, 0, 0)
        more = [now - then for now, then in zip(counts, earlier_counts, strict=True)]
        if any(more):
            said = (f"{n} {what}" for n, what in zip(more, counts._fields, strict=True) if n)
            yield _Unrest(where, ", ".join(said))


def _dialling(before: History, after: History) -> Iterator[str]:
    new = len(after.dials) - len(before.dials)
    if new:
        yield _count(new, "dial")
    waiting = _waiting(after)
    if answered := len(_waiting(before) - waiting):
        yield f"{_count(answered, 'dial')} answered"
    if waiting:
        yield f"dial {min(waiting)} has no answer yet"
    opened = len(after.connections) - len(before.connections)
    if opened:
        yield f"{_count(opened, 'connection')} opened"
    if closed := _closed(after) - _closed(before):
        yield f"{_count(closed, 'connection')} closed"


def _waiting(history: History) -> set[int]:
    """Return the dials whose clients wait for an answer."""
    return {dial.number for dial in history.dials if dial.outcome == "pending" and dial.ended_at is None}


def _closed(history: History) -> int:
    return sum(not connection.is_open for connection in history.connections)


def _traffic(where: str, before: History, after: History, heartbeat: float) -> Iterator[_Unrest]:
    if before.connections == after.connections:  # at once, since most of them are the same objects
        return
    known = iter(before.connections)
    for connection in after.connections:
        earlier = next(known, None)
        up, down = _moved(earlier, connection)
        if up + down > heartbeat:
            what = f"connection {connection.number} carried {up} bytes up and {down} down"
            yield _Unrest(where, what, up + down)


def _moved(before: Connection | None, after: Connection) -> tuple[int, int]:
    """Return the bytes that came through, or that a fault took."""
    up, down = after.bytes_up + after.lost_up, after.bytes_down + after.lost_down
    if before is not None:
        up -= before.bytes_up + before.lost_up
        down -= before.bytes_down + before.lost_down
    return up, down


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
