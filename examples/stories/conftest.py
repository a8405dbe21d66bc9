"""What the stories share: the page that tells each of them shows the failure that its test provokes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_STOOD_STILL = re.compile(r"\s*(this process|the event loop) stood still for ")


class Page:
    """The README of a story, and the failures that it shows."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self._name = f"{path.parent.name}/{path.name}"
        self._blocks = re.findall(r"^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)

    def shows(self, failure: pytest.ExceptionInfo[AssertionError]) -> bool:
        """Check that the page shows this failure; times may differ, and a line ``...`` stands for any lines.

        That the machine was busy isn't part of the story: a page doesn't have to show that remark.

        Raises:
            AssertionError: It doesn't: here is what there was to show.
        """
        lines = str(failure.value).removeprefix("assert ").splitlines()
        said = [line for line in lines if not _STOOD_STILL.match(line)]
        if any(re.search(_pattern(block), _plain(said)) for block in self._blocks):
            return True
        raise AssertionError("\n".join([f"{self._name} doesn't show this failure:", *said])) from failure.value


def _pattern(block: str) -> str:
    """Return what a failure has to match that this block shows: its lines that pytest begins with an E."""
    shown = [line[1:] for line in block.splitlines() if line.startswith("E")]
    lines = [line.replace("AssertionError: ", "", 1).strip().removeprefix("assert ") for line in shown]
    expected = "".join("(?:.*\n)*" if line == "..." else f"{re.escape(_plain([line]).strip())}\n" for line in lines)
    return rf"\A{expected}\Z"


def _plain(lines: list[str]) -> str:
    """Leave out what differs from run to run: times and ports, and with them the widths of columns."""
    without_times = (re.sub(r"[\d,]*\d\.\d+", "#.#", line) for line in lines)
    without_ports = (re.sub(r":\d{4,5}\b", ":#", line) for line in without_times)
    return "".join(f"{' '.join(line.split())}\n" for line in without_ports)


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Page:
    """The page that tells the story of this test."""
    return Page(request.path.with_name("README.md"))
