"""What one test is under by its markers, and the seed that follows from them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from . import marker
from .marker import Standing
from .repeated import ATTRIBUTE, Run

if TYPE_CHECKING:
    from ..recorded import RecordedRun


@dataclass(frozen=True, slots=True)
class Conditions:
    """What one test is under."""

    standings: tuple[Standing, ...] = ()
    #: Which run of the same test it is, from 1 on, and of how many; 0 where it isn't repeated.
    run: int = 0
    runs: int = 0
    #: Whether other tests of the same function have others.
    is_one_of_many: bool = False

    def seed(self, run_seed: int, item: pytest.Item) -> int:
        """Return the seed of the test's network.

        Args:
            run_seed: What the whole run is drawn from.
            item: The test.
        """
        from ..seeds import derive_seed  # noqa: PLC0415 - only where a test needs one

        given = marker.seed_of(self.standings)
        if given is None:
            return derive_seed(run_seed, name_of(item))
        return derive_seed(given, f"run{self.run}") if self.run else given


_UNMARKED = Conditions()
_conditions = pytest.StashKey[Conditions]()


def keep(item: pytest.Item, conditions: Conditions) -> None:
    """Keep with a test what it is under."""
    item.stash[_conditions] = conditions


def conditions_of(item: pytest.Item) -> Conditions:
    """Return what a test is under by its markers."""
    return item.stash.get(_conditions, _UNMARKED)


def note_run(item: pytest.Item, report: pytest.TestReport, run_seed: int) -> None:
    """Write into the report of a test that is repeated which run it was, and its seed."""
    conditions = conditions_of(item)
    if conditions.run:
        run = Run(run=conditions.run, runs=conditions.runs, seed=conditions.seed(run_seed, item), typed=typed(item))
        setattr(report, ATTRIBUTE, run)


def typed(item: pytest.Item) -> str:
    """Return a test as it is typed where this run was started: that needn't be where its node id begins."""
    file, colons, name = name_of(item).partition("::")
    return f"{os.path.relpath(item.config.rootpath / file, item.config.invocation_params.dir)}{colons}{name}"


def replayed(item: pytest.Item, recorded: RecordedRun | None) -> RecordedRun | None:
    """Return the recording, if it is this test's."""
    return recorded if recorded is not None and recorded.run.test == name_of(item) else None


def name_of(item: pytest.Item) -> str:
    """Return a test's node id, as it is without xdist: ``--dist loadgroup`` appends the name of the group."""
    if "@" not in item.nodeid or item.parent is None:
        return item.nodeid
    name = f"{item.parent.nodeid}::{item.name}"
    return name if item.nodeid.startswith(f"{name}@") else item.nodeid
