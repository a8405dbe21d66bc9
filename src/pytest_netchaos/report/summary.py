"""What all tests of a run did to the network, and what came of it: the table at the end of the run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .words import count_of, length

if TYPE_CHECKING:
    from .tally import Tally

#: Recoveries and vacuous tests that are named.
SLOWEST, VACUOUS = 3, 10


class Tallied(NamedTuple):
    """One test."""

    node_id: str
    #: ``"passed"``, ``"failed"`` or ``"skipped"``: of all its phases, and of its last attempt.
    outcome: str
    counted: Tally


class Slow(NamedTuple):
    """Somebody came back late."""

    seconds: float
    node_id: str
    link: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole run. It doesn't depend on the order in which its tests ended, nor on which worker ran them."""

    links: int
    #: Of the tests with the marker.
    passed: int
    failed: int
    skipped: int
    faults: int
    hit: int
    outages: int
    reconnects: int
    slowest: tuple[Slow, ...]
    #: The tests whose faults all hit nothing, by name.
    vacuous: tuple[Tallied, ...]

    @property
    def marked(self) -> int:
        """How many tests have the marker."""
        return self.passed + self.failed + self.skipped


def summed(tests: Iterable[Tallied]) -> Summary:
    """Sum up a run."""
    tests = sorted(tests, key=lambda test: test.node_id)
    counted = [test.counted for test in tests]
    outcomes = [test.outcome for test in tests if test.counted["marked"]]
    slow = [Slow(back["seconds"], test.node_id, back["link"]) for test in tests for back in test.counted["recoveries"]]
    return Summary(
        sum(one["links"] for one in counted),
        outcomes.count("passed"),
        outcomes.count("failed"),
        outcomes.count("skipped"),
        sum(one["faults"] for one in counted),
        sum(one["hit"] for one in counted),
        sum(one["outages"] for one in counted),
        sum(one["reconnects"] for one in counted),
        tuple(sorted(slow, key=lambda one: (-one.seconds, one.node_id, one.link))[:SLOWEST]),
        # One that was skipped on its way doesn't claim to prove anything.
        tuple(test for test in tests if test.counted["vacuous"] and test.outcome != "skipped"),
    )


def rows(summary: Summary) -> list[tuple[str, str]]:
    """Return what is in the first column of the table, and in the second."""
    return [
        ("flaky-network tests", _outcomes(summary)),
        ("faults injected", f"{summary.faults:,}, of which {summary.hit:,} hit traffic" if summary.faults else "0"),
        ("outages", f"{summary.outages:,}"),
        ("reconnects", f"{summary.reconnects:,}"),
        *_pairs("slowest recoveries", [f"{length(s.seconds)}  {s.node_id}, link {s.link!r}" for s in summary.slowest]),
        *_pairs("vacuous tests", [*_vacuous(summary.vacuous)]),
    ]


def lines(summary: Summary) -> list[str]:
    """Write the table."""
    table = rows(summary)
    width = max(len(name) for name, _ in table)
    return [f"{name:<{width}}  {value}" for name, value in table]


def short(summary: Summary) -> list[str]:
    """Return the parts of the line that a quiet run gets."""
    return [
        f"netchaos: {count_of(summary.marked, 'flaky-network test')} ({summary.failed:,} failed)",
        f"{summary.hit:,} of {count_of(summary.faults, 'fault')} hit traffic",
        count_of(summary.reconnects, "reconnect"),
        *([count_of(len(summary.vacuous), "vacuous test")] if summary.vacuous else []),
    ]


def _outcomes(summary: Summary) -> str:
    if not summary.marked:
        return "0"
    parts = [(summary.passed, "passed"), (summary.failed, "failed"), (summary.skipped, "skipped")]
    return f"{summary.marked:,}: {', '.join(f'{count:,} {what}' for count, what in parts if count)}"


def _vacuous(tests: Sequence[Tallied]) -> Iterator[str]:
    if not tests:
        return
    yield f"{len(tests):,}: no fault of theirs hit traffic, so they prove nothing"
    for test in tests[:VACUOUS]:
        yield f"{test.node_id}: {', '.join(test.counted['vacuous'])}"
    if len(tests) > VACUOUS:
        yield f"… {len(tests) - VACUOUS:,} more"


def _pairs(name: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    for place, value in enumerate(values):
        yield ("" if place else name), value
