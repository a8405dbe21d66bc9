"""Ten situations, told as they are in ``stories/``.

After a change of the wording, ``python -m tests.unit.report.test_stories`` writes them anew: read them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.report.situations import SITUATIONS

from pytest_netchaos.report.page import Page
from pytest_netchaos.report.text import MOST_LINES, write

STORIES = Path(__file__).with_name("stories")


def told(name, width=80, *, ascii_only=False):
    return "".join(f"{line}\n" for line in write(SITUATIONS[name](), Page(width, ascii_only=ascii_only)))


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation_is_told_like_this(name):
    assert told(name) == (STORIES / f"{name}.txt").read_text()


def test_a_narrow_page_in_ascii_tells_it_too():
    assert told("two_links", 60, ascii_only=True) == (STORIES / "two_links_in_60_columns_of_ascii.txt").read_text()


def test_there_is_no_story_without_a_situation():
    assert {path.stem for path in STORIES.iterdir()} == {*SITUATIONS, "two_links_in_60_columns_of_ascii"}


@pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", SITUATIONS)
def test_a_story_fits_its_page(name, width, ascii_only):
    lines = told(name, width, ascii_only=ascii_only).splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= width
    assert not ascii_only or all(line.isascii() for line in lines)
    assert "seed=7" in lines[-1]


@pytest.mark.parametrize("width", [60, 200])
@pytest.mark.parametrize("name", SITUATIONS)
def test_every_sign_of_the_picture_is_explained(name, width):
    lines = told(name, width).splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith("t(s)"))
    margin = len(lines[begin]) - len(lines[begin][4:].lstrip())
    picture = lines[begin + 1 :]
    end = next(place for place, line in enumerate(picture) if not line[:margin].strip())
    signs = {sign for line in picture[:end] for sign in line[margin:]} - {" "}
    legend = {part.strip()[0] for line in picture[end : end + 4] for part in line.split(",") if part.strip()}
    assert signs <= legend


if __name__ == "__main__":
    for situation in SITUATIONS:
        (STORIES / f"{situation}.txt").write_text(told(situation))
    (STORIES / "two_links_in_60_columns_of_ascii.txt").write_text(told("two_links", 60, ascii_only=True))
