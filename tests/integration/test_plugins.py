"""What other plugins bring, with the one in ``examples/plugin``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin" / "netchaos_extras.py"
TEST = """
import socket
import pytest

@pytest.mark.flaky_network("head-office-vpn")
def test_it(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = netchaos.link(server.getsockname(), name="db")
        with socket.create_connection(link.address):
            link.wait_for_connection()
            assert [span.fault.kind for span in link.history().faults] == ["delay", "throttle"]
"""


@pytest.fixture
def extras(pytester):
    shutil.copy(EXAMPLE, pytester.path)
    pytester.syspathinsert()
    pytester.makepyfile(test_it=TEST)
    return pytester


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["plain", "n1"])
def test_its_profile_and_its_engine_can_be_used(extras, workers):
    result = extras.runpytest_subprocess("-p", "netchaos_extras", "--netchaos-engine=audited", "-rP", *workers)
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"audit: link db: 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+"])
    assert workers or "netchaos: engine audited" in result.stdout.str()


def test_its_profile_is_listed(extras):
    result = extras.runpytest_inprocess("-p", "netchaos_extras", "--netchaos-profiles")
    result.stdout.fnmatch_lines(["head-office-vpn * 40 ms ± 10 ms each way*", "*measured by our network team*plugin*"])


def test_without_it_the_name_of_its_engine_is_answered_with_those_there_are(extras):
    result = extras.runpytest_inprocess("--netchaos-engine=audited")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--netchaos-engine must be one of embedded, docker, * not 'audited'"])
    result = extras.runpytest_inprocess("-p", "netchaos_extras", "--netchaos-engine=audit")
    result.stderr.fnmatch_lines(["*or of a plugin: audited, not 'audit'"])


def test_it_does_no_harm_where_netchaos_is_off(extras):
    extras.makepyfile(test_it="def test_it(): pass")
    extras.runpytest_subprocess("-p", "no:netchaos", "-p", "netchaos_extras").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [("[7]", "a plugin must give profiles, not 7"), ("7", "'int' object is not iterable"),
     ("[Profile('slow-3g', (), 'x')]", "profile 'slow-3g' has no fault"),
     ("[Profile('slow-3g', (Cut(),), 'x')]", "there is a profile 'slow-3g' already, from pytest-netchaos")],
)  # fmt: skip
def test_a_plugin_with_wrong_profiles_ends_the_run(pytester, given, said):
    pytester.makeconftest(
        f"""
        from pytest_netchaos import Cut
        from pytest_netchaos.profiles import Profile

        def pytest_netchaos_profiles():
            return {given}
        """
    )
    result = pytester.runpytest_inprocess("--netchaos-profile=slow-3g")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*pytest_netchaos_profiles: *{said}*"])
