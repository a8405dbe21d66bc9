"""The story of a failed test is where its reader looks, on any terminal and without one."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

FAILS = """
    import socket
    from pytest_netchaos import exactly_once

    def test_messages_arrive(netchaos, ledger):
        with socket.create_server(("127.0.0.1", 0)) as server:
            link = netchaos.link(server.getsockname(), name="chat")
            with socket.create_connection(link.address):
                link.wait_for_connection()
                ledger.sent("héllo")
                ledger.delivered("héllo")
                with link.cut():
                    for number in range(5):
                        ledger.sent(number)
                assert ledger == exactly_once()
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run the failing test, with these arguments, in an environment with these variables."""
    pytester.makepyfile(FAILS)

    def runs(*arguments, **environment):
        for name, value in ({"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"} | environment).items():
            monkeypatch.setenv(name, value)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=60)

    return runs


def story_in(lines):
    begin = next(place for place, line in enumerate(lines) if line.strip("- ") == "netchaos")
    story = []
    for line in lines[begin + 1 :]:
        story.append(line)
        if "--netchaos-seed=" in line:
            return story
    raise AssertionError(lines)


def test_it_stands_below_the_failure_without_colour(run):
    result = run("--color=no")
    assert "\x1b" not in result.stdout.str()
    story = story_in(result.outlines)
    assert story[0].startswith("1 link, 1 connection, 0 refused dials, 1 fault, 6 sent, 1 delivered")
    assert any(line.startswith("received") and "✗" in line for line in story)
    assert any(line.startswith("LOST  0 … 4 (5): sent ") and line.endswith(", during the cut") for line in story)


def test_a_terminal_of_ascii_gets_ascii(run):
    story = story_in(run("--color=no", PYTHONIOENCODING="ascii").outlines)
    assert "\n".join(story).isascii()
    assert any(line.startswith("received") and "!" in line for line in story)
    assert any(line.startswith("LOST  0 ... 4 (5): sent ") for line in story)
    assert "\\u" not in "\n".join(story)


@pytest.mark.parametrize(("columns", "most"), [(60, 60), (80, 80), (200, 160)])
def test_it_is_as_wide_as_the_terminal(run, columns, most):
    story = story_in(run("--color=no", COLUMNS=str(columns)).outlines)
    (lane,) = [line for line in story if line.startswith("chat  ")]
    assert most - 2 <= len(lane) <= most
    assert max(map(len, story[:-1])) <= most


def test_without_a_terminal_it_is_in_the_junit_file(run, pytester):
    result = run("-p", "no:terminal", "--junitxml=junit.xml")
    assert result.stdout.str() == ""
    (failure,) = ET.parse(pytester.path / "junit.xml").iter("failure")
    story = story_in(failure.text.splitlines())
    assert any(line.startswith("LOST  0 … 4 (5): sent ") for line in story)
    assert max(map(len, story[:-1])) <= 80


def test_a_worker_of_xdist_sends_it(run):
    pytest.importorskip("xdist")
    story = story_in(run("--color=no", "-n1").outlines)
    assert any(line.startswith("LOST  0 … 4 (5): sent ") for line in story)
