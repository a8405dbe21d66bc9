"""Put the story of a failed test where its readers look: beside the failure, also in JUnit XML."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import conditions
from .page import page_of
from .text import story

if TYPE_CHECKING:
    import pytest

    from ..network import Network

TITLE = "netchaos"


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
    text = story(network, page_of(item.config), replay=_replay(item, options), remarks=remarks)
    add_section = getattr(report.longrepr, "addsection", None)
    if add_section is None:
        report.sections.append((TITLE, text))
    else:
        add_section(TITLE, text)


def _replay(item: pytest.Item, options: Sequence[str]) -> str:
    """Return the command that draws the same random decisions again, from where this run was started."""
    return shlex.join(["pytest", conditions.typed(item), *options])
