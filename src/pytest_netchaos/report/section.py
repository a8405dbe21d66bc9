"""Put the story of a failed test where its readers look: beside the failure, also in JUnit XML."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import options
from .page import page_of
from .text import story

if TYPE_CHECKING:
    import pytest

    from ..network import Network
    from .page import Page

TITLE = "netchaos"


def add_story(
    item: pytest.Item, report: pytest.TestReport, network: Network, seed: int, remarks: Sequence[str] = ()
) -> None:
    """Add the story to the report of a failed test.

    A section of the failure itself goes wherever the failure goes: to the terminal, into JUnit XML, through xdist. A
    section of the report, beside captured output, would be missing from JUnit XML and with ``--show-capture=no``; it
    is used only for failures of a kind that have no sections.

    Args:
        item: The test.
        report: Where it goes.
        network: The test's.
        seed: What the run can be repeated with.
        remarks: What else could explain the failure, a line each.
    """
    page = page_of(item.config)
    text = story(network, page, replay=_replay(item, seed, page), remarks=remarks)
    add_section = getattr(report.longrepr, "addsection", None)
    if add_section is None:
        report.sections.append((TITLE, text))
    else:
        add_section(TITLE, text)


def _replay(item: pytest.Item, seed: int, page: Page) -> str:
    """Return how to draw the same random decisions again; with the test's name, where the line has room for it."""
    option = f"{options.SEED.flag}={seed}"
    whole = f"to draw the same random decisions again: pytest {option} {shlex.quote(item.nodeid)}"
    return whole if page.fits(whole) else f"to draw the same random decisions again: {option}"
