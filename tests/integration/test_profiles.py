"""Profiles: as options, in a project's file, and switched off."""

from __future__ import annotations

import pytest

WORKERS = pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
HEAD = """
import socket
import pytest
from pytest_netchaos import Cut, Delay, Flap

@pytest.fixture
def link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield netchaos.link(listener.getsockname(), name="db")

def kinds(link):
    return [each.fault.kind for each in link.faults]
"""
PROJECT = """
[tool.netchaos.profiles.warehouse]
latency = 0.08
source = "measured there"
"""


def run(pytester, test, *arguments):
    pytester.makepyfile(HEAD + test)
    return pytester.runpytest_inprocess(*arguments)


@WORKERS
def test_a_whole_run_is_put_under_a_profile(pytester, workers):
    result = run(
        pytester,
        """
def test_unmarked(link):
    assert kinds(link) == ["delay", "throttle", "throttle"]

@pytest.mark.flaky_network(Flap())
def test_marked(link):
    assert kinds(link) == ["flap", "delay", "throttle", "throttle"]

@pytest.mark.flaky_network("slow-3g")
def test_that_has_it_already(link):
    assert kinds(link) == ["delay", "throttle", "throttle"]

def test_without_a_link(): pass
        """,
        "--netchaos-profile=slow-3g",
        *workers,
    )
    result.assert_outcomes(passed=4)
    if not workers:
        result.stdout.fnmatch_lines(["netchaos: engine embedded, profile slow-3g, --netchaos-seed=*"])


@pytest.mark.parametrize("place", ["flag", "environment", "ini"])
def test_several_profiles_from_each_place(pytester, monkeypatch, place):
    if place == "environment":
        monkeypatch.setenv("NETCHAOS_PROFILE", "2g,tunnel")
    if place == "ini":
        pytester.makeini("[pytest]\nnetchaos_profile = 2g,tunnel\n")
    arguments = ["--netchaos-profile=2g,tunnel"] if place == "flag" else []
    run(pytester, "def test_it(link): assert len(link.faults) == 7", *arguments).assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])
def test_an_unknown_profile_ends_the_run_before_it_begins(pytester, workers):
    result = run(pytester, "def test_it(link): pass", "--netchaos-profile=2g,slow3g", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --netchaos-profile: there is no profile 'slow3g': did you mean 'slow-3g'*"])


def test_an_unknown_profile_is_told_with_the_place_that_asks_for_it(pytester, monkeypatch):
    monkeypatch.setenv("NETCHAOS_PROFILE", "slow3g")
    result = run(pytester, "def test_it(link): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: NETCHAOS_PROFILE: there is no profile 'slow3g': did you mean 'slow-3g'*"])
    monkeypatch.delenv("NETCHAOS_PROFILE")
    pytester.makeini("[pytest]\nnetchaos_profile = slow3g\n")
    result = run(pytester, "def test_it(link): pass")
    result.stderr.fnmatch_lines(["ERROR: netchaos_profile in *tox.ini: there is no profile 'slow3g': *"])


@WORKERS
def test_switched_off_the_same_tests_run_on_a_clean_network(pytester, workers):
    result = run(
        pytester,
        """
@pytest.mark.flaky_network(["2g", Cut()], runs=2)
def test_marked(link):
    assert link.faults == ()

@pytest.mark.flaky_network("2g", seed=7)
def test_its_seed_is_the_same(link, netchaos):
    assert netchaos.seed == 7

def test_its_own_faults_are_injected(link):
    with link.cut(), pytest.raises(ConnectionRefusedError):
        socket.create_connection(link.address)
        """,
        "--netchaos-off",
        "--netchaos-profile=tunnel",
        *workers,
    )
    result.assert_outcomes(passed=6)
    if not workers:
        result.stdout.fnmatch_lines(["netchaos: engine embedded, markers and profiles off, --netchaos-seed=*"])


def test_the_ids_are_the_same_with_and_without(pytester):
    test = "@pytest.mark.flaky_network(['2g', Cut()], runs=2)\ndef test_it(link): pass"
    ids = [
        [line for line in run(pytester, test, "--collect-only", "-q", *off).outlines if "::" in line]
        for off in ((), ("--netchaos-off",))
    ]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 4


@WORKERS
def test_a_project_has_profiles_of_its_own(pytester, workers):
    pytester.makepyprojecttoml(PROJECT)
    result = run(
        pytester,
        """
@pytest.mark.flaky_network("warehouse")
def test_it(link):
    assert [each.fault for each in link.faults] == [Delay(0.08)]
        """,
        *workers,
    )
    result.assert_outcomes(passed=1)


def test_a_project_that_has_its_settings_elsewhere_has_profiles_all_the_same(pytester):
    pytester.makeini("[pytest]\n")
    pytester.makepyprojecttoml(PROJECT)
    run(pytester, "def test_it(link): assert len(link.faults) == 1", "--netchaos-profile=warehouse").assert_outcomes(
        passed=1
    )


def test_a_wrong_profile_in_the_project_ends_every_run(pytester):
    pytester.makepyprojecttoml("[tool.netchaos.profiles.warehouse]\nlatency_ms = 80\n")
    result = run(pytester, "def test_it(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: *pyproject.toml: tool.netchaos.profiles.warehouse has no key 'latency_ms': latency is in seconds"]
    )


def test_a_name_of_ours_is_taken(pytester):
    pytester.makepyprojecttoml("[tool.netchaos.profiles.2g]\nlatency = 1\n")
    result = run(pytester, "def test_it(): pass", "--netchaos-profiles")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: *: there is a profile '2g' already, from pytest-netchaos: choose another name"]
    )


@WORKERS
def test_the_profiles_are_listed_and_nothing_is_run(pytester, workers):
    pytester.makepyprojecttoml(PROJECT)
    result = run(pytester, "raise AssertionError('imported')", "--netchaos-profiles", *workers)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "slow-3g *200 ms each way, 62,500 bytes/s down, 62,500 bytes/s up",
            "*Chrome DevTools*",
            "tunnel *stall()*",
            "*our own: *",
            "warehouse *80 ms each way",
            "*measured there; from pyproject.toml",
        ]
    )
    result.stdout.no_fnmatch_line("*collected*")


def test_a_run_that_asks_for_no_profile_does_not_load_them(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_it(netchaos):
            assert "pytest_netchaos.profiles" not in sys.modules
        """
    )
    pytester.makepyprojecttoml("[tool.other]\nname = 'netchaos'\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
