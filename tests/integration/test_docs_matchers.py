"""docs/matchers.md is true: its tests pass, its failures are what pytest prints, and no matcher is missing."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import rewrite_asserts
from tests.documented.broken import SCENES
from tests.documented.chat import Client, Server, Subscriber, Turnstile

import pytest_netchaos
from pytest_netchaos.matchers import Matcher

PAGE = (Path(__file__).parents[2] / "docs" / "matchers.md").read_text()
#: By name, as they stand under a heading of their own.
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
MATCHERS = {
    name
    for name in pytest_netchaos.__all__
    if isinstance(getattr(pytest_netchaos, name), type) and issubclass(getattr(pytest_netchaos, name), Matcher)
}
#: What is no matcher, and belongs to them.
OTHERS = {"judge", "eventually", "settle", "fingerprint"}


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


PRELUDE = blocks(PAGE.partition("\n### ")[0], "python")
USES = [(name, block) for name, section in SECTIONS.items() for block in blocks(section, "python")]
FAILURES = [
    (name, block)
    for name, section in SECTIONS.items()
    for block in (*blocks(section, "text"), *blocks(section, "pycon"))
]

#: The fixture that the page shows.
_shown: dict = {}
exec("\n".join(PRELUDE), _shown)
link = _shown["link"]


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def made():
    """Clients, to be disconnected at the end."""
    clients = []
    yield clients
    for client in clients:
        client.disconnect()


def keeping(clients, kind):
    def make(*args, **how):
        clients.append(kind(*args, **how))
        return clients[-1]

    return make


def test_each_matcher_has_a_section():
    assert SECTIONS.keys() == MATCHERS | OTHERS


@pytest.mark.parametrize("name", sorted(MATCHERS | OTHERS))
def test_each_section_has_a_use_and_a_failure(name):
    assert any(f"{name}(" in block and "def test_" in block for block in blocks(SECTIONS[name], "python"))
    assert [named for named, _ in FAILURES].count(name) == len(SCENES[name]) >= 1


def test_each_one_is_in_the_table_of_questions():
    table = PAGE.partition("\n## ")[0]
    assert set(re.findall(r"\]\(#(\w+)\)", table)) == SECTIONS.keys()


def explaining(block):
    """Compile a block as pytest does, so that an assert of it that fails says why."""
    tree = ast.parse(block)
    rewrite_asserts(tree, block.encode())
    return compile(tree, "docs/matchers.md", "exec")


@pytest.mark.parametrize(("name", "block"), USES, ids=[name for name, _ in USES])
def test_a_use_passes(request, server, link, made, name, block):
    kinds = {kind.__name__: keeping(made, kind) for kind in (Client, Subscriber)}
    space = {"Turnstile": Turnstile, **kinds}
    exec(explaining(block), space)
    (test,) = [value for key, value in space.items() if key.startswith("test_")]
    names = test.__code__.co_varnames[: test.__code__.co_argcount]
    test(**{argument: request.getfixturevalue(argument) for argument in names})


def scene_of(place):
    name = FAILURES[place][0]
    return SCENES[name][[named for named, _ in FAILURES[:place]].count(name)]


def statement_of(block):
    return block.splitlines()[0].lstrip(">").strip()


def normalised(text):
    """Replace what differs from run to run: where a line stands, and how often was asked."""
    return re.sub(r"asked \d+ times", "asked 9 times", re.sub(r"\w+\.py:\d+", "test_chat.py:12", text))


@pytest.fixture
def printed(pytester, monkeypatch):
    """What pytest prints of each failing line of the page: the line, and what is wrong."""
    monkeypatch.delenv("CI", raising=False)  # there, pytest shows all of an explanation
    lines = ["from pytest_netchaos import *", "from tests.integration.test_docs_matchers import scene_of"]
    for place, (_, block) in enumerate(FAILURES):
        names = ", ".join(scene_of(place))
        unpacked = f"    {names}, = scene_of({place}).values()"
        lines += [f"def test_{place}():", unpacked, f"    {statement_of(block)}", ""]
    pytester.makepyfile("\n".join(lines))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--color=no")
    return result.outlines


def failure(printed, place):
    begin = next(i for i, line in enumerate(printed) if line.startswith("____") and f" test_{place} " in line)
    lines = []
    for line in printed[begin + 1 :]:
        if line.startswith("____"):
            break
        if line.startswith((">", "E")):
            lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def test_each_failure_is_what_pytest_prints(printed):
    shown = {place: block for place, (_, block) in enumerate(FAILURES) if block.startswith(">  ")}
    assert shown
    assert {place: normalised(failure(printed, place)) for place in shown} == {
        place: normalised(block) for place, block in shown.items()
    }


@pytest.mark.parametrize("place", [place for place, (_, block) in enumerate(FAILURES) if block.startswith(">>>")])
def test_what_is_printed_is_what_the_page_says(place):
    statement, _, expected = FAILURES[place][1].partition("\n")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(statement.removeprefix(">>> "), vars(pytest_netchaos) | scene_of(place))
    assert out.getvalue() == expected
