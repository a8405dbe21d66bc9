from __future__ import annotations

from tests.unit.report.test_summary import RUN, made

from pytest_netchaos.report.github import Place, annotation, step_summary
from pytest_netchaos.report.summary import summed


def test_an_annotation_is_a_command_with_a_path_in_the_checkout():
    said = annotation("error", Place("/repo/tests/test_x.py", 7), "test_x", "no", "/repo")
    assert said == "::error file=tests/test_x.py,line=7,title=test_x::no"


def test_a_path_outside_the_checkout_stays():
    assert "file=/other/x.py," in annotation("warning", Place("/other/x.py", 7), "t", "no", "/repo")
    assert "file=/other/x.py," in annotation("warning", Place("/other/x.py", 7), "t", "no")


def test_what_would_end_a_property_or_the_command_is_escaped():
    said = annotation("error", Place("/a,b:c.py", 1), "x::y[50%,\n]", "100 %, a: b\r\nsecond line")
    assert said == "::error file=/a%2Cb%3Ac.py,line=1,title=x%3A%3Ay[50%25%2C%0A]::100 %25, a: b%0D%0Asecond line"
    assert "\n" not in said


def test_a_long_message_is_cut():
    assert len(annotation("error", Place("/x.py", 1), "t", "x" * 10_000)) < 2100


def test_the_step_summary_is_a_table():
    text = step_summary(summed(RUN))
    assert text.startswith(
        "### netchaos\n\n| | |\n| --- | --- |\n| flaky-network tests | 4: 2 passed, 1 failed, 1 skip"
    )
    assert text.endswith("|\n\n")
    assert all(line.count("|") == 3 for line in text.splitlines()[2:-1])


def test_a_name_cannot_break_out_of_its_cell():
    text = step_summary(summed([made("t.py::t[<b>|`*\n]", hit=0, vacuous=["cut() on link 'a|b'"])]))
    (row,) = [line for line in text.splitlines() if "t.py" in line]
    assert row == "|  | t.py::t&#91;&lt;b&gt;&#124;&#96;&#42; &#93;: cut() on link 'a&#124;b' |"
