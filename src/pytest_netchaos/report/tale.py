"""The history of one link, ready to be asked: who was there, and who dialled, at a time. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import Connection, Dial, History, Outage


class Tale:
    """Made once for each link; each question takes a time that doesn't grow with the length of the history."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.opened = [connection.opened_at for connection in history.connections]
        self.by_number = {connection.number: connection for connection in history.connections}
        #: Which connection met which kind of fault: the line of the fault says what became of it.
        self.hit_by = {(number, span.fault.kind) for span in history.faults for number in span.hits}
        #: The connections that the line of a heal has named as those that came after it.
        self.told_back: set[int] = set()
        self._dialled = [dial.at for dial in history.dials]
        self._in_vain = {dial.connection for dial in history.dials if dial.in_vain}
        self._outages = history.outages
        self._outages_began = [outage.started_at for outage in self._outages]
        #: For each connection, until when it or any one before it was open.
        self._open_until = [*accumulate(map(_closed_at, history.connections), max)]

    def dials_between(self, start: float, end: float) -> int:
        """Count the dials of a stretch of time, with its bounds."""
        return bisect_right(self._dialled, end) - bisect_left(self._dialled, start)

    def dial_of(self, connection: Connection) -> Dial | None:
        """Return the dial that became a connection."""
        dials = self.history.dials
        return dials[connection.dial - 1] if 1 <= connection.dial <= len(dials) else None

    def first_after(self, at: float) -> Connection | None:
        """Return the first connection that was made then or later, and not in vain."""
        connections = self.history.connections
        later = (connections[place] for place in range(bisect_left(self.opened, at), len(connections)))
        return next((connection for connection in later if connection.number not in self._in_vain), None)

    def back_after(self, healed_at: float) -> Connection | None:
        """Return the first connection after the heal of an outage, if it came before the next outage."""
        back = self.first_after(healed_at)
        return back if back is not None and back.opened_at <= self.next_outage(healed_at) else None

    def open_in(self, start: float, end: float) -> Sequence[Connection]:
        """Return the connections that were open at some time of a stretch."""
        found = []
        for place in range(bisect_right(self.opened, end) - 1, -1, -1):
            if self._open_until[place] < start:
                break
            if _closed_at(self.history.connections[place]) >= start:
                found.append(self.history.connections[place])
        return found[::-1]

    def outage_at(self, at: float) -> Outage | None:
        """Return the last outage that had begun by then."""
        place = bisect_right(self._outages_began, at) - 1
        return self._outages[place] if place >= 0 else None

    def next_outage(self, at: float) -> float:
        """Return when the next outage began after a time; without one, the end of the history."""
        place = bisect_right(self._outages_began, at)
        return self._outages_began[place] if place < len(self._outages_began) else self.history.now


def _closed_at(connection: Connection) -> float:
    return math.inf if connection.closed_at is None else connection.closed_at
