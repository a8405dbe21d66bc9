"""The time axis of the picture: which times are shown, in which column, under which labels. Pure.

Time runs evenly from column to column, but long stretches in which nothing happened are cut out: those that are
longer than ``IDLE`` of all that remains in the picture, and longer than ``STEADY`` where messages passed and nothing
else happened. Each cut takes one column. Where little happened, or in little time, nothing is cut out: there would be
no more to see, and how long nothing happened is easier seen than read.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Shares of what is left of the picture; see above. This project's own choice.
IDLE, STEADY = 0.6, 0.85
#: Times, and seconds, that have to be there before a cut is worth it.
_FEW, _SHORT = 6, 0.5
#: Each cut takes a column, and makes the picture harder to read.
MOST_CUTS = 4
#: Seconds that are kept on each side of a cut, at least: closer together, things look as if they were one.
MARGIN = 0.02
#: Columns from one label to the next, at least.
_LABEL = 9
#: Messages that are looked at one by one in search of idle stretches.
_SAMPLE = 2000


class Cut(NamedTuple):
    """A stretch of time that the picture leaves out."""

    column: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of time that is shown in columns of equal length."""

    start: float
    end: float
    first: int
    columns: int

    def column(self, at: float) -> int:
        share = (at - self.start) / (self.end - self.start) if self.end > self.start else 0.0
        return self.first + min(max(int(share * self.columns), 0), self.columns - 1)

    def edges(self) -> list[float]:
        step = (self.end - self.start) / self.columns
        return [self.start + step * n for n in range(self.columns)]


@dataclass(frozen=True, slots=True)
class Axis:
    """Made by `axis_over`."""

    #: What all times in the story are counted from.
    zero: float
    columns: int
    cuts: tuple[Cut, ...]
    _pieces: tuple[_Piece, ...]

    def column(self, at: float) -> int:
        """Return the column of a time; of one that is left out, the column of its cut."""
        at_piece = bisect_right([piece.start for piece in self._pieces], at) - 1
        piece = self._pieces[max(at_piece, 0)]
        if at > piece.end and at_piece + 1 < len(self._pieces):
            return piece.first + piece.columns
        return piece.column(at)

    def counts(self, times: Sequence[float]) -> list[int]:
        """Count the ``times``, which are in order, in each column."""
        counts = [0] * self.columns
        for piece in self._pieces:
            places = [bisect_left(times, edge) for edge in piece.edges()]
            places.append(bisect_right(times, piece.end))
            for column, (low, high) in enumerate(pairwise(places), piece.first):
                counts[column] = high - low
        return counts

    def labels(self) -> str:
        """Write round times above their columns."""
        row = [" "] * (self.columns + _LABEL)
        free = 0
        step = self._step()
        digits = max(0, -math.floor(math.log10(step) + 1e-9), 1)
        for piece in self._pieces:
            for at in self._ticks(piece, step) or [piece.start]:
                column = piece.column(at)
                text = f"{at - self.zero:.{digits}f}"
                if column >= free and column + len(text) <= self.columns:
                    row[column : column + len(text)] = text
                    free = column + len(text) + 1
        return "".join(row[: self.columns]).rstrip()

    def _step(self) -> float:
        """Return the least of 1, 2, 5, 10 … seconds, or parts of one, that leaves room for the labels."""
        shown = sum(piece.end - piece.start for piece in self._pieces)
        least = shown / sum(piece.columns for piece in self._pieces) * _LABEL
        power = 10.0 ** math.floor(math.log10(least))
        return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)

    def _ticks(self, piece: _Piece, step: float) -> list[float]:
        first = math.ceil((piece.start - self.zero) / step - 1e-6)
        last = math.floor((piece.end - self.zero) / step + 1e-6)
        return [self.zero + n * step for n in range(first, last + 1)]


def axis_over(events: Iterable[float], messages: Iterable[Sequence[float]], columns: int) -> Axis:
    """Choose what to show.

    Args:
        events: The times of all that happened but messages. In any order.
        messages: Those of messages: some sequences, each in order.
        columns: The width of the picture.
    """
    keys = sorted(events)
    points = sorted([*keys, *(at for times in messages for at in _sample(times))])
    if not points:
        points = [0.0]
    zero, end = points[0], points[-1]
    if end - zero < MARGIN:
        end = zero + MARGIN
    pieces = _layout(_kept(zero, end, _gaps(points, keys)), columns)
    cuts = tuple(Cut(a.first + a.columns, a.end, b.start) for a, b in pairwise(pieces))
    return Axis(zero, columns, cuts, tuple(pieces))


def _sample(times: Sequence[float]) -> Sequence[float]:
    if len(times) <= _SAMPLE:
        return times
    return [*times[:: len(times) // _SAMPLE], times[-1]]


def _gaps(points: Sequence[float], keys: Sequence[float]) -> list[tuple[float, float]]:
    """Return the stretches to leave out, in order."""
    if len({*points}) <= _FEW:
        return []
    rest = points[-1] - points[0]
    gaps: list[tuple[float, float]] = []
    for gap in sorted(pairwise(points), key=_length, reverse=True)[:MOST_CUTS]:
        if _length(gap) <= max(IDLE * rest, _SHORT) or _length(gap) >= rest:
            break
        gaps.append(gap)
        rest -= _length(gap)

    def still_shown(gap: tuple[float, float]) -> float:
        return _length(gap) - sum(_length(cut) for cut in gaps if gap[0] <= cut[0] and cut[1] <= gap[1])

    for gap in sorted(pairwise(keys), key=still_shown, reverse=True)[:MOST_CUTS]:
        length = still_shown(gap)
        if length <= max(STEADY * rest, _SHORT) or length >= rest:
            break
        gaps = [cut for cut in gaps if not (gap[0] <= cut[0] and cut[1] <= gap[1])] + [gap]
        rest -= length
    return sorted(gaps)[:MOST_CUTS]


def _length(gap: tuple[float, float]) -> float:
    return gap[1] - gap[0]


def _kept(start: float, end: float, gaps: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    rest = end - start - sum(map(_length, gaps))
    kept = []
    for gap in gaps:
        margin = min(max(0.1 * rest, MARGIN), _length(gap) / 4)
        kept.append((start, gap[0] + margin))
        start = gap[1] - margin
    return [*kept, (start, end)]


def _layout(kept: Sequence[tuple[float, float]], columns: int) -> list[_Piece]:
    room = columns - (len(kept) - 1)
    total = sum(map(_length, kept))
    widths = [max(2, int(_length(stretch) / total * room)) for stretch in kept]
    widths[widths.index(max(widths))] += room - sum(widths)
    pieces, first = [], 0
    for (start, end), width in zip(kept, widths, strict=True):
        pieces.append(_Piece(start, end, first, width))
        first += width + 1
    return pieces
