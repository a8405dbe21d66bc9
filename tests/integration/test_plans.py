"""Plans under pytest: from the marker, in a failure's story, under --netchaos-strict and --netchaos-off."""

from __future__ import annotations

import pytest

HEAD = """
import socket
import pytest
from pytest_netchaos.faults import Cut, Delay, Reset, Stall
from pytest_netchaos.plan import Plan, Step
from pytest_netchaos.plans.schedules import poisson
from pytest_netchaos.triggers import OnConnection

@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made

flaky = pytest.mark.flaky_network
"""


def test_a_markers_plan_is_carried_out(pytester):
    pytester.makepyfile(
        HEAD
        + """
@flaky(Plan(Step(Reset(), on=OnConnection(2)), Step(Cut(), at=0.01, for_=0.01), Step(Reset(), after=0)))
def test_it(netchaos, server):
    link = netchaos.link(server.getsockname()[1], name="db")
    link.wait_for(lambda history: [span.fault.kind for span in history.faults] == ["cut", "reset"])
    for _ in range(2):
        client = socket.create_connection(link.address)
    with pytest.raises(ConnectionResetError):
        client.recv(1)
"""
    )
    pytester.runpytest_subprocess("--netchaos-strict").assert_outcomes(passed=1)


def test_a_step_that_never_fired_is_in_the_story_of_a_failure(pytester):
    pytester.makepyfile(
        HEAD
        + """
def test_it(netchaos, server):
    link = netchaos.link(server.getsockname()[1], name="db")
    netchaos.run(Plan(Step(Cut(), at=0, for_=0.1), Step(Stall(), at=3600), Step(Reset(), on=OnConnection(2))))
    assert False
"""
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [
            r"plan: step 2 of 3, Step\(Stall\(\), at=3600\), never fired: it was due at 3600 s,.*",
            r"  .*the test was over after .* s",
            r"plan: step 3 of 3, Step\(Reset\(\), on=OnConnection\(2\)\), never fired: .*",
            r"  .*link has seen no connection",
        ]
    )


ASLEEP = """
@flaky(Plan(Step(Cut(), at=0), Step(Reset(), at=3600)))
def test_it(netchaos, server):
    netchaos.link(server.getsockname()[1], name="db")
"""


def test_a_step_that_never_fired_fails_a_test_that_passed_under_strict(pytester):
    pytester.makepyfile(HEAD + ASLEEP)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
    result = pytester.runpytest_subprocess("--netchaos-strict")
    result.assert_outcomes(failed=1)
    said = "never fired: it was due at 3600 s, and the test was over after * s (--netchaos-strict)"
    result.stdout.fnmatch_lines([f"E *NetchaosError: plan: step 2 of 2, Step(Reset(), at=3600), {said}"])
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_with_netchaos_off_a_markers_plan_is_left_out_and_the_tests_own_is_not(pytester):
    pytester.makepyfile(
        HEAD
        + """
@flaky(Plan(Step(Cut(), at=0), Step(Reset(), at=3600)))
def test_it(netchaos, server):
    link = netchaos.link(server.getsockname()[1], name="db")
    assert link.faults == ()
    netchaos.run(Plan(Step(Stall(), at=0)))
    assert [injection.fault.kind for injection in link.faults] == ["stall"]
    with socket.create_connection(link.address):
        link.wait_for_dial()
"""
    )
    pytester.runpytest_subprocess("--netchaos-off", "--netchaos-strict").assert_outcomes(passed=1)


def test_an_engine_that_dies_during_a_plan_is_told_in_the_test(pytester):
    pytester.makepyfile(
        HEAD
        + """
import os, signal

def test_it(netchaos, server):
    netchaos.link(server.getsockname()[1], name="db")
    run = netchaos.run(Plan(Step(Stall(), at=0.2), Step(Reset(), at=3600)))
    os.kill(netchaos._engine.pid, signal.SIGKILL)
    run.wait()
"""
    )
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(["*EngineDied: the relay *"])


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("flaky(Step(Cut(), at=1))", "it takes plans, which are made of steps: Plan(Step(Cut(), at=1))"),
        ("flaky(Plan, links='db')", "it takes plans: Plan(Step(Cut(), at=0.5, for_=0.2))"),
        (
            "flaky(Plan(Step(Cut(), at=1, link='db')), links='web')",
            "its plan has a step for link 'db', which links=['web'] leaves out",
        ),
        ("flaky(poisson(1, 2, seed=1), poisson(1, 2, seed=1))", "Plan(Step(*)) is there twice, for the same links"),
    ],
)
def test_a_marker_that_makes_no_sense_ends_the_run_before_it_begins(pytester, marker, said):
    pytester.makepyfile(HEAD + f"@{marker}\ndef test_it(netchaos): pass\n")
    result = pytester.runpytest_subprocess()
    escaped = said.replace("[", "[[]")
    result.stderr.fnmatch_lines([f"ERROR: *::test_it: @pytest.mark.flaky_network: {escaped}"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_list_of_plans_is_a_test_for_each_on_any_worker(pytester, workers):
    pytester.makepyfile(
        HEAD
        + """
@flaky([poisson(1, 0.1, seed=1), poisson(1, 0.1, seed=2)])
def test_it(netchaos, server):
    netchaos.link(server.getsockname()[1], name="db").wait_for(lambda history: history.faults)
"""
    )
    result = pytester.runpytest_subprocess("-v", "-n", workers)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines_random(["*test_it[[]plan1[]]*", "*test_it[[]plan2[]]*"])
