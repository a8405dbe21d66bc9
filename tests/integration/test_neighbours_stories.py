"""The story of a failed test, and nothing left of it, where other plugins and options decide how the test goes."""

from __future__ import annotations

import html
import re

import pytest
from tests.integration.conftest import UNUSED

WORKERS = pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
FAILS = """
import pathlib, socket, time
import pytest

@pytest.fixture
def link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield netchaos.link(listener.getsockname(), name="db")

def test_fails(link, netchaos):
    with pathlib.Path("tries").open("a") as file:
        file.write(f"{netchaos.seed}\\n")
    link.cut()
    netchaos.note(f"this is try {len(pathlib.Path('tries').read_text().split())}")
    assert False

def test_passes(link):
    assert link.faults == ()
"""


@pytest.fixture
def having(monkeypatch):
    """Let the runs inside have some of the plugins that they have no use for otherwise."""

    def have(*names):
        pytest.importorskip(f"pytest_{names[0]}")
        monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-pno:{name}" for name in UNUSED if name not in names))

    return have


def heads(result):
    """The first lines of the stories that a run has shown."""
    return [line for line in result.outlines if re.fullmatch("-+ netchaos -+", line)]


@WORKERS
def test_the_last_of_several_tries_tells_its_own_story(pytester, having, workers):
    having("rerunfailures")
    pytester.makepyfile(FAILS)
    result = pytester.runpytest_inprocess("--reruns=2", *workers)
    result.assert_outcomes(passed=1, failed=1)
    assert len(heads(result)) == 1
    assert set(re.findall(r"this is try \d", result.stdout.str())) == {"this is try 3"}
    tries = (pytester.path / "tries").read_text().split()
    assert (len(tries), len(set(tries))) == (3, 1)


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_report_in_html_has_the_story(pytester, having, workers):
    having("html", "metadata")
    pytester.makepyfile(FAILS)
    pytester.runpytest_inprocess("--html=report.html", "-Wdefault", *workers).assert_outcomes(passed=1, failed=1)
    text = html.unescape(html.unescape((pytester.path / "report.html").read_text("utf-8")))
    assert "this is try 1" in text
    assert re.search(r"pytest \S+::test_fails --netchaos-seed=\d+", text)


def test_randomly_has_no_say_in_the_seed_of_the_run(pytester, having):
    having("randomly")
    pytester.makepyfile(FAILS)
    arguments = ("-p", "no:cacheprovider", "--randomly-seed=1")
    first, second = (
        next(line for line in pytester.runpytest_inprocess(*arguments).outlines if line.startswith("netchaos: "))
        for _ in range(2)
    )
    assert first != second


@WORKERS
def test_a_time_out_tells_the_story(pytester, workers):
    waiting = FAILS.replace("assert False", "\n    __import__('threading').Event().wait()")
    pytester.makepyfile(waiting.replace("def test_fails", "@pytest.mark.timeout(1, func_only=True)\ndef test_fails"))
    result = pytester.runpytest_inprocess("-o", "timeout_method=signal", *workers)
    result.assert_outcomes(passed=1, failed=1)
    assert len(heads(result)) == 1
    result.stdout.fnmatch_lines(["*this is try 1*"])


@WORKERS
def test_the_last_failure_alone_is_run_again_with_the_same_seed(pytester, workers):
    pytester.makepyfile(FAILS)
    pytester.runpytest_inprocess(*workers).assert_outcomes(passed=1, failed=1)
    result = pytester.runpytest_inprocess("--lf", "--netchaos-seed=last", *workers)
    result.assert_outcomes(failed=1)
    tries = (pytester.path / "tries").read_text().split()
    assert (len(tries), len(set(tries))) == (2, 1)


def test_the_first_failure_ends_the_run_and_is_told(pytester):
    pytester.makepyfile(FAILS)
    result = pytester.runpytest_inprocess("-x")
    result.assert_outcomes(failed=1)
    assert len(heads(result)) == 1


def test_collecting_only_tells_nothing(pytester):
    pytester.makepyfile(FAILS)
    result = pytester.runpytest_inprocess("--collect-only", "-q", "--netchaos-seed=3")
    result.stdout.fnmatch_lines(["2 tests collected in *"])
    assert (heads(result), (pytester.path / "tries").exists()) == ([], False)


def test_without_the_plugin_a_failure_has_no_story(pytester):
    pytester.makepyfile("def test_fails():\n    assert False")
    result = pytester.runpytest_inprocess("-p", "no:netchaos")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*netchaos*")
