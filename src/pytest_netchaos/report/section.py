"""Put the story of a failed test where its readers look: beside the failure, also in JUnit XML."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import options
from ..conditions import name_of, replayed
from .json_files import file_name
from .page import page_of
from .text import story

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from ..network import Network
    from ..options import Settings
    from .page import Page

TITLE = "netchaos"
REPLAY_TITLE = "netchaos: to have each fault strike where it struck now"


def add_story(
    item: pytest.Item, report: pytest.TestReport, network: Network, settings: Settings, remarks: Sequence[str] = ()
) -> None:
    """Add the story to the report of a failed test.

    A section of the failure itself goes wherever the failure goes: to the terminal, into JUnit XML, through xdist. A
    section of the report, beside captured output, would be missing from JUnit XML and with ``--show-capture=no``; it
    is used only for failures of a kind that have no sections.

    Args:
        item: The test.
        report: Where it goes.
        network: The test's.
        settings: The options of the run.
        remarks: What else could explain the failure, a line each.
    """
    page = page_of(item.config)
    _add(report, TITLE, story(network, page, replay=_replay(item, settings.seed, page), remarks=remarks))
    if settings.timeline is not None and settings.engine.kind == "embedded":
        # Not a line of the page: what is cut off can't be pasted, and a path may be long.
        _add(report, REPLAY_TITLE, replay_line(item, settings, settings.timeline))


def _add(report: pytest.TestReport, title: str, text: str) -> None:
    add_section = getattr(report.longrepr, "addsection", None)
    if add_section is None:
        report.sections.append((title, text))
    else:
        add_section(title, text)


def replay_line(item: pytest.Item, settings: Settings, directory: Path) -> str:
    """Return the command that has each fault strike where it struck now, once the test's timeline is written."""
    file = settings.replay_file if replayed(item, settings.replay) else None
    path = os.path.relpath(file or directory / file_name(name_of(item)), item.config.invocation_params.dir)
    return f"pytest {shlex.quote(item.nodeid)} {options.REPLAY.flag}={shlex.quote(path)}"


def _replay(item: pytest.Item, seed: int, page: Page) -> str:
    """Return how to draw the same random decisions again; with the test's name, where the line has room for it."""
    option = f"{options.SEED.flag}={seed}"
    whole = f"to draw the same random decisions again: pytest {option} {shlex.quote(item.nodeid)}"
    return whole if page.fits(whole) else f"to draw the same random decisions again: {option}"
