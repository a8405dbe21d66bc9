"""What is told to the person at the terminal: what takes long, and what a test should have known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def reporter(config: pytest.Config) -> Callable[[str], None]:
    """Return how to tell the person at the terminal what takes long; xdist's workers have no terminal."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    terminal = config.pluginmanager.get_plugin("terminalreporter")

    def report(text: str) -> None:
        if terminal is not None and capture is not None:
            with capture.global_and_fixture_disabled():
                terminal.write_line(f"netchaos: {text}")
                terminal.flush()  # a pipe, as CI has it, would keep it to itself until the tests are through

    return report


def warn_of_all(item: pytest.Item, texts: Iterable[str]) -> None:
    """Warn of each of these, with the test's name."""
    for text in texts:
        from .cautions import NetchaosWarning  # noqa: PLC0415 - hardly ever

        item.warn(NetchaosWarning(text))
