"""A story's page shows the failure that its test provokes: `Page`, of `examples/stories/conftest.py`."""

from __future__ import annotations

import pytest

from examples.stories.conftest import Page

SHOWN = """\
```text
>       assert link == dial_rate(10)
E       AssertionError: assert 12 dials within one second, at most 10 allowed
E           0.100s |@ .  | 1.900s
E           ...
E           the last of them
```
"""


def failure(*lines):
    with pytest.raises(AssertionError) as caught:
        raise AssertionError("\n".join(lines))
    return caught


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(SHOWN)
    return Page(path)


def test_times_may_differ_and_dots_stand_for_any_lines(page):
    first = "assert 12 dials within one second, at most 10 allowed"
    assert page.shows(failure(first, "  0.200s |@ .  | 3.100s", "  the last of them"))
    assert page.shows(failure(first, "  0.200s |@ .  | 13.1s", "  one", "  two", "  the last of them"))


def test_the_machine_may_have_stood_still(page):
    first = "assert 12 dials within one second, at most 10 allowed"
    still = "this process stood still for 0.21s, 0.144s after dial 27: that can make a wait late"
    assert page.shows(failure(first, "  0.200s |@ .  | 3.100s", "  the last of them", still))


NOT_SHOWN = r"README\.md doesn't show this failure:"


@pytest.mark.parametrize(("dials", "histogram"), [(13, "|@ .  |"), (12, "|  . @|")])
def test_counts_and_histograms_may_differ_where_the_test_says_so(page, dials, histogram):
    first = f"{dials} dials within one second, at most 10 allowed"
    seen = failure(first, f"  0.100s {histogram} 1.900s", "  the last of them")
    with pytest.raises(AssertionError, match=NOT_SHOWN):
        page.shows(seen)
    assert page.shows(seen, whatever_the_counts=True)


@pytest.mark.parametrize("whatever_the_counts", [False, True])
def test_another_failure_is_not_shown(page, whatever_the_counts):
    seen = failure("12 dials within one second, at most 10 allowed", "  0.100s |@ .  | 1.900s", "  the first of them")
    with pytest.raises(AssertionError, match=NOT_SHOWN):
        page.shows(seen, whatever_the_counts=whatever_the_counts)
