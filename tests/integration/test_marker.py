"""``@pytest.mark.flaky_network``, as a user's suite sees it."""

from __future__ import annotations

import pytest

SERVER = """
import socket, time
import pytest
from pytest_netchaos import Cut, Delay, Flap, Reset, Stall

@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made

@pytest.fixture
def link(netchaos, listener):
    return netchaos.link(listener.getsockname(), name="db")

def late(link, listener):
    started = time.monotonic()
    with socket.create_connection(link.address) as client, listener.accept()[0] as server:
        client.sendall(b"x")
        server.recv(1)
    return time.monotonic() - started
"""


def run(pytester, test, *arguments):
    pytester.makepyfile(SERVER + test)
    return pytester.runpytest_inprocess(*arguments)


@pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
def test_every_link_of_a_marked_test_is_bad_from_the_start(pytester, workers):
    result = run(
        pytester,
        """
@pytest.mark.flaky_network(Delay(0.1, direction="upstream"))
def test_marked(link, listener):
    assert late(link, listener) >= 0.1

def test_unmarked(link, listener):
    assert link.faults == ()
        """,
        *workers,
    )
    result.assert_outcomes(passed=2)


def test_markers_stack_and_reach_classes_and_modules(pytester):
    result = run(
        pytester,
        """
pytestmark = pytest.mark.flaky_network(Delay(0.01))

@pytest.mark.flaky_network(Delay(0.02))
class TestAll:
    @pytest.mark.flaky_network(Flap(), Delay(0.03))
    def test_it(self, link):
        assert [f.fault for f in link.faults] == [Flap(), Delay(0.03), Delay(0.02), Delay(0.01)]
        """,
    )
    result.assert_outcomes(passed=1)


def test_only_the_links_that_are_named_are_hit(pytester):
    result = run(
        pytester,
        """
@pytest.mark.flaky_network(Cut(), links="cache")
def test_it(netchaos, link, listener):
    cache = netchaos.link(listener.getsockname(), name="cache")
    assert ([f.fault for f in cache.faults], link.faults) == ([Cut()], ())
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_name_that_no_link_has_is_an_error(pytester):
    result = run(
        pytester,
        """
@pytest.mark.flaky_network(Cut(), links=["cahce"])
def test_it(link):
    pass
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["E*@pytest.mark.flaky_network names the link 'cahce', which this test never made: it made 'db'"]
    )


@pytest.mark.parametrize(
    ("body", "outcomes"),
    [
        ("assert False", {"failed": 1}),
        ("pytest.skip('not today')", {"skipped": 1}),
        ("pytest.xfail('known')", {"xfailed": 1}),
    ],
)
def test_a_name_that_no_link_has_is_no_matter_where_the_test_did_not_come_so_far(pytester, body, outcomes):
    result = run(
        pytester,
        f"""
@pytest.mark.flaky_network(Cut(), links="cache")
def test_it(link):
    {body}
        """,
    )
    result.assert_outcomes(**outcomes)


def test_a_name_that_no_link_has_is_no_matter_where_a_fixture_failed(pytester):
    result = run(
        pytester,
        """
@pytest.fixture
def cache(link):
    raise OSError("no cache today")

@pytest.mark.flaky_network(Cut(), links="cache")
def test_it(cache): pass
        """,
    )
    result.assert_outcomes(errors=1)
    result.stdout.no_fnmatch_line("*never made*")


def test_the_faults_of_a_marked_test_can_be_healed(pytester):
    result = run(
        pytester,
        """
@pytest.mark.flaky_network(Cut())
def test_it(link):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(link.address)
    link.heal()
    socket.create_connection(link.address).close()
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_seed_in_the_marker_is_the_tests_seed(pytester):
    result = run(
        pytester,
        """
@pytest.mark.flaky_network(Flap(), seed=7)
def test_it(netchaos, link):
    assert netchaos.seed == 7
        """,
    )
    result.assert_outcomes(passed=1)


def test_marked_tests_can_be_selected(pytester):
    result = run(
        pytester,
        """
@pytest.mark.flaky_network(Flap())
def test_marked(link): pass
def test_unmarked(): pass
        """,
        "-m",
        "flaky_network",
        "--strict-markers",
    )
    result.assert_outcomes(passed=1, deselected=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", 'it names no fault: give it one, such as Delay(0.2) or Flap(), or a profile, such as "slow-3g"'),
        ("Delay, Cut()", "Delay is a class: write Delay(…)"),
        ("'slow3g'", "there is no profile 'slow3g': did you mean 'slow-3g'*? (--netchaos-profiles lists them)"),
        ("['2g', '2gg']", "there is no profile '2gg': did you mean '2g'*"),
        ("3", "it takes faults such as Delay(0.2) and names of profiles, not 3"),
        ("Reset()", "reset() is over as soon as it has happened*Flap(fault=Reset())"),
        ("Cut(), seed=-1", "seed must be a whole number from 0 to 9223372036854775807, not -1"),
        ("Cut(), seed='x'", "seed must be a whole number, not 'x'"),
        ("Cut(), runs=0", "runs must be a whole number from 1 to 100000, not 0"),
        ("Cut(), links=[]", "links must be the name of a link, or a list of names, not *"),
        ("Cut(), links=3", "links must be the name of a link, or a list of names, not 3"),
        ("Cut(), sed=1", "it takes faults and profiles, links=, seed=, runs=, and no sed=1"),
        ("fault=Cut()", "give it without a name: flaky_network(Cut()), not flaky_network(fault=Cut())"),
        ("Cut(), 'slow-3g'", "cut() has no end and lets nothing through, so nothing could be seen of 'slow-3g'*"),
        ("[Cut(), 'slow-3g'], Delay(1)", "cut() has no end and lets nothing through*delay(latency=1)*"),
        ("'2g', '2g'", "'2g' is there twice, for the same links"),
    ],
)
def test_a_wrong_marker_ends_the_run_before_any_test(pytester, arguments, said):
    pytester.makepyfile(f"{SERVER}\n@pytest.mark.flaky_network({arguments})\ndef test_it(): pass\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = said.replace("[", "[[]")
    result.stderr.fnmatch_lines([f"ERROR: *::test_it*: @pytest.mark.flaky_network: {said}"])


def test_a_bad_value_in_a_fault_fails_where_it_is_written(pytester):
    pytester.makepyfile(f"{SERVER}\n@pytest.mark.flaky_network(Delay(-1))\ndef test_it(): pass\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["E*latency must be from 0 to 86400, not -1 (seconds; a day at most)"])


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_wrong_marker_is_told_by_the_workers_too(pytester, workers):
    pytester.makepyfile(f"{SERVER}\n@pytest.mark.flaky_network('slow3g')\ndef test_it(): pass\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *::test_it: @pytest.mark.flaky_network: there is no profile 'slow3g'*"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_a_lone_class_fails_where_it_is_written(pytester):
    # pytest takes it for the class that the marker is put on, so no test has the marker.
    pytester.makepyfile(f"{SERVER}\n@pytest.mark.flaky_network(Delay)\ndef test_it(): pass\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["E*Delay is a class: write Delay(…), not Delay, in a marker"])


WORKERS = pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])


@WORKERS
def test_a_list_is_a_test_under_each_of_its_entries(pytester, workers):
    result = run(
        pytester,
        """
@pytest.mark.flaky_network(["2g", Delay(0.01), Flap(down=(0.1, 0.2))])
@pytest.mark.parametrize("n", [1])
def test_it(request, link, n):
    kinds = {"1-2g": 3, "1-delay-0.01": 1, "1-flap-down0.1..0.2": 1}
    assert len(link.faults) == kinds[request.node.callspec.id]
        """,
        "-v",
        *workers,
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines_random(["*::test_it[[]1-2g]*", "*::test_it[[]1-delay-0.01]*"])


def test_lists_of_a_function_a_class_and_a_module_are_each_combination(pytester):
    result = run(
        pytester,
        """
pytestmark = pytest.mark.flaky_network(["2g", "3g"])

@pytest.mark.flaky_network([Delay(0.01), Delay(0.02)])
class TestAll:
    @pytest.mark.flaky_network([Flap(), Stall(direction="upstream")], runs=2)
    def test_it(self, link):
        assert len(link.faults) == 5

    async def helper(self): pass
        """,
        "-v",
    )
    result.assert_outcomes(passed=16)
    result.stdout.fnmatch_lines(["*::TestAll::test_it[[]flap-delay-0.01-2g-run1]*"])


def test_a_parameter_can_have_a_marker_of_its_own(pytester):
    result = run(
        pytester,
        """
@pytest.mark.parametrize("count", [
    pytest.param(3, marks=pytest.mark.flaky_network("2g")), 0,
    pytest.param(1, marks=pytest.mark.flaky_network(Flap())),
])
def test_it(link, count):
    assert len(link.faults) == count

@pytest.mark.flaky_network(["2g", "3g"])
@pytest.mark.parametrize("count", [pytest.param(4, marks=pytest.mark.flaky_network(Flap())), 3])
def test_both(link, count):
    assert len(link.faults) == count
        """,
    )
    result.assert_outcomes(passed=7)


@pytest.mark.parametrize("arguments", ["['2g', '3g']", "'2g', runs=3"])
@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            "@pytest.mark.parametrize('n', [pytest.param(1, marks={mark})])\ndef test_it(n): pass",
            "*it is too late here*",
        ),
        ("class Test(unittest.TestCase):\n    @{mark}\n    def test_it(self): pass", "*unittest.TestCase*"),
        ("@{mark}\nclass Test(unittest.TestCase):\n    def test_it(self): pass", "*unittest.TestCase*"),
    ],
    ids=["param", "TestCase method", "TestCase"],
)
def test_what_cannot_become_several_tests_is_refused(pytester, arguments, test, said):
    body = test.format(mark=f"pytest.mark.flaky_network({arguments})")
    pytester.makepyfile(f"import pytest, unittest\n{body}\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: *::test_it*: @pytest.mark.flaky_network: * makes several tests of one, {said}"]
    )


def test_a_method_of_a_test_case_can_be_marked(pytester):
    result = run(
        pytester,
        """
import unittest

@pytest.mark.flaky_network("2g")
class Test(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _link(self, link):
        self.link = link

    def test_it(self):
        assert len(self.link.faults) == 3
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_marker_that_a_conftest_adds_is_read(pytester):
    pytester.makeconftest(
        """
        import pytest
        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.flaky_network("2g"))
        """
    )
    run(pytester, "def test_it(link): assert len(link.faults) == 3").assert_outcomes(passed=1)


UNUSED = """
@pytest.mark.flaky_network("2g")
def test_without_a_fixture(): pass

@pytest.mark.flaky_network("2g")
def test_without_a_link(netchaos): pass

@pytest.mark.flaky_network("2g")
def test_with_one(link):
    with socket.create_connection(link.address):
        link.wait_for_connection()

@pytest.mark.flaky_network("2g")
def test_that_fails(netchaos): assert False

@pytest.mark.flaky_network("2g")
def test_that_is_skipped(netchaos): pytest.skip("not today")
"""
SAID = "@pytest.mark.flaky_network is on a test that made no link: nothing was under its conditions"


@WORKERS
def test_a_marked_test_without_a_link_is_warned_of(pytester, workers):
    result = run(pytester, UNUSED, "-Wdefault", *workers)
    result.assert_outcomes(passed=3, failed=1, skipped=1, warnings=2)
    result.stdout.fnmatch_lines_random(
        ["*::test_without_a_fixture", f"*NetchaosWarning: {SAID}", "*::test_without_a_link"]
    )


@WORKERS
def test_a_marked_test_without_a_link_fails_under_strict(pytester, workers):
    result = run(pytester, UNUSED, "--netchaos-strict", *workers)
    result.assert_outcomes(passed=1, failed=3, skipped=1)
    result.stdout.fnmatch_lines([f"{SAID} (--netchaos-strict)"])


def test_where_warnings_are_errors_it_fails_that_test_alone(pytester):
    result = run(pytester, UNUSED, "-W", "error")
    result.assert_outcomes(passed=1, failed=3, skipped=1)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
