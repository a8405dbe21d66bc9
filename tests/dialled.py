"""Dials of a client that waited so long between them."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_netchaos.history import Dial, Dials
from pytest_netchaos.linklog import with_waits

#: Seconds that a connection lives.
LIVED = 5.0


def dialled(*runs: Iterable[float]) -> Dials:
    """The first dial is served, and so is the last of each run of waits; the others are refused."""
    made, at = [Dial(1, 0.0, "served", ended_at=LIVED)], LIVED
    for run in map(list, runs):
        for left, wait in zip(range(len(run) - 1, -1, -1), run, strict=True):
            at += wait
            ended = at if left else at + LIVED
            made.append(Dial(len(made) + 1, at, "refused" if left else "served", ended_at=ended))
            at = ended
    return Dials(with_waits(made))
