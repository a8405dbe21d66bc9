"""What each test's links saw is counted where the test runs, and goes with its last report to where all are summed up.

A report reaches the controlling process even if its worker dies later: what a worker says at its end would not.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from ..marking.conditions import conditions_of
from .stash import NETWORK

#: The attribute of a test's report; xdist's workers send it along.
ATTRIBUTE = "netchaos_tally"


class Tallying:
    """A plugin of each process that runs tests.

    Args:
        strict: Whether a test fails whose faults all hit nothing.
    """

    def __init__(self, *, strict: bool) -> None:
        self._is_strict = strict

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Under ``--netchaos-strict``, fail a test that has passed although its faults hit nothing.

        https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_runtest_call
        """
        result = yield
        network = item.stash.get(NETWORK, None) if self._is_strict else None
        if network is not None and network.links:
            from ..report.tally import tally, why_vacuous  # noqa: PLC0415 - only where there is something to count

            counted = tally(network.histories())
            if counted["vacuous"]:
                pytest.fail(f"{why_vacuous(counted)} (--netchaos-strict)", pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the numbers of a test that had links, or was to have some, into its last report.

        https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_runtest_makereport
        """
        report = yield
        if call.when != "teardown":
            return report
        network = item.stash.get(NETWORK, None)
        is_marked = bool(conditions_of(item).standings)
        if is_marked or (network is not None and network.links):
            from ..report.tally import tally  # noqa: PLC0415 - only where there is something to count

            histories, unfired = ((), ()) if network is None else (network.histories(), network.plans.complaints())
            setattr(report, ATTRIBUTE, tally(histories, marked=is_marked, unfired=unfired))
        return report
