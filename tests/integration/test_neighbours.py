"""Other plugins and options beside ours: a test's seed is a matter of the run's seed and its own name alone."""

from __future__ import annotations

import pytest
from tests.integration.conftest import UNUSED

WORKERS = pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
SEEDS = """
import pathlib, socket
import pytest
from pytest_netchaos import Delay

@pytest.fixture
def link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield netchaos.link(listener.getsockname(), name="db")

@pytest.fixture(autouse=True)
def _write(request, netchaos):
    with pathlib.Path("written").open("a") as file:
        file.write(f"{request.node.originalname} {request.node.callspec.id} {netchaos.seed}\\n")

@pytest.mark.flaky_network(["2g", Delay(0.01)], runs=2)
def test_several(link): pass

@pytest.mark.parametrize("n", range(3))
def test_plain(link, n): pass

@pytest.mark.xdist_group("one")
@pytest.mark.flaky_network("2g")
@pytest.mark.parametrize("n", range(2))
def test_grouped(link, n): pass
"""
TOTAL = 9
FAILING = """
import pathlib, socket
import pytest
from pytest_netchaos import Delay

@pytest.fixture
def link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield netchaos.link(listener.getsockname(), name="db")

@pytest.mark.flaky_network(Delay(0.001), runs=4)
def test_it(request, link, netchaos):
    marker = pathlib.Path(request.node.name)
    had_failed = marker.exists()
    with marker.open("a") as file:
        file.write(f"{netchaos.seed}\\n")
    number = int(request.node.name[-2])
    assert number == 1 or (number in (2, 3) and had_failed)
"""


@pytest.fixture
def having(monkeypatch):
    """Let the runs inside have some of the plugins that they have no use for otherwise."""

    def have(*names):
        pytest.importorskip(f"pytest_{names[0]}")
        monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-pno:{name}" for name in UNUSED if name not in names))

    return have


def seeds(pytester, *arguments):
    """Run the tests; return the seeds in the order in which they were used. Of two options the last one counts."""
    pytester.makepyfile(test_seeds=SEEDS)
    written = pytester.path / "written"
    written.unlink(missing_ok=True)
    arguments = (
        arguments if any("--netchaos-seed=" in each for each in arguments) else ("--netchaos-seed=5", *arguments)
    )
    pytester.runpytest_inprocess(*arguments).assert_outcomes(passed=TOTAL)
    return written.read_text().splitlines()


@pytest.fixture
def expected(pytester):
    return sorted(seeds(pytester))


@pytest.mark.parametrize(
    "workers", [("-n0",), ("-n2",), ("-n2", "--dist=loadgroup"), ("-n2", "--dist=loadfile")], ids=str
)
def test_seeds_are_the_same_on_any_worker(pytester, expected, workers):
    assert len(expected) == TOTAL
    assert sorted(seeds(pytester, *workers)) == expected


@WORKERS
def test_randomly_shuffles_tests_and_no_seeds(pytester, having, expected, workers):
    having("randomly")
    orders = [seeds(pytester, "-p", "no:cacheprovider", f"--randomly-seed={seed}", *workers) for seed in (1, 2)]
    assert [sorted(order) for order in orders] == [expected, expected]
    if not workers:
        assert orders[0] != orders[1], "it shuffled nothing"


@WORKERS
def test_a_rerun_has_the_same_seed_and_is_no_second_run(pytester, having, workers):
    having("rerunfailures")
    pytester.makepyfile(test_rerun=FAILING)
    result = pytester.runpytest_inprocess("--reruns=1", "--netchaos-seed=5", *workers)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["test_rerun.py::test_it: 1 of 4 runs failed, first run4, with seed=*"])
    for run, times in ((1, 1), (2, 2), (3, 2), (4, 2)):
        used = (pytester.path / f"test_it[run{run}]").read_text().split()
        assert (len(used), len(set(used))) == (times, 1)


@WORKERS
def test_the_last_failed_run_is_run_again_with_its_seed(pytester, workers):
    pytester.makepyfile(test_rerun=FAILING.replace("in (2, 3) and had_failed", "in (2, 3)"))
    pytester.runpytest_inprocess("--netchaos-seed=5", *workers).assert_outcomes(passed=3, failed=1)
    result = pytester.runpytest_inprocess("--lf", "--netchaos-seed=last", *workers)
    result.assert_outcomes(failed=1)
    used = (pytester.path / "test_it[run4]").read_text().split()
    assert (len(used), len(set(used))) == (2, 1)


def test_a_seed_that_was_drawn_is_that_of_all_workers(pytester):
    pytester.makepyfile(test_seeds=SEEDS)
    result = pytester.runpytest_inprocess("-n2")
    result.assert_outcomes(passed=TOTAL)
    drawn = next(line.rpartition("=")[2] for line in result.outlines if line.startswith("netchaos: "))
    used = (pytester.path / "written").read_text().splitlines()
    assert sorted(used) == sorted(seeds(pytester, f"--netchaos-seed={drawn}"))


@WORKERS
def test_the_last_seed_is_that_of_the_run_before(pytester, workers):
    pytester.makepyfile(test_seeds=SEEDS)
    pytester.runpytest_inprocess(*workers).assert_outcomes(passed=TOTAL)
    pytester.runpytest_inprocess("--collect-only", "--netchaos-seed=1")
    pytester.runpytest_inprocess("--netchaos-seed=last", *workers).assert_outcomes(passed=TOTAL)
    used = (pytester.path / "written").read_text().splitlines()
    assert sorted(used[:TOTAL]) == sorted(used[TOTAL:])


@WORKERS
def test_the_first_run_has_no_seed_before_it(pytester, workers):
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_inprocess("--netchaos-seed=last", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --netchaos-seed=last: no run has left its seed in pytest's cache yet"])


def test_without_the_cache_there_is_no_last_seed_and_all_else_works(pytester):
    pytester.makepyfile("def test_it(netchaos): pass")
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--netchaos-seed=last")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --netchaos-seed=last needs pytest's cache, which -p no:cacheprovider has *"])


@WORKERS
def test_the_first_failure_ends_a_run(pytester, workers):
    pytester.makepyfile(test_rerun=FAILING)
    result = pytester.runpytest_inprocess("-x", *workers)
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    result.stdout.fnmatch_lines(["test_rerun.py::test_it: [12] of * failed, first run*, with seed=*"])


def test_collecting_only_starts_nothing(pytester):
    pytester.makepyfile(test_seeds=SEEDS)
    result = pytester.runpytest_inprocess("--collect-only", "-q")
    result.stdout.fnmatch_lines(
        ["test_seeds.py::test_several[[]2g-run1]", "test_seeds.py::test_grouped[[]0]", f"{TOTAL} tests collected in *"]
    )
    assert not (pytester.path / "written").exists()
    assert not (pytester.path / ".pytest_cache" / "v" / "netchaos").exists()


def test_without_the_plugin_a_marker_is_any_marker(pytester):
    pytester.makeini("[pytest]\nmarkers = flaky_network\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.flaky_network(["slow-3g", "2g"], runs=20, seed=7)
        def test_it(): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:netchaos", "--strict-markers")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*netchaos*")


def test_without_the_plugin_a_test_with_a_link_says_what_is_missing(pytester):
    pytester.makepyfile(test_seeds=SEEDS)
    result = pytester.runpytest_inprocess("-p", "no:netchaos", "-Wdefault")
    assert result.parseoutcomes()["errors"] == 6, "each function is one test: nobody makes several of it"
    result.stdout.fnmatch_lines(["E*fixture 'netchaos' not found"])


def test_a_time_out_is_a_failed_run(pytester):
    pytester.makepyfile(
        """
        import socket
        import pytest

        @pytest.mark.timeout(2, method="signal", func_only=True)
        @pytest.mark.flaky_network("2g", runs=2)
        def test_it(request, netchaos):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                netchaos.link(listener.getsockname())
                if request.node.name == "test_it[run2]":
                    listener.accept()  # nobody dials
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*::test_it: 1 of 2 runs failed, first run2, with seed=*"])


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_report_in_html_has_each_run(pytester, having, workers):
    having("html", "metadata")
    pytester.makepyfile(test_rerun=FAILING)
    pytester.runpytest_inprocess("--html=report.html", "-Wdefault", *workers).assert_outcomes(passed=1, failed=3)
    text = (pytester.path / "report.html").read_text("utf-8")
    assert all(f"test_it[run{run}]" in text for run in (1, 2, 3, 4))
