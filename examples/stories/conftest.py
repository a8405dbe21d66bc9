"""What the stories share: the page that tells each of them shows the failure that its test provokes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest


class Page:
    """The README of a story, and the failures that it shows."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self._name = f"{path.parent.name}/{path.name}"
        self._blocks = re.findall(r"^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)

    def shows(self, failure: pytest.ExceptionInfo[AssertionError], *, whatever_the_counts: bool = False) -> bool:
        """Check that the page shows this failure; times may differ, and a line ``...`` stands for any lines.

        A line that says that the machine stood still isn't looked for.

        Args:
            failure: What ``pytest.raises`` has caught.
            whatever_the_counts: Whole numbers and histograms may differ as well: busy machines have others.

        Raises:
            AssertionError: It doesn't: here is what there was to show.
        """
        lines = str(failure.value).removeprefix("assert ").splitlines()
        said = [line for line in lines if " stood still for " not in line]  # which depends on the machine
        plain = _without_counts if whatever_the_counts else _plain
        if any(re.search(_pattern(block, plain), plain(said)) for block in self._blocks):
            return True
        raise AssertionError("\n".join([f"{self._name} doesn't show this failure:", *said])) from failure.value


def _pattern(block: str, plain: Callable[[list[str]], str]) -> str:
    """Return what a failure has to match that this block shows: its lines that pytest begins with an E."""
    shown = [line[1:] for line in block.splitlines() if line.startswith("E")]
    lines = [line.replace("AssertionError: ", "", 1).strip().removeprefix("assert ") for line in shown]
    expected = "".join("(?:.*\n)*" if line == "..." else f"{re.escape(plain([line]).strip())}\n" for line in lines)
    return rf"\A{expected}\Z"


def _plain(lines: list[str]) -> str:
    """Leave out what differs from run to run: times and ports, and with them the widths of columns."""
    without_times = (re.sub(r"[\d,]*\d\.\d+", "#.#", line) for line in lines)
    without_ports = (re.sub(r":\d{4,5}\b", ":#", line) for line in without_times)
    return "".join(f"{' '.join(line.split())}\n" for line in without_ports)


def _without_counts(lines: list[str]) -> str:
    """Leave out whole numbers as well, and what is drawn between two bars."""
    without_histograms = re.sub(r"\|[^|\n]*\|", "||", _plain(lines))
    return re.sub(r"\d[\d,]*", "#", without_histograms)


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Page:
    """The page that tells the story of this test."""
    return Page(request.path.with_name("README.md"))
