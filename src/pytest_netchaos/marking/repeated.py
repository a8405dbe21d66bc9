"""What became of the tests that ran several times (``runs=``), from the reports of all workers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import pytest

#: The attribute of a test's report; xdist's workers send it along.
ATTRIBUTE = "netchaos_run"


class Run(TypedDict):
    """One of several runs of a test, as its report has it."""

    run: int
    runs: int
    seed: int
    #: The test as it is typed where the run was started.
    typed: str


@dataclass(slots=True)
class _Test:
    """A test, and its runs until now."""

    asked: int
    ran: set[int] = field(default_factory=set)
    #: Of those that failed: the test as it is typed, and its seed.
    failed: dict[int, tuple[str, int]] = field(default_factory=dict)


def name_without_run(node_id: str, run: int) -> str:
    """Take the number of the run out of a node id: ``test_x[slow-3g-run7]`` becomes ``test_x[slow-3g]``."""
    head, _, tail = node_id.rpartition(f"run{run}")
    return f"{head.removesuffix('-')}{tail}".replace("[]", "").replace("[-", "[")


class Repeated:
    """A plugin of the controlling process that counts the runs of each test.

    Args:
        options: What a replay needs of the options that the run was started with.
    """

    def __init__(self, options: Sequence[str]) -> None:
        self._options = options
        self._tests: dict[str, _Test] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one of the reports of one run; a run that pytest-rerunfailures tries again has not failed yet.

        https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_runtest_logreport
        """
        run: Run | None = getattr(report, ATTRIBUTE, None)
        if run is None:
            return
        name = name_without_run(report.nodeid, run["run"])
        test = self._tests.setdefault(name, _Test(run["runs"]))
        if report.failed:
            test.failed[run["run"]] = run["typed"], run["seed"]
        if report.failed or (report.when == "call" and (report.passed or hasattr(report, "wasxfail"))):
            test.ran.add(run["run"])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of each test how many of its runs failed.

        https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_terminal_summary
        """
        if lines := list(self.lines()):
            terminalreporter.section("netchaos: repeated tests")
            for line in lines:
                terminalreporter.write_line(line)

    def lines(self) -> Iterator[str]:
        """Yield what there is to say."""
        for name, test in self._tests.items():
            if test.failed:
                first = min(test.failed)
                typed, seed = test.failed[first]
                yield f"{name}: {len(test.failed)} of {_counted(test)} failed, first run{first}, with seed={seed}"
                yield f"    pytest {shlex.join([typed, *self._options])}"
        flawless = [test for test in self._tests.values() if test.ran and not test.failed]
        if flawless:
            total = sum(len(test.ran) for test in flawless)
            yield f"{len(flawless)} test{'s' * (len(flawless) != 1)} passed all of {total} run{'s' * (total != 1)}"


def _counted(test: _Test) -> str:
    missing = "" if len(test.ran) == test.asked else f" ({test.asked} were asked for)"
    return f"{len(test.ran)} run{'s' * (len(test.ran) != 1)}{missing}"
