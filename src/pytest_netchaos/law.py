"""The law that one wait is drawn from, as a mixture of uniform pieces. No I/O, and nothing is drawn here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Piece(NamedTuple):
    """A share of the draws, and where they lie: evenly from ``low`` to ``high``, or all in one place."""

    weight: float
    low: float
    high: float

    def below(self, value: float) -> float:
        """Return the probability of a draw in this piece that is less than ``value``."""
        return self.weight if self.high < value else self._part(value)

    def up_to(self, value: float) -> float:
        """Return the probability of a draw in this piece of at most ``value``."""
        return self.weight if self.high <= value else self._part(value)

    def _part(self, value: float) -> float:
        if value <= self.low:
            return 0.0
        return self.weight * min(1.0, (value - self.low) / (self.high - self.low))

    def clipped(self, low: float, high: float) -> Iterable[Piece]:
        """Yield what becomes of it where draws outside of ``low..high`` are taken to its ends."""
        inside = max(low, self.low), min(high, self.high)
        if self.low == self.high:
            at = min(max(self.low, low), high)
            yield Piece(self.weight, at, at)
            return
        if self.low < low:
            yield Piece(self.up_to(low), low, low)
        if inside[0] < inside[1]:
            yield Piece(self.up_to(inside[1]) - self.up_to(inside[0]), *inside)
        if self.high > high:
            yield Piece(self.weight - self.up_to(high), high, high)


@dataclass(frozen=True, slots=True)
class Law:
    """A distribution of waits, in seconds. The weights of its pieces add up to 1."""

    pieces: tuple[Piece, ...]

    @property
    def least(self) -> float:
        """The shortest wait that can be drawn."""
        return min(piece.low for piece in self.pieces)

    @property
    def most(self) -> float:
        """The longest."""
        return max(piece.high for piece in self.pieces)

    @property
    def mean(self) -> float:
        """What draws are on average."""
        return sum(piece.weight * (piece.low + piece.high) / 2 for piece in self.pieces)

    @property
    def heaviest(self) -> float:
        """The probability of the single value that is drawn most often; 0 where none is drawn twice."""
        atoms: dict[float, float] = {}
        for piece in self.pieces:
            if piece.low == piece.high:
                atoms[piece.low] = atoms.get(piece.low, 0.0) + piece.weight
        return max(atoms.values(), default=0.0)

    def below(self, value: float) -> float:
        """Return the probability of a draw that is less than ``value``."""
        if len(self.pieces) == 1:
            return self.pieces[0].below(value)
        return min(1.0, sum([piece.below(value) for piece in self.pieces]))

    def up_to(self, value: float) -> float:
        """Return the probability of a draw of at most ``value``."""
        if len(self.pieces) == 1:
            return self.pieces[0].up_to(value)
        return min(1.0, sum([piece.up_to(value) for piece in self.pieces]))

    def quantile(self, value: float) -> float:
        """Return where ``value`` lies among the draws: 0 before all, 1 behind all, in the middle of its equals."""
        return (self.below(value) + self.up_to(value)) / 2

    def clipped(self, low: float, high: float) -> Law:
        """Return the law of the same draws, where those outside of ``low..high`` are taken to its ends."""
        if low <= self.least and self.most <= high:
            return self
        return Law(tuple(part for piece in self.pieces for part in piece.clipped(low, high)))


def uniform(low: float, high: float) -> Law:
    """Return the law of draws that lie evenly from ``low`` to ``high``."""
    return Law((Piece(1.0, low, high),))


def fixed(value: float) -> Law:
    """Return the law of draws that are all the same."""
    return uniform(value, value)
