from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.matchers.scripts import TICK, Replay, Script, fits, text

from pytest_netchaos.faults import Blackhole, Cut, Delay
from pytest_netchaos.history import FaultSpan
from pytest_netchaos.matchers.giving_up import gave_up


def cut(*moments):
    """A client that is cut off at 1.0, and then dials at these times, in vain."""
    script = Script().serve(0.0, 1.0, "fault", "RST", "cut").fault(Cut(), 1.0, None, (1,))
    for at in moments:
        script.refuse(at)
    return script


@pytest.mark.parametrize(
    ("matcher", "seen", "holds"),
    [
        pytest.param(gave_up(2), cut(1.1, 1.3).at(1.8), True, id="half a second of quiet"),
        pytest.param(gave_up(2), cut(1.1, 1.3).at(1.799), False, id="less"),
        pytest.param(gave_up(2), cut(1.5, 2.5).at(5.0), True, id="two and a half times the longest wait"),
        pytest.param(gave_up(2), cut(1.5, 2.5).at(4.999), False, id="less than that"),
        pytest.param(gave_up(2, quiet=0.1), cut(1.5, 2.5).at(2.6), True, id="the quiet that was asked for"),
        pytest.param(gave_up(2, quiet=0.1), cut(1.5, 2.5).at(2.599), False, id="less than asked for"),
        pytest.param(gave_up(1), cut(1.1, 1.3).at(9.0), False, id="one too many"),
        pytest.param(gave_up(3), cut(1.1, 1.3).at(9.0), False, id="one too few"),
        pytest.param(gave_up(0), cut().at(6.0), True, id="none"),
        pytest.param(gave_up(0), cut().at(5.999), False, id="none until now"),
        pytest.param(gave_up(1), cut(1.1).serve(1.3).at(9.0), False, id="came back"),
        pytest.param(gave_up(2), cut(1.1).serve(1.3).at(9.0), False, id="came back with the last one"),
        pytest.param(gave_up(1), Script().serve(0.0).refuse(1.0).at(9.0), False, id="no fault"),
        pytest.param(gave_up(1, since=0.5), Script().serve(0.0).refuse(1.0).at(9.0), True, id="since a time"),
        pytest.param(gave_up(1, since=FaultSpan(Cut(), 1.2)), cut(1.1, 1.3).at(9.0), True, id="since a fault"),
        pytest.param(gave_up(1), cut(1.1, 3.1).fault(Cut(), 3.0).at(9.0), False, id="faults that overlap are one"),
    ],
)
def test_gave_up(matcher, seen, holds):
    assert (matcher.explain(seen) == []) is holds


def test_only_the_last_outage_counts():
    script = Script().serve(0.0, 1.0, "fault").fault(Cut(), 1.0, 2.0).refuse(1.5).fault(Cut(), 3.0).refuse(3.5)
    assert script.at(9.0) == gave_up(1)


def test_dials_that_had_no_answer_count():
    script = Script().fault(Blackhole(), 1.0, 3.0).pend(1.1, 1.4).vain(1.5, 1.8, 3.0)
    assert script.at(9.0) == gave_up(2)
    assert script.at(9.0) != gave_up(1)


def test_the_quiet_counts_from_the_end_of_the_last_dial():
    script = Script().fault(Blackhole(), 1.0).pend(1.1, 2.0)
    assert script.at(2.499) != gave_up(1)
    assert script.at(2.5) == gave_up(1)


def test_a_dial_that_waits_for_its_answer_has_five_seconds():
    script = Script().fault(Blackhole(), 1.0).pend(1.1, 6.0)
    assert gave_up(1).deadline(script.at(2.0)) == 6.1
    assert Replay(script, 2.0) == gave_up(1)
    assert gave_up(1).explain(Script().fault(Blackhole(), 1.0).pend(1.1).at(9.0))[0].startswith("dial 1 has no answer")


@pytest.mark.parametrize(
    ("matcher", "seen", "deadline"),
    [
        (gave_up(2), cut(1.1, 1.3).at(1.5), 1.8),
        (gave_up(3), cut(1.1, 1.3).at(1.5), 1.8),
        (gave_up(2, quiet=9.0), cut(1.1, 1.3).at(1.5), 10.3),
        (gave_up(1), cut(1.1, 1.3).at(1.5), None),
        (gave_up(2), cut(1.1).serve(1.3).at(1.5), None),
        (gave_up(2), cut().at(1.5), 6.0),
        (gave_up(2), Script().at(1.5), None),
    ],
)
def test_its_deadline_is_the_end_of_the_quiet(matcher, seen, deadline):
    assert matcher.deadline(seen) == pytest.approx(deadline)


def test_a_link_is_waited_for_until_the_quiet_is_over():
    link = Replay(cut(1.1, 1.3, 1.7), 1.0)
    assert link == gave_up(3)
    assert link.now == pytest.approx(1.7 + 2.5 * 0.4)


def test_a_dial_too_many_ends_the_wait():
    link = Replay(cut(1.1, 1.3, 1.7), 1.0)
    assert link != gave_up(2, quiet=100.0)
    assert link.now == 1.7


def test_too_few_dials_are_waited_for_no_longer_than_the_quiet():
    link = Replay(cut(1.1, 1.3), 1.0)
    assert link != gave_up(3)
    assert link.now == pytest.approx(1.8)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"after": -1}, ValueError, "after must be at least 0, not -1"),
        ({"after": 1.0}, TypeError, "after must be a whole number, not 1.0"),
        ({"after": 1, "quiet": 0}, ValueError, "quiet must be above 0"),
        ({"after": 1, "quiet": "1"}, TypeError, "quiet must be a number, not '1'"),
        ({"after": 1, "since": "1"}, TypeError, "since must be a number, not '1'"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(arguments, error, said):
    with pytest.raises(error) as caught:
        gave_up(**arguments)
    assert str(caught.value).startswith(said)


def explain(seen, *args, **kwargs):
    return text(gave_up(*args, **kwargs).explain(seen))


def test_too_many():
    assert explain(cut(1.1, 1.3, 1.7, 2.5, 2.6).at(9.0), 3) == (
        "dialled 5 times since the cut began, not 3: gave_up(after=3)\n"
        "  … 2 before these\n"
        "  dial 4  +0.700s  waited 0.400s  refused: cut\n"
        "  dial 5  +1.500s  waited 0.800s  refused: cut\n"
        "  dial 6  +1.600s  waited 0.100s  refused: cut\n"
        "quiet for 6.400s since dial 6; 2.000s are to pass"
    )


def test_too_few():
    assert explain(cut(1.1).at(9.0), 3) == (
        "dialled once since the cut began, not 3: gave_up(after=3)\n"
        "  dial 2  +0.100s  waited 0.100s  refused: cut\n"
        "quiet for 7.900s since dial 2; 0.500s are to pass"
    )


def test_too_early():
    assert explain(cut(1.1, 1.3).at(1.4), 2, quiet=0.75) == (
        "dialled twice since the cut began: too early to tell whether that is all: gave_up(after=2, quiet=0.75)\n"
        "  dial 2  +0.100s  waited 0.100s  refused: cut\n"
        "  dial 3  +0.300s  waited 0.200s  refused: cut\n"
        "quiet for 0.100s since dial 3; 0.750s are to pass"
    )


def test_none_until_now():
    assert explain(cut().at(1.5), 2) == (
        "dialled 0 times since the cut began: too early to tell whether that is all: gave_up(after=2)\n"
        "quiet for 0.500s since the cut began; 5.000s are to pass"
    )


def test_came_back():
    assert explain(cut(1.1).serve(1.3).at(9.0), 2) == (
        "not given up: dial 3 was served 0.300s after the cut began: gave_up(after=2)\n"
        "  dial 2  +0.100s  waited 0.100s  refused: cut\n"
        "  dial 3  +0.300s  waited 0.200s  served as connection 2\n"
        "quiet for 7.700s since dial 3; 0.500s are to pass"
    )


def test_still_waiting_for_an_answer():
    assert explain(Script().fault(Blackhole(), 1.0).pend(1.1).at(9.0), 1) == (
        "dial 1 has no answer, and its client hasn't hung up: not given up yet: gave_up(after=1)\n"
        "  dial 1  +0.100s  no answer yet\n"
        "quiet for 7.900s since dial 1; 5.000s are to pass"
    )


def test_no_fault():
    assert explain(Script().serve(0.0).fault(Delay(0.1), 1.0).at(9.0), 1) == (
        "no fault has hit link 'chat': nothing to give up on: gave_up(after=1)\n"
        "if it was the server that went away, say since when: gave_up(…, since=…)"
    )


def test_a_fault_is_named_in_the_call():
    span = FaultSpan(Cut(), 1.0)
    assert explain(cut().at(9.0), 1, since=span) == (
        "dialled 0 times since the cut began, not 1: gave_up(after=1, since=<cut>)\n"
        "quiet for 8.000s since the cut began; 5.000s are to pass"
    )
    assert "dialled 0 times since the given time" in explain(cut().at(9.0), 1, since=2.0)


def test_when_dials_may_have_been_missed_it_does_not_pass():
    assert explain(cut().at(9.0, blind="some dials are invisible"), 0) == (
        "no refused dial was seen, and not all could be: they can't be counted: gave_up(after=0)\n"
        "some dials are invisible"
    )
    assert cut(1.1).at(9.0, blind="those of other processes are invisible") == gave_up(1)
    assert explain(cut().at(9.0, blind="some dials are invisible"), 1).endswith("\nsome dials are invisible")


def test_it_fits_what_pytest_shows():
    seen = cut(*(1.1 + n / 10 for n in range(20))).at(9.0, blind="x" * 130)
    assert fits(gave_up(3, quiet=0.125, since=FaultSpan(Cut(), 1.0)).explain(seen))


tries = st.lists(st.tuples(st.integers(1, 2000), st.sampled_from(["refuse", "pend", "vain", "serve"])), max_size=8)


@given(tries, st.integers(0, 8), st.none() | st.integers(1, 3000), st.integers(0, 30_000))
def test_its_verdict_is_that_of_the_definition(made, after, quiet, later):
    script, at, longest = Script().fault(Cut(), 0.0), 0, 0
    for place, (wait, kind) in enumerate(made):
        at += wait
        if place:
            longest = max(longest, wait)
        moment = at * TICK
        if kind == "refuse":
            script.refuse(moment)
        elif kind == "pend":
            at += 100
            script.pend(moment, at * TICK)
        elif kind == "vain":
            at += 100
            script.vain(moment, at * TICK, 10_000.0)
        else:
            script.serve(moment, moment)
    needed = quiet if quiet is not None else max(512, 2.5 * longest) if made else 5 * 1024
    has_come_back = any(kind == "serve" for _, kind in made)
    is_given_up = not has_come_back and len(made) == after and later >= needed
    matcher = gave_up(after, quiet=None if quiet is None else quiet * TICK)
    assert (matcher.explain(script.at((at + later) * TICK)) == []) is is_given_up


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=8), st.data())
def test_a_client_that_gives_up_is_accepted_and_one_that_does_not_is_found(waits, data):
    moments = [1.0 + sum(waits[: place + 1]) * TICK for place in range(len(waits))]
    assert Replay(cut(*moments), 1.0) == gave_up(len(waits), quiet=3.0)
    shorter = data.draw(st.integers(0, len(waits) - 1))
    assert Replay(cut(*moments), 1.0) != gave_up(shorter, quiet=3.0)
    assert Replay(cut(*moments), 1.0) != gave_up(len(waits) + 1, quiet=3.0)
    again = moments[-1] + data.draw(st.integers(1, 3071)) * TICK
    assert Replay(cut(*moments, again), 1.0) != gave_up(len(waits), quiet=3.0)
    assert Replay(cut(*moments).serve(again), 1.0) != gave_up(len(waits), quiet=3.0)
