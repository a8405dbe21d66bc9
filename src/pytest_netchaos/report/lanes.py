"""The lanes of links and connections: which state, in which column. Pure."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from .facts import ranked
from .words import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..history import Connection, Dial, FaultSpan, History
    from .axis import Axis
    from .facts import Facts

#: The sign of each fault in a link's lane. Where several meet in a column, the first one shows.
FAULTS = {
    "reset": "R",
    "close": "F",
    "cut": "X",
    "blackhole": "#",
    "stall": "~",
    "refuse": "/",
    "limit": "l",
    "idle_timeout": "i",
    "throttle": "t",
    "delay": "d",
    "slice": "s",
}
UP, OPEN, SERVED, WAITING, REFUSED = "=", "-", "o", ".", "x"
ENDS = {"RST": "R", "FIN": "F"}
MEANINGS = {
    UP: "up",
    SERVED: "served",
    OPEN: "open",
    WAITING: "dialled, not served yet",
    REFUSED: "refused",
    "R": "reset",
    "F": "closed with a FIN",
} | {sign: kind for kind, sign in FAULTS.items() if kind not in ("reset", "close")}


class Lane(NamedTuple):
    """A row of the picture."""

    label: str
    row: str
    #: What its signs mean, as far as it has them.
    meanings: dict[str, str]


class Picture(NamedTuple):
    """Some lanes, and what there was no room for, in words."""

    lanes: list[Lane]
    left_out: list[str]


def link_lanes(facts: Facts, axis: Axis, room: int) -> Picture:
    """Draw links, those with faults first, and of each as many connections as there is room for."""
    in_rank = ranked(facts.links)
    drawn = in_rank[: max(1, room // 3)]
    left_out = [count_of(len(in_rank) - len(drawn), "more link")] if len(in_rank) > len(drawn) else []
    room -= len(drawn)
    shares = _shares([_rows_wanted(link.history) for link in drawn], room)
    share_of = dict(zip((link.name for link in drawn), shares, strict=True))
    lanes: list[Lane] = []
    hidden = sum(len(link.history.connections) for link in in_rank[len(drawn) :])
    for link in facts.links:  # in the order in which the test made them
        if link.name not in share_of:
            continue
        lanes.append(_link_lane(link.history, axis))
        rows, more = _connection_lanes(link.history, axis, share_of[link.name])
        lanes += rows
        hidden += more
    if hidden:
        left_out.append(count_of(hidden, "more connection"))
    return Picture(lanes, left_out)


def _rows_wanted(history: History) -> int:
    left = bool(_unplaced(history))
    return len(history.connections) + left


def _unplaced(history: History) -> Sequence[Dial]:
    """Return the dials after the last one that was served: no connection's lane has a place for them."""
    last = history.connections[-1].dial if history.connections else 0
    return [dial for dial in history.dials[last:] if dial.outcome != "served"]


def _shares(wanted: Sequence[int], room: int) -> list[int]:
    """Give each in turn one more, as long as there is room and somebody wants it."""
    shares = [0] * len(wanted)
    while room > 0 and any(share < want for share, want in zip(shares, wanted, strict=True)):
        for place, want in enumerate(wanted):
            if shares[place] < want and room > 0:
                shares[place] += 1
                room -= 1
    return shares


def _link_lane(history: History, axis: Axis) -> Lane:
    row = [UP] * axis.columns
    for kind in reversed(FAULTS):
        for span in history.faults:
            if span.fault.kind == kind:
                _fill(row, axis, span.started_at, _end_of(span, history.now), FAULTS[kind])
    return Lane(history.link, "".join(row), MEANINGS)


def _end_of(span: FaultSpan | Connection, now: float) -> float:
    end = span.healed_at if hasattr(span, "healed_at") else span.closed_at
    return now if end is None else end


def _fill(row: list[str], axis: Axis, start: float, end: float, sign: str) -> None:
    first, last = axis.column(start), axis.column(end)
    row[first : last + 1] = sign * (last + 1 - first)


def _connection_lanes(history: History, axis: Axis, room: int) -> tuple[list[Lane], int]:
    """Draw the connections that matter most, each with the dials that were refused before it."""
    unplaced = _unplaced(history)
    if room <= 0:
        return [], len(history.connections)
    chosen = _chosen(history, room - 1 if unplaced else room)
    lanes = []
    for connection in history.connections:
        if connection.number not in chosen:
            continue
        before = history.connections[connection.number - 2].dial if connection.number > 1 else 0
        row = [" "] * axis.columns
        _draw_dials(row, axis, history.dials[before : connection.dial - 1], history.now)
        _draw_connection(row, axis, connection, history)
        lanes.append(Lane(f"  conn#{connection.number}", "".join(row), MEANINGS))
    if unplaced:
        row = [" "] * axis.columns
        _draw_dials(row, axis, unplaced, history.now)
        lanes.append(Lane("  dials", "".join(row), MEANINGS))
    return lanes, len(history.connections) - len(chosen)


def _chosen(history: History, room: int) -> set[int]:
    """Choose connections: the first, the last, those that a fault ended, those that came after a heal, and others."""
    connections = history.connections
    if len(connections) <= room:
        return {connection.number for connection in connections}
    opened = [connection.opened_at for connection in connections]
    back = [bisect_left(opened, outage.healed_at) for outage in history.outages if outage.healed_at is not None]
    by_fault = [place for place, connection in enumerate(connections) if connection.closed_by == "fault"]
    wanted = [*by_fault[:1], *back[:1], 0, len(connections) - 1, *_paired(by_fault[1:], back[1:])]
    order = dict.fromkeys([*(place for place in wanted if place < len(connections)), *range(room)])
    return {connections[place].number for place in [*order][:room]}


def _paired(some: Sequence[int], others: Sequence[int]) -> Iterable[int]:
    longest = max(len(some), len(others))
    return (given[n] for n in range(longest) for given in (some, others) if n < len(given))


def _draw_dials(row: list[str], axis: Axis, dials: Iterable[Dial], now: float) -> None:
    for dial in dials:
        if dial.outcome == "refused":
            row[axis.column(dial.at)] = REFUSED
        elif dial.outcome == "pending":
            _fill(row, axis, dial.at, now, WAITING)


def _draw_connection(row: list[str], axis: Axis, connection: Connection, history: History) -> None:
    is_known = 1 <= connection.dial <= len(history.dials)
    dialled = history.dials[connection.dial - 1].at if is_known else connection.opened_at
    first, last = axis.column(connection.opened_at), axis.column(_end_of(connection, history.now))
    waited = range(axis.column(min(dialled, connection.opened_at)), first)
    for column in waited:
        row[column] = WAITING
    row[first : last + 1] = OPEN * (last + 1 - first)
    row[first] = SERVED
    if connection.close_how is not None:
        # An end in the column of the beginning would hide it: it moves on by one.
        row[min(last + (first == last), axis.columns - 1)] = ENDS[connection.close_how]
