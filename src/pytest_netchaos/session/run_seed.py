"""The seed of a run: the same in all of its processes, and known to the next run."""

from __future__ import annotations

import pytest

from ..marking.marker import LARGEST_SEED

#: Where the seed of the last run is in pytest's cache.
_LAST = "netchaos/seed"
#: Where the seed is in what xdist hands to a worker: that has the command line, and would draw another one itself.
_HANDED = "netchaos_seed"


def hand_over(seed: int, workerinput: dict[str, object]) -> None:
    """Tell one of xdist's workers the seed of the run."""
    workerinput[_HANDED] = seed


def handed(config: pytest.Config) -> int | None:
    """Return the seed that this process was told; ``None`` where it is the controlling one."""
    seed: int | None = getattr(config, "workerinput", {}).get(_HANDED)
    return seed


def remember(config: pytest.Config, seed: int) -> None:
    """Keep the seed for ``--netchaos-seed=last``: in the controlling process, and where there is a cache."""
    cache = getattr(config, "cache", None)
    if cache is not None and not hasattr(config, "workerinput"):
        cache.set(_LAST, seed)


def last(config: pytest.Config) -> int:
    """Return the seed of the run before this one.

    Raises:
        pytest.UsageError: there was none, or no cache that could know.
    """
    cache = getattr(config, "cache", None)
    if cache is None:
        raise pytest.UsageError("--netchaos-seed=last needs pytest's cache, which -p no:cacheprovider has turned off")
    seed = cache.get(_LAST, None)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise pytest.UsageError("--netchaos-seed=last: no run has left its seed in pytest's cache yet")
    return seed
