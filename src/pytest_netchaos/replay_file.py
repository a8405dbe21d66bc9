"""The file of ``--netchaos-replay``: the JSON timeline of one test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .recorded import RecordedRun

FLAG = "--netchaos-replay"


def find(text: str) -> Path:
    """Return the file, as every process of the run finds it."""
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 - resolve() follows links; "~" isn't always a user


def read(path: Path) -> RecordedRun:
    """Read the recording.

    Raises:
        pytest.UsageError: It can't be read, is no timeline, or one of a version that can't be replayed.
    """
    from .replaying import check  # noqa: PLC0415 - only where something is replayed
    from .report.json_load import load_timeline  # noqa: PLC0415 - the same

    try:
        recorded = load_timeline(path)
        check(recorded)
    except (OSError, ValueError) as error:
        said = str(error)
        where = "" if str(path) in said else f"{path}: "
        raise pytest.UsageError(f"{FLAG} {where}{masked(said)}") from None
    return recorded


def check_collected(recorded: RecordedRun, names: Iterable[str]) -> None:
    """End a run that hasn't collected the test that was recorded.

    Raises:
        pytest.UsageError: it hasn't.
    """
    if recorded.run.test not in names:
        raise pytest.UsageError(
            f"{FLAG}: the recording is of {recorded.run.test}, which this run hasn't collected: name it, or its file"
        )
