"""What outlives a test: JSON timelines, JUnit properties, and the remark that the event loop stood still."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET

import pytest

from pytest_netchaos import exactly_once, load_timeline, reconnected
from pytest_netchaos.report.json_files import file_name

CHAT = """
import socket
import pytest

@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener

@pytest.fixture
def broken(netchaos, server):
    netchaos.link(server.getsockname(), name="db").cut().heal()
    raise RuntimeError("the set-up fails")

def use(netchaos, server, ledger):
    link = netchaos.link(server.getsockname(), name="db")
    for n in range(2):
        with socket.create_connection(link.address):
            link.wait_for_connection(n + 1)
            ledger.sent(n)
            ledger.delivered(n)
            netchaos.note("round")
        with link.cut():
            pass
    with socket.create_connection(link.address):
        link.wait_for_connection(3)

def test_passes(netchaos, server, ledger):
    use(netchaos, server, ledger)

def test_fails(netchaos, server, ledger):
    use(netchaos, server, ledger)
    assert False

def test_skips(netchaos, server, ledger):
    use(netchaos, server, ledger)
    pytest.skip("on its way")

def test_is_not_reached(broken):
    pass

def test_without_a_link(netchaos):
    pass

def test_without_netchaos():
    pass
"""
OUTCOMES = {"passed": 3, "failed": 1, "skipped": 1, "errors": 1}
WORKERS = pytest.mark.parametrize("workers", ["-n0", "-n2"])


@pytest.fixture
def chat(pytester):
    pytester.makepyfile(test_chat=CHAT)
    return pytester


def timelines(directory):
    return {read.run.test.partition("::")[2]: read for read in map(load_timeline, directory.glob("*.json"))}


def junit(path):
    """Return the properties of each test case, in order."""
    cases = ET.parse(path).getroot().iter("testcase")
    return {case.get("name"): [(p.get("name"), p.get("value")) for p in case.iter("property")] for case in cases}


@WORKERS
def test_each_test_that_used_netchaos_has_a_file_whatever_became_of_it(chat, workers):
    chat.runpytest_subprocess(workers, "--netchaos-timeline=made/here", "--netchaos-seed=7").assert_outcomes(**OUTCOMES)
    found = timelines(chat.path / "made" / "here")
    assert {name: read.run.outcome for name, read in found.items()} == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_skips": "skipped",
        "test_is_not_reached": "failed",
        "test_without_a_link": "passed",
    }
    assert not [path for path in (chat.path / "made" / "here").iterdir() if path.suffix != ".json"]
    read = found["test_fails"]
    assert read.run.run_seed == 7
    assert read.run.engine == "embedded"
    assert read.links["db"] == reconnected(within=60)
    assert len(read.links["db"].connections) == 3
    assert read.ledgers[0] == exactly_once()
    assert [note.text for note in read.notes] == ["round", "round"]
    assert min(entry.at for entry in read.timeline) == 0.0
    assert found["test_without_a_link"].links == {}
    assert len(found["test_is_not_reached"].links["db"].faults) == 1


@WORKERS
def test_junit_has_properties_of_the_tests_with_links(chat, workers):
    chat.runpytest_subprocess(workers, "--junitxml=it.xml", "--netchaos-timeline=made").assert_outcomes(**OUTCOMES)
    found = junit(chat.path / "it.xml")
    assert found["test_without_a_link"] == found["test_without_netchaos"] == []
    for name in ("test_passes", "test_fails", "test_skips"):
        properties = dict(found[name])
        assert len(properties) == len(found[name]) == 7
        assert properties["netchaos_links"] == "1: db"
        assert properties["netchaos_faults"] == "2: 2 cut"
        assert int(properties["netchaos_dials"]) >= 3
        assert properties["netchaos_connections"] == "3"
        assert float(properties["netchaos_outages_seconds"]) > 0
        read = load_timeline(properties["netchaos_timeline"])
        assert read.run.test == f"test_chat.py::{name}"
        assert properties["netchaos_seed"] == str(read.seed)
    assert dict(found["test_is_not_reached"])["netchaos_faults"] == "1: 1 cut"


def test_junit_has_no_timeline_that_nobody_asked_for(chat):
    chat.runpytest_inprocess("--junitxml=it.xml", "-k", "passes").assert_outcomes(passed=1, deselected=5)
    assert "netchaos_timeline" not in dict(junit(chat.path / "it.xml")["test_passes"])
    assert "netchaos_links" in dict(junit(chat.path / "it.xml")["test_passes"])


@pytest.mark.parametrize("without", ["terminal", "junitxml"])
def test_it_writes_without_other_plugins(chat, without):
    result = chat.runpytest_subprocess("-p", f"no:{without}", "--netchaos-timeline=made")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert len(timelines(chat.path / "made")) == 5


def test_without_the_plugin_there_is_nothing_in_the_way(pytester):
    pytester.makepyfile("def test_it(record_property):\n    record_property('netchaos_seed', '1')\n")
    pytester.runpytest_subprocess("-p", "no:netchaos", "--junitxml=it.xml").assert_outcomes(passed=1)
    assert junit(pytester.path / "it.xml") == {"test_it": [("netchaos_seed", "1")]}


def test_a_rerun_replaces_what_the_run_before_has_left(chat):
    chat.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            runtestprotocol(item, nextitem=nextitem, log=False)
            item._initrequest()
            runtestprotocol(item, nextitem=nextitem)
            return True
        """
    )
    chat.runpytest_inprocess("--junitxml=it.xml", "--netchaos-timeline=made", "-k", "passes")
    names = [name for name, _ in junit(chat.path / "it.xml")["test_passes"]]
    assert len(names) == len(set(names)) == 7
    assert len(timelines(chat.path / "made")) == 1


ODD = ["a", "A", "a/b", "a:b", "a b", "é", "ß", "\\udc80", "..", "CON", "x" * 300, "x" * 299 + "y", "<>|?*", ""]


@WORKERS
def test_parametrised_tests_with_odd_names_have_files_of_their_own(pytester, workers):
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.parametrize("value", range({len(ODD)}), ids={ODD!r})
        def test_it(netchaos, value):
            netchaos.note(str(value))
        """
    )
    pytester.runpytest_subprocess(workers, "--netchaos-timeline=made").assert_outcomes(passed=len(ODD))
    names = [path.name for path in (pytester.path / "made").iterdir()]
    assert len({name.lower() for name in names}) == len(ODD)
    read = timelines(pytester.path / "made").values()
    assert sorted(int(run.notes[0].text) for run in read) == list(range(len(ODD)))


@pytest.mark.parametrize("place", ["flag", "environment", "ini"])
def test_the_directory_is_taken_from_each_place(chat, monkeypatch, place):
    arguments = ["-k", "without_a_link"]
    if place == "flag":
        arguments.append("--netchaos-timeline=made")
    elif place == "environment":
        monkeypatch.setenv("NETCHAOS_TIMELINE", "made")
    else:
        chat.makeini("[pytest]\nnetchaos_timeline = made\n")
    chat.runpytest_inprocess(*arguments).assert_outcomes(passed=1, deselected=5)
    assert (chat.path / "made" / file_name("test_chat.py::test_without_a_link")).exists()


def test_in_the_ini_file_it_is_relative_to_that_file(chat):
    chat.makeini("[pytest]\nnetchaos_timeline = made\n")
    elsewhere = chat.mkdir("elsewhere")
    os.chdir(elsewhere)
    chat.runpytest_subprocess("..", "-k", "without_a_link").assert_outcomes(passed=1, deselected=5)
    assert (chat.path / "made").is_dir()
    assert list(elsewhere.iterdir()) == []


@WORKERS
def test_a_directory_that_is_a_file_ends_the_run_before_it_begins(chat, workers):
    (chat.path / "file").write_text("")
    result = chat.runpytest_subprocess(workers, "--netchaos-timeline=file/below")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --netchaos-timeline must be a directory, and '*file' is none, not 'file/below'"]
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="a superuser may write everywhere")
def test_a_directory_that_cannot_be_written_to_ends_the_run_before_it_begins(chat):
    chat.mkdir("locked").chmod(0o500)
    result = chat.runpytest_subprocess("--netchaos-timeline=locked/below")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --netchaos-timeline must be a directory that can be written to, and *"])


def test_a_directory_that_goes_away_in_the_run_is_an_error_of_the_test_that_could_not_write(pytester):
    pytester.makepyfile(
        """
        import pathlib, shutil, socket

        def test_it(netchaos):
            link = netchaos.link(9)
            shutil.rmtree("made", ignore_errors=True)
            pathlib.Path("made").write_text("")

        def test_after_it():
            pass
        """
    )
    result = pytester.runpytest_subprocess("--netchaos-timeline=made", "-p", "no:randomly")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*NetchaosError: the timeline of *::test_it can't be written to *made*"])


LAGGING = """
import asyncio, time

def test_it(netchaos):
    async def main():
        netchaos.link(9).cut()
        await asyncio.sleep(0.1)
        time.sleep(0.5)
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert False
"""


def test_a_failure_tells_that_the_event_loop_stood_still(pytester):
    pytester.makepyfile(LAGGING)
    result = pytester.runpytest_subprocess("--netchaos-timeline=made")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r".*stood still for \d\.\d\ds at -?\d+\.\d{3}s: that can make a wait late"])
    (read,) = timelines(pytester.path / "made").values()
    assert any("stood still" in line for line in read.remarks)
    assert max(lag.lasted for lag in read.lags) > 0.3


def test_no_thread_outlives_its_test(pytester):
    pytester.makepyfile(
        """
        import threading

        def test_with_a_link(netchaos):
            netchaos.link(9)
            assert "netchaos-lag" in [thread.name for thread in threading.enumerate()]

        def test_after_it():
            assert "netchaos-lag" not in [thread.name for thread in threading.enumerate()]
        """
    )
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=2)
