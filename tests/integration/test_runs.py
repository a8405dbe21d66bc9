"""``runs=``: the same test several times, each with a seed of its own."""

from __future__ import annotations

import re

import pytest

WORKERS = pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
HEAD = """
import pathlib, socket
import pytest
from pytest_netchaos import Cut, Delay, Flap

@pytest.fixture
def link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield netchaos.link(listener.getsockname(), name="db")

@pytest.fixture
def number(request):
    return int(request.node.name.rpartition("run")[2].rstrip("]"))

def write(*what):
    with pathlib.Path("written").open("a") as file:
        file.write(" ".join(map(str, what)) + "\\n")
"""


def run(pytester, test, *arguments):
    pytester.makepyfile(test_it=HEAD + test)
    return pytester.runpytest_inprocess("--netchaos-seed=4", *arguments)


def written(pytester):
    return sorted((pytester.path / "written").read_text().splitlines())


FAILS = """
@pytest.mark.flaky_network(Delay(0.001), runs=6)
def test_fails(link, netchaos, number):
    write(number, netchaos.seed)
    assert number not in (5, 3)

@pytest.mark.flaky_network(Delay(0.001), runs=2)
def test_passes(link): pass
"""


@WORKERS
def test_it_says_how_many_failed_and_the_first_of_them(pytester, workers):
    result = run(pytester, FAILS, *workers)
    result.assert_outcomes(passed=6, failed=2)
    seeds = dict(line.split() for line in written(pytester))
    result.stdout.fnmatch_lines(
        [
            "*= netchaos: repeated tests =*",
            f"test_it.py::test_fails: 2 of 6 runs failed, first run3, with seed={seeds['3']}",
            "    pytest 'test_it.py::test_fails[[]run3]' --netchaos-seed=4",
            "1 test passed all of 2 runs",
        ]
    )
    assert len(set(seeds.values())) == 6


def test_the_line_that_it_gives_repeats_that_run(pytester):
    result = run(pytester, FAILS)
    line = next(line for line in result.outlines if line.startswith("    pytest "))
    first = dict(text.split() for text in written(pytester))["3"]
    (pytester.path / "written").unlink()
    again = pytester.runpytest_inprocess(*line.replace("'", "").split()[1:])
    again.assert_outcomes(failed=1)
    assert written(pytester) == [f"3 {first}"]
    again.stdout.fnmatch_lines(["*test_fails: 1 of 1 run (6 were asked for) failed, first run3, with seed=*"])


def test_the_seed_that_it_names_makes_the_same_network_in_a_marker(pytester):
    result = run(pytester, FAILS)
    seed = re.search(r"with seed=(\d+)", result.stdout.str())[1]
    again = run(
        pytester,
        f"""
@pytest.mark.flaky_network(Delay(0.001), seed={seed})
def test_fails(link, netchaos):
    assert netchaos.seed == {seed}
        """,
        "--netchaos-seed=99",
    )
    again.assert_outcomes(passed=1)


@WORKERS
def test_a_markers_seed_gives_each_run_one_that_does_not_depend_on_the_runs_seed(pytester, workers):
    test = """
@pytest.mark.flaky_network(Delay(0.001), runs=3, seed=7)
def test_it(link, netchaos, number):
    write(number, netchaos.seed)
    """
    run(pytester, test, *workers).assert_outcomes(passed=3)
    once = written(pytester)
    run(pytester, test, "--netchaos-seed=99", *workers).assert_outcomes(passed=3)
    assert written(pytester) == sorted(once * 2)
    assert len(set(once)) == 3


def test_the_first_failure_can_end_it(pytester):
    result = run(pytester, FAILS, "-x")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*test_fails: 1 of 3 runs (6 were asked for) failed, first run3, with seed=*"])


def test_the_nearest_marker_says_how_often(pytester):
    result = run(
        pytester,
        """
pytestmark = pytest.mark.flaky_network("2g", runs=5)

@pytest.mark.flaky_network(Flap(), runs=2)
def test_it(link):
    assert len(link.faults) == 4
        """,
    )
    result.assert_outcomes(passed=2)


def test_runs_without_a_fault_repeat_a_test_on_a_clean_network(pytester):
    run(pytester, "@pytest.mark.flaky_network(runs=3)\ndef test_it(link): assert not link.faults").assert_outcomes(
        passed=3
    )


def test_without_repeated_tests_nothing_is_said_of_them(pytester):
    run(pytester, "def test_it(link): pass").stdout.no_fnmatch_line("*netchaos: repeated tests*")
