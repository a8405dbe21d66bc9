"""What a run says at its end of all its links: to people, and to GitHub Actions."""

from __future__ import annotations

import os

import pytest

TESTS = """
import socket
import pytest
from pytest_netchaos import Delay

@pytest.fixture
def link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield netchaos.link(listener.getsockname(), name="db")

@pytest.mark.flaky_network(Delay(0.001))
@pytest.mark.parametrize("x", [1, 2])
def test_comes_back(link, x):
    with socket.create_connection(link.address):
        link.wait_for_connection()
        link.cut().heal()
        with socket.create_connection(link.address):
            link.wait_for_connection(2)
    assert x == 1

@pytest.mark.flaky_network(Delay(0.001))
def test_vacuous(link): pass

@pytest.mark.flaky_network(Delay(0.001))
@pytest.mark.skip
def test_skipped(link): pass

def test_plain(): pass
"""
WORKERS = pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])


@pytest.fixture
def run(pytester, monkeypatch):
    pytester.makepyfile(test_it=TESTS)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("PY_COLORS", "0")
    return lambda *arguments: pytester.runpytest_inprocess("-p", "no:randomly", *arguments)


@pytest.fixture
def github(pytester, monkeypatch):
    """Make this a step of GitHub Actions; the file with its summary."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    return pytester.path / "summary.md"


@WORKERS
def test_a_table_tells_what_happened_to_all_links(run, workers):
    result = run(*workers)
    result.assert_outcomes(passed=3, failed=1, skipped=1)
    result.stdout.re_match_lines(
        [
            "=+ netchaos =+",
            r"flaky-network tests  4: 2 passed, 1 failed, 1 skipped",
            r"faults injected      5, of which 4 hit traffic",
            r"outages              2",
            r"reconnects           2",
            r"slowest recoveries   .* m?s  test_it\.py::test_comes_back\[\d\], link 'db'",
            r"                     .* m?s  test_it\.py::test_comes_back\[\d\], link 'db'",
            r"vacuous tests        1: no fault of theirs hit traffic, so they prove nothing",
            r"                     test_it\.py::test_vacuous: delay\(latency=0\.001\) on link 'db'",
        ],
        consecutive=True,
    )
    assert "::error" not in result.stdout.str()


def test_a_quiet_run_has_less_of_it_and_a_very_quiet_one_nothing(run):
    quiet = run("-q").outlines
    (place,) = [place for place, line in enumerate(quiet) if line.startswith("netchaos: ")]
    assert quiet[place].startswith("netchaos: 4 flaky-network tests (1 failed), 4 of 5 faults hit traffic")
    assert not any("slowest" in line for line in quiet)
    assert not any("flaky-network tests" in line for line in run("-qq").outlines)


def test_a_run_without_links_has_none(pytester):
    pytester.makepyfile("def test_it(): pass")
    assert "netchaos ===" not in pytester.runpytest_inprocess().stdout.str()


@pytest.mark.parametrize("loud", [(), ("-q",)], ids=["plain", "quiet"])
def test_a_run_whose_links_had_nothing_to_suffer_has_none(pytester, loud):
    pytester.makepyfile(HEAD + "def test_it(link): socket.create_connection(link.address).close()")
    result = pytester.runpytest_inprocess(*loud)
    result.assert_outcomes(passed=1)
    assert not [line for line in result.outlines if "netchaos ==" in line or line.startswith("netchaos: 0")]


def test_what_a_worker_saw_before_it_died_is_summed_up(pytester):
    pytest.importorskip("xdist")
    pytester.makepyfile(
        HEAD
        + """
def test_comes_back(link):
    with socket.create_connection(link.address):
        link.wait_for_connection()
        link.cut().heal()
        socket.create_connection(link.address).close()
        link.wait_for_connection(2)

def test_dies(link):
    link.cut()
    __import__("os")._exit(3)
"""
    )
    result = pytester.runpytest_inprocess("-n1", "--max-worker-restart=0")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "flaky-network tests  0",
            "faults injected      1, of which 1 hit traffic",
            "outages              1",
            "reconnects           1",
        ]
    )


def test_a_vacuous_test_fails_under_strict(run):
    result = run("--netchaos-strict", "-k", "vacuous")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["*delay(latency=0.001) on link 'db' hit no traffic: *(--netchaos-strict)*"])


def test_what_has_failed_already_says_why_and_what_hit_something_passes_under_strict(run):
    result = run("--netchaos-strict", "-k", "comes_back")
    result.assert_outcomes(passed=1, failed=1, deselected=3)
    assert "hit no traffic: while" not in result.stdout.str()


def test_only_the_last_attempt_of_a_test_counts(run, monkeypatch):
    pytest.importorskip("pytest_rerunfailures")
    monkeypatch.setenv("PYTEST_ADDOPTS", os.environ["PYTEST_ADDOPTS"].replace("-pno:rerunfailures", ""))
    result = run("--reruns=1", "-k", "comes_back")
    result.stdout.fnmatch_lines(["flaky-network tests  2: 1 passed, 1 failed", "faults injected      4, *"])


def test_a_failure_ends_with_the_command_that_replays_it(run):
    lines = run("--netchaos-seed=5", "--netchaos-profile=cable", "-k", "comes_back").outlines
    (line,) = [line for line in lines if line.startswith("pytest ")]
    assert line == "pytest 'test_it.py::test_comes_back[2]' --netchaos-seed=5 --netchaos-profile=cable"


@pytest.mark.parametrize("terminal", [(), ("-n2",), ("-p", "no:terminal")], ids=["plain", "n2", "no terminal"])
def test_github_gets_annotations_and_a_summary(run, github, terminal):
    lines = run(*terminal).outlines
    failed = "title=test_it.py%3A%3Atest_comes_back[2]::assert 2 == 1"
    (error,) = [line for line in lines if line.startswith("::") and "error" in line]
    assert error == f"::error file=test_it.py,line=18,{failed}"
    (warning,) = [line for line in lines if line.startswith("::warning")]
    assert warning.startswith(
        "::warning file=test_it.py,line=20,title=test_it.py%3A%3Atest_vacuous::delay(latency=0.001) on link 'db' hit no"
    )
    assert github.read_text().count("### netchaos") == 1
    assert "| flaky-network tests | 4: 2 passed, 1 failed, 1 skipped |" in github.read_text()


def test_github_gets_nothing_where_it_is_off(run, github):
    assert "::" not in [line[:2] for line in run("--netchaos-github=no").outlines]
    assert not github.exists()


def test_a_summary_that_cannot_be_written_fails_nothing(run, github):
    github.mkdir()
    result = run("-k", "vacuous")
    result.assert_outcomes(passed=1, deselected=4)
    result.stdout.fnmatch_lines(["*netchaos: GITHUB_STEP_SUMMARY can't be written to: *"])


HEAD = """
import socket
import pytest
from pytest_netchaos import Cut, Delay, OnConnection, Plan, Step, exactly_once

@pytest.fixture
def link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield netchaos.link(listener.getsockname(), name="db")
"""


def test_a_fault_that_hit_only_the_background_is_not_called_vacuous(pytester):
    pytester.makepyfile(
        HEAD
        + """
def test_it(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = netchaos.link(listener.getsockname(), background=["127.0.0.2"])
        with socket.create_connection(link.address, source_address=("127.0.0.2", 0)) as replica:
            link.cut()
            with pytest.raises(ConnectionResetError):
                replica.recv(1)
"""
    )
    result = pytester.runpytest_inprocess("--netchaos-strict")
    result.assert_outcomes(passed=1)
    assert "vacuous tests" not in result.stdout.str()


NEVER = """
@pytest.mark.flaky_network(Plan(Step(Cut(), at=3600)))
def test_plan(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = netchaos.link(listener.getsockname(), name="db")
        socket.create_connection(link.address).close()

def test_armed(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = netchaos.link(listener.getsockname(), name="db")
        link.cut(when=OnConnection(7))
        socket.create_connection(link.address).close()
"""


def test_a_fault_that_never_came_into_force_makes_a_test_vacuous_too(pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makepyfile(test_it=HEAD + NEVER)
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "vacuous tests        2: *",
            "*test_it.py::test_armed: cut() on link 'db', armed for connection 7",
            "*test_it.py::test_plan: plan: step 1 of 1, Step(Cut(), at=3600), never fired: it was due at 3600 s*",
        ]
    )
    result = pytester.runpytest_inprocess("--netchaos-strict")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["cut() on link 'db', armed for connection 7: no fault ever came*(--netchaos-strict)"])


def test_a_test_that_was_skipped_on_its_way_is_not_called_vacuous(pytester, github):
    pytester.makepyfile(
        HEAD
        + """
@pytest.mark.flaky_network(Delay(0.001))
def test_it(link):
    pytest.skip("another day")
"""
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(skipped=1)
    assert "vacuous tests" not in result.stdout.str()
    assert "::warning" not in result.stdout.str()


def test_with_netchaos_off_a_contract_need_not_cross_the_faults_that_were_left_out(pytester):
    pytester.makepyfile(
        HEAD
        + """
def deliver(ledger):
    ledger.expect("bob")
    ledger.sent(1)
    ledger.delivered(1, subscriber="bob")
    assert ledger == exactly_once()

@pytest.mark.flaky_network(Plan(Step(Cut(), at=0, for_=0.01)))
def test_marked(link, ledger): deliver(ledger)

def test_plain(link, ledger): deliver(ledger)
"""
    )
    pytester.runpytest_inprocess("--netchaos-strict", "--netchaos-off").assert_outcomes(passed=1, failed=1)
    both = pytester.runpytest_inprocess("--netchaos-strict", "--netchaos-off", "--netchaos-profile=lte")
    both.assert_outcomes(passed=2)


def test_the_command_of_the_first_failed_run_is_for_where_the_run_was_started(pytester, monkeypatch):
    pytester.makepyfile(test_it="import pytest\n@pytest.mark.flaky_network(runs=2)\ndef test_it(): assert False")
    pytester.makeini("[pytest]")
    monkeypatch.chdir(pytester.mkdir("sub"))
    result = pytester.runpytest_inprocess("--netchaos-seed=5", "../test_it.py")
    result.stdout.fnmatch_lines(["    pytest '../test_it.py::test_it[[]run1]' --netchaos-seed=5"])
