"""What the README shows is what the suite runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_test_to_copy_is_an_example():
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks[0] == (ROOT / "examples" / "test_first.py").read_text()


@pytest.mark.parametrize("name", ["main", "tests"])
def test_each_command_is_one_line(name):
    found = re.findall(rf"<!-- command: {name} -->\n```console\n(.*?)```", README, re.DOTALL)
    assert [block.count("\n") for block in found] == [1]


def test_every_link_to_a_file_leads_somewhere():
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", README) if "://" not in t]
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_option_is_documented():
    from pytest_netchaos.options import OPTIONS

    for option in OPTIONS:
        assert {name for name in (option.flag, option.variable, option.dest) if f"`{name}" not in README} == set()
