"""The end of a run, in its controlling process: the reports of all workers are summed up, for people and for GitHub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .tallying import ATTRIBUTE

if TYPE_CHECKING:
    from ..report.github import Place
    from ..report.summary import Summary, Tallied
    from ..report.tally import Tally


@dataclass(slots=True)
class _Test:
    """One test, in its last attempt."""

    outcome: str = "passed"
    #: The first of its reports that failed.
    failure: pytest.TestReport | None = None
    last: pytest.TestReport | None = None
    counted: Tally | None = None


class Summing:
    """A plugin of the controlling process.

    Args:
        config: Of the run.
        github: Whether GitHub Actions gets a summary and annotations, where this is a step of it.
    """

    def __init__(self, config: pytest.Config, *, github: bool) -> None:
        self._config = config
        self._for_github = github and os.environ.get("GITHUB_ACTIONS") == "true"
        self._tests: dict[str, _Test] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take down what became of a test; who is tried again begins anew.

        https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_runtest_logreport
        """
        if report.when == "setup":
            self._tests[report.nodeid] = _Test()
        test = self._tests.setdefault(report.nodeid, _Test())
        if report.failed:
            test.outcome = "failed"
            test.failure = test.failure or report
        elif report.skipped and test.outcome == "passed":
            test.outcome = "skipped"
        if report.when == "teardown":
            test.counted, test.last = getattr(report, ATTRIBUTE, None), report
            if test.counted is None:
                del self._tests[report.nodeid]  # of no use: a run may have many

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table; one line with ``-q``, and nothing with ``-qq``.

        https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_terminal_summary
        """
        if self._has_news and (verbosity := self._config.get_verbosity()) > -2:  # noqa: PLR2004 - -qq
            from ..report.page import page_of  # noqa: PLC0415 - only for a run with links
            from ..report.summary import lines, short  # noqa: PLC0415 - the same

            page = page_of(self._config)
            if verbosity >= 0:
                terminalreporter.section("netchaos")
            full = (part for line in lines(self._summary) for part in page.fold(line, " " * 23))
            for line in full if verbosity >= 0 else page.wrap(short(self._summary), 2):
                terminalreporter.write_line(line)
        for command in self._annotations():
            terminalreporter.write_line(command)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write GitHub's step summary; without a terminal, the annotations too.

        https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_sessionfinish
        """
        if not self._for_github or not self._has_news:
            return
        from ..report.github import step_summary  # noqa: PLC0415 - only there

        if path := os.environ.get("GITHUB_STEP_SUMMARY"):
            try:
                with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(step_summary(self._summary))
            except OSError as error:
                print(f"\nnetchaos: GITHUB_STEP_SUMMARY can't be written to: {error}")  # noqa: T201 - no test is to blame
        if self._config.pluginmanager.get_plugin("terminalreporter") is None:
            print(*self._annotations(), sep="\n")  # noqa: T201 - GitHub reads standard output

    @property
    def _used_links(self) -> bool:
        return any(test.counted is not None and test.counted["links"] for test in self._tests.values())

    @property
    def _has_news(self) -> bool:
        """Whether anything was to happen to a link: a table of noughts helps nobody."""
        if not self._used_links:
            return False
        return bool(self._summary.marked or self._summary.faults or self._summary.vacuous)

    @cached_property
    def _summary(self) -> Summary:
        from ..report.summary import summed  # noqa: PLC0415 - only for a run with links

        return summed(self._tallied())

    def _tallied(self) -> Iterator[Tallied]:
        from ..report.summary import Tallied  # noqa: PLC0415 - the same

        for node_id, test in self._tests.items():
            if test.counted is not None:
                yield Tallied(node_id, test.outcome, test.counted)

    def _annotations(self) -> Iterator[str]:
        """Yield an error for each failed test with links, and a warning for each vacuous one."""
        if not self._for_github:
            return
        from ..report.github import annotation  # noqa: PLC0415 - only there
        from ..report.tally import why_vacuous  # noqa: PLC0415 - the same

        workspace = os.environ.get("GITHUB_WORKSPACE", "")
        for node_id, test in sorted(self._tests.items()):
            if test.counted is None or test.last is None or not test.counted["links"]:
                continue
            if test.failure is not None:
                yield annotation("error", self._place(test.failure), node_id, _verdict(test.failure), workspace)
            elif test.counted["vacuous"] and test.outcome != "skipped":
                yield annotation("warning", self._place(test.last), node_id, why_vacuous(test.counted), workspace)

    def _place(self, report: pytest.TestReport) -> Place:
        """Return the line of a test's own file where it failed; else, the one where the test begins."""
        from ..report.github import Place  # noqa: PLC0415 - only there

        name, line, _ = report.location
        file = os.path.abspath(self._config.rootpath / name)  # noqa: PTH100 - resolve() follows links
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None and os.path.abspath(self._config.rootpath / crash.path) == file:  # noqa: PTH100 - the same
            return Place(file, crash.lineno)
        return Place(file, (line or 0) + 1)


def _verdict(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(report.longrepr if crash is None else crash.message)
