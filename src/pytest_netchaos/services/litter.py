"""Temporary directories that say whose they are, so that those of dead runs can be deleted."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from .kernel import has_ended, has_rebooted, started, this_host

_PREFIX = "pytest-netchaos-"
_OWNER = "owner.json"
_swept: set[str] = set()


def make(name: str) -> Path:
    """A new temporary directory of this process. The first one also deletes those that dead runs have left.

    A server's guard deletes the directory of a run that is killed; but while the server is down, there is no guard.

    Args:
        name: For its name: ``"redis"``.
    """
    place = tempfile.gettempdir()
    if place not in _swept:
        _swept.add(place)
        sweep(Path(place))
    home = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{name}-"))
    owner = {"pid": os.getpid(), "started": started(os.getpid()), "host": this_host()}
    (home / _OWNER).write_text(json.dumps(owner))
    return home


def sweep(place: Path) -> list[Path]:
    """Delete our directories whose owner has ended. Those that can't be judged stay.

    Args:
        place: Where temporary directories are.

    Returns:
        Those that were deleted.
    """
    dead = [home for home in place.glob(f"{_PREFIX}*") if _is_litter(home)]
    for home in dead:
        shutil.rmtree(home, ignore_errors=True)
    return dead


def _is_litter(home: Path) -> bool:
    """Whether it is ours, and its owner is known to have ended. Anybody may put anything into ``/tmp``."""
    try:
        if home.is_symlink() or home.stat().st_uid != os.getuid():
            return False
        owner = json.loads((home / _OWNER).read_text())
        if has_rebooted(str(owner["host"])):
            return True
        return bool(owner["host"] == this_host() and has_ended(int(owner["pid"]), str(owner["started"])))
    except (OSError, ValueError, KeyError, TypeError):
        return False
