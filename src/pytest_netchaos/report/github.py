"""What GitHub Actions shows of a run: annotations beside the code, and a step summary in Markdown. Pure.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands has the format of both.
GitHub shows the first ten errors and the first ten warnings of a step, and takes summaries of up to 1 MiB.
"""

from __future__ import annotations

import html
import os
from typing import TYPE_CHECKING, NamedTuple

from .summary import rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .summary import Summary

#: Characters of a message; what it has beyond that is in the log.
_LONGEST = 2000


class Place(NamedTuple):
    """A line of a file."""

    #: As absolute as it is known.
    file: str
    #: From 1 on.
    line: int


def is_here(environ: Mapping[str, str]) -> bool:
    """Whether this run is a step of GitHub Actions."""
    return environ.get("GITHUB_ACTIONS") == "true"


def annotation(level: str, place: Place, title: str, message: str, workspace: str = "") -> str:
    """Write the command that makes an annotation.

    Args:
        level: ``"error"`` or ``"warning"``.
        place: Where it is shown.
        title: In bold.
        message: May have several lines.
        workspace: The directory of the checkout, that paths are to be relative to.
    """
    file = os.path.relpath(place.file, workspace) if workspace else place.file
    properties = {
        "file": (place.file if file.startswith("..") else file).replace(os.sep, "/"),
        "line": str(place.line),
        "title": title,
    }
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {written}::{_data(message[:_LONGEST])}"


def step_summary(summary: Summary) -> str:
    """Write the table in Markdown."""
    body = "".join(f"| {_cell(name)} | {_cell(value)} |\n" for name, value in rows(summary))
    return f"### netchaos\n\n| | |\n| --- | --- |\n{body}\n"


def _cell(text: str) -> str:
    escaped = html.escape(" ".join(text.split()), quote=False)
    for character in "\\`*_[]|~":
        escaped = escaped.replace(character, f"&#{ord(character)};")
    return escaped


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
