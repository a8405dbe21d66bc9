from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.matchers.scripts import TICK, Replay, Script, fits, text

from pytest_netchaos.history import Dial, Dials
from pytest_netchaos.matchers.rate import dial_rate


def dials(*moments, blind="", first=1):
    return Dials((Dial(n, at, "refused", reason="cut") for n, at in enumerate(moments, first)), blind)


def served(*moments, blind=""):
    return Dials((Dial(n, at, "served", connection=n) for n, at in enumerate(moments, 1)), blind)


@pytest.mark.parametrize(
    ("most", "seen", "holds"),
    [
        (2, dials(0.0, 0.5), True),
        (2, dials(0.0, 0.5, 0.999), False),
        (2, dials(0.0, 0.5, 1.0), True),
        (2, dials(0.0, 0.9, 1.1, 1.2), False),
        (1, dials(0.0, 1.0, 2.0), True),
        (1, dials(0.0, 1.0, 1.5), False),
        (5, dials(), False),
        (5, dials(0.0), False),
        (5, dials(0.0, first=2), True),
    ],
)
def test_dial_rate(most, seen, holds):
    assert (seen == dial_rate(most)) is holds


def test_a_history_and_a_link_are_judged_by_their_dials_and_not_waited_for():
    script = Script().serve(0.0, 1.0).refuse(1.1).refuse(1.2)
    assert script.at(2.0) == dial_rate(3)
    assert script.at(2.0) != dial_rate(1)
    link = Replay(script, 1.1)
    assert link == dial_rate(1)
    assert link.now == 1.1


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (0, ValueError, "max_per_second must be at least 1, not 0"),
        (1.5, TypeError, "max_per_second must be a whole number, not 1.5"),
        (True, TypeError, "max_per_second must be a whole number, not True"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(value, error, said):
    with pytest.raises(error) as caught:
        dial_rate(value)
    assert str(caught.value) == said


def test_too_many():
    assert text(dial_rate(3).explain(dials(0.0, 1.5, 1.6, 1.625, 2.0, 2.25, 2.375, 4.0))) == (
        "6 dials within one second, at most 3 allowed: dial_rate(max_per_second=3)\n"
        "  dial 2  +1.500s  refused: cut\n"
        "  dial 3  +1.600s  refused: cut\n"
        "  dial 4  +1.625s  refused: cut\n"
        "  dial 5  +2.000s  refused: cut\n"
        "  … 2 more, the last is dial 7  +2.375s\n"
        "gaps between these: shortest 0.025s, middle 0.125s, longest 0.375s"
    )


def test_just_too_many():
    assert text(dial_rate(1).explain(served(0.0, 0.25))) == (
        "2 dials within one second, at most 1 allowed: dial_rate(max_per_second=1)\n"
        "  dial 1  +0.000s  served as connection 1\n"
        "  dial 2  +0.250s  served as connection 2\n"
        "gaps between these: shortest 0.250s, middle 0.250s, longest 0.250s"
    )


@pytest.mark.parametrize(("seen", "said"), [(dials(), "0 dials"), (dials(0.0), "1 dial")])
def test_nothing_to_judge(seen, said):
    assert dial_rate(9).explain(seen) == [f"no reconnect to judge: {said}: dial_rate(max_per_second=9)"]


def test_when_dials_may_have_been_missed_it_does_not_pass():
    assert dial_rate(9).explain(served(0.0, 1.0, blind="some dials are invisible")) == [
        "no refused dial was seen, and not all could be: the rate can't be judged: dial_rate(max_per_second=9)",
        "some dials are invisible",
    ]
    assert dials(0.0, 1.0, blind="those of other processes are invisible") == dial_rate(9)


def test_it_fits_what_pytest_shows():
    assert fits(dial_rate(1).explain(dials(*(n / 100 for n in range(90)), blind="x" * 130)))


moments = st.lists(st.integers(0, 8 * 1024), max_size=30).map(sorted)


@given(moments, st.integers(1, 12))
def test_its_verdict_is_that_of_looking_at_each_second(ticks, most):
    crowds = [sum(begin <= tick < begin + 1024 for tick in ticks) for begin in ticks]
    lines = dial_rate(most).explain(dials(*(tick * TICK for tick in ticks)))
    assert (lines == []) is (len(ticks) > 1 and max(crowds) <= most)
    if len(ticks) > 1 and lines:
        assert lines[0].startswith(f"{max(crowds)} dials within one second")


@given(st.integers(1, 12), st.lists(st.integers(0, 300), min_size=2, max_size=30), st.data())
def test_a_client_that_keeps_to_its_rate_is_accepted_and_a_burst_is_found(most, slack, data):
    ticks, at = [], 0
    for more in slack:
        at += -(-1024 // most) + more
        ticks.append(at)
    assert dial_rate(most).explain(dials(*(tick * TICK for tick in ticks))) == []
    begin = data.draw(st.integers(0, at))
    burst = [begin + data.draw(st.integers(0, 1023)) for _ in range(most + 1)]
    lines = dial_rate(most).explain(dials(*(tick * TICK for tick in sorted(ticks + burst))))
    assert int(lines[0].split()[0]) > most
