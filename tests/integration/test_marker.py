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
    @pytest.mark.flaky_network(Stall(), Delay(0.03))
    def test_it(self, link):
        assert [f.fault for f in link.faults] == [Stall(), Delay(0.03), Delay(0.02), Delay(0.01)]
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
def test_it(netchaos):
    assert netchaos.seed == 7
        """,
    )
    result.assert_outcomes(passed=1)


def test_marked_tests_can_be_selected(pytester):
    result = run(
        pytester,
        """
@pytest.mark.flaky_network(Flap())
def test_marked(): pass
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
        ("", "it names no fault: give it one, such as Delay(0.2) or Flap()"),
        ("Delay, Cut()", "Delay is a class: write Delay(…)"),
        ("'slow'", "it takes faults such as Delay(0.2), not 'slow'"),
        ("Reset()", "reset() is over as soon as it has happened*Flap(fault=Reset())"),
        ("Cut(), seed=-1", "seed must be a whole number from 0 to 9223372036854775807, not -1"),
        ("Cut(), seed='x'", "seed must be a whole number, not 'x'"),
        ("Cut(), links=[]", "links must be the name of a link, or a list of names, not *"),
        ("Cut(), links=3", "links must be the name of a link, or a list of names, not 3"),
        ("Cut(), sed=1", "it takes faults, links= and seed=, and no sed=1"),
    ],
)
def test_a_wrong_marker_ends_the_run_before_any_test(pytester, arguments, said):
    pytester.makepyfile(f"{SERVER}\n@pytest.mark.flaky_network({arguments})\ndef test_it(): pass\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = said.replace("[", "[[]")
    result.stderr.fnmatch_lines([f"ERROR: *::test_it: @pytest.mark.flaky_network: {said}"])


def test_a_bad_value_in_a_fault_fails_where_it_is_written(pytester):
    pytester.makepyfile(f"{SERVER}\n@pytest.mark.flaky_network(Delay(-1))\ndef test_it(): pass\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["E*latency must be from 0 to 86400, not -1 (seconds; a day at most)"])
