"""Put the story of a failed test where its readers look: beside the failure, also in JUnit XML."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..marking import conditions
from ..options import REPLAY, beside_seed
from .page import page_of
from .text import story

if TYPE_CHECKING:
    import pytest

    from ..network import Network
    from ..options import Settings

TITLE = "netchaos"
REPLAY_TITLE = "netchaos: to have each fault strike where it struck now"


def add_story(
    item: pytest.Item, report: pytest.TestReport, network: Network, options: Sequence[str], remarks: Sequence[str] = ()
) -> None:
    """Add the story to the report of a failed test.

    A section of the failure itself goes wherever the failure goes: to the terminal, into JUnit XML, through xdist. A
    section of the report, beside captured output, would be missing from JUnit XML and with ``--show-capture=no``; it
    is used only for failures of a kind that have no sections.

    Args:
        item: The test.
        report: Where it goes.
        network: The test's.
        options: Those that a replay needs.
        remarks: What else could explain the failure, a line each.
    """
    _add(report, TITLE, story(network, page_of(item.config), replay=_replay(item, options), remarks=remarks))


def add_replay(item: pytest.Item, report: pytest.TestReport, settings: Settings) -> None:
    """Add the command that has each fault strike where it struck now; there is one where timelines are written.

    It is in a section of its own: the story's lines have an end, and a path may be long.
    """
    if settings.timeline is None or settings.engine.kind != "embedded":
        return
    from .json_files import file_name  # noqa: PLC0415 - only where they are written

    name = conditions.name_of(item)
    file = settings.timeline / file_name(name)
    if conditions.replayed(item, settings.replay) and settings.replay_file is not None:
        file = settings.replay_file
    path = os.path.relpath(file, item.config.invocation_params.dir)
    _add(report, REPLAY_TITLE, _replay(item, [f"{REPLAY.flag}={path}", *beside_seed(settings)]))


def _add(report: pytest.TestReport, title: str, text: str) -> None:
    add_section = getattr(report.longrepr, "addsection", None)
    if add_section is None:
        report.sections.append((title, text))
    else:
        add_section(title, text)


def _replay(item: pytest.Item, options: Sequence[str]) -> str:
    """Return the command that draws the same random decisions again, from where this run was started."""
    return shlex.join(["pytest", conditions.typed(item), *options])
