from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.matchers.scripts import TICK, Replay, Script, fits, text

from pytest_netchaos.faults import Blackhole, Cut, Refuse, Stall
from pytest_netchaos.history import FaultSpan
from pytest_netchaos.matchers import check_async
from pytest_netchaos.matchers.staying_away import stayed_away


def gone(*moments, at=1.0, by="client"):
    """A connection that ends at 1.0, and dials at these times."""
    script = Script().serve(0.0, at, by)
    for moment in moments:
        script.serve(moment)
    return script


@pytest.mark.parametrize(
    ("matcher", "seen", "holds"),
    [
        pytest.param(stayed_away(for_=1.0), gone().at(2.0), True, id="stayed away"),
        pytest.param(stayed_away(for_=1.0), gone().at(1.999), False, id="too early to tell"),
        pytest.param(stayed_away(for_=1.0), gone(1.5).at(9.0), False, id="came back"),
        pytest.param(stayed_away(for_=1.0), gone(1.0).at(9.0), False, id="came back at once"),
        pytest.param(stayed_away(for_=1.0), gone(2.0).at(9.0), True, id="came back afterwards"),
        pytest.param(stayed_away(for_=1.0), gone().refuse(1.5).at(9.0), False, id="tried to come back"),
        pytest.param(stayed_away(for_=1.0), gone().pend(1.5).at(9.0), False, id="tries to come back"),
        pytest.param(stayed_away(for_=1.0), gone(by="server").at(9.0), False, id="the server hung up"),
        pytest.param(stayed_away(for_=1.0), gone(by="fault").at(9.0), False, id="a fault hung up"),
        pytest.param(stayed_away(1.0, for_=1.0), gone(by="server").at(9.0), True, id="since a time"),
        pytest.param(stayed_away(0.5, for_=1.0), gone(1.25).at(9.0), False, id="came back since a time"),
        pytest.param(stayed_away(FaultSpan(Cut(), 2.0), for_=1.0), gone(1.5).at(9.0), True, id="since a fault"),
        pytest.param(stayed_away(0.0, for_=1.0), gone().at(9.0), False, id="nobody had dialled"),
        pytest.param(stayed_away(for_=1.0), Script().at(9.0), False, id="nothing"),
        pytest.param(stayed_away(for_=1.0), gone().serve(1.5, 2.0).at(9.0), True, id="the last end counts"),
        pytest.param(stayed_away(for_=1.0), gone().pend(1.5, 1.6).at(9.0), False, id="a dial given up is no end"),
    ],
)
def test_stayed_away(matcher, seen, holds):
    assert (matcher.explain(seen) == []) is holds


def test_a_client_that_hangs_up_in_a_black_hole_has_hung_up():
    script = Script().serve(0.0).fault(Blackhole(), 0.5, None, (1,)).hang_up(1.0, 1)
    assert script.at(2.0) == stayed_away(for_=1.0)
    assert script.at(1.5) != stayed_away(for_=1.0)


@pytest.mark.parametrize(
    ("matcher", "seen", "deadline"),
    [
        (stayed_away(for_=0.5), gone().at(1.25), 1.5),
        (stayed_away(3.0, for_=0.5), gone().at(1.25), 3.5),
        (stayed_away(for_=0.5), gone(1.125).at(1.25), None),
        (stayed_away(for_=0.5), Script().at(1.25), None),
        (stayed_away(0.0, for_=0.5), gone().at(0.25), None),
    ],
)
def test_its_deadline_is_the_end_of_its_time_unless_there_was_a_dial(matcher, seen, deadline):
    assert matcher.deadline(seen) == deadline


def test_a_link_is_waited_for_until_the_time_is_up():
    link = Replay(gone(), 1.0)
    assert link == stayed_away(for_=2.0)
    assert link.now == 3.0


def test_a_dial_ends_the_wait():
    link = Replay(gone(1.5), 1.0)
    assert link != stayed_away(for_=2.0)
    assert link.now == 1.5


def test_in_a_coroutine_a_comparison_is_too_early_and_check_async_waits():
    link = Replay(gone(), 1.0)

    async def main():
        assert link != stayed_away(for_=2.0)
        assert link.now == 1.0
        await check_async(link, stayed_away(for_=2.0))

    asyncio.run(main())
    assert link.now == 3.0


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"for_": 0}, ValueError, "for_ must be above 0"),
        ({"for_": None}, TypeError, "for_ must be a number, not None"),
        ({"for_": 1, "since": "now"}, TypeError, "since must be a number, not 'now'"),
        ({}, TypeError, ""),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(arguments, error, said):
    with pytest.raises(error) as caught:
        stayed_away(**arguments)
    assert str(caught.value).startswith(said)


def explain(seen, *args, **kwargs):
    return text(stayed_away(*args, **kwargs).explain(seen))


def test_came_back():
    assert explain(gone(1.25, 1.5, 1.75).at(9.0), for_=1.0) == (
        "dial 2 came 0.250s after the client hung up: stayed_away(for_=1.0)\n"
        "  dial 1  1.000s before the client hung up  served as connection 1\n"
        "  dial 2  0.250s after the client hung up  served as connection 2\n"
        "  dial 3  0.500s after the client hung up  served as connection 3\n"
        "  … 1 more, 3 dials in all"
    )


def test_too_early():
    assert explain(gone().at(1.25), for_=1.0) == (
        "no dial in the 0.250s since the client hung up: too early to tell: stayed_away(for_=1.0)\n"
        "  dial 1  1.000s before the client hung up  served as connection 1"
    )


def test_the_server_hung_up():
    assert explain(gone(by="server").at(9.0), for_=1.0) == (
        "the client has ended no connection itself: stayed_away(for_=1.0)\n"
        "connection 1 was ended by the server with a FIN\n"
        "if that is how the client's protocol hangs up, say since when: stayed_away(…, for_=…)"
    )


def test_a_fault_hung_up():
    seen = Script().serve(0.0, 1.0, "fault", "RST", "cut").at(9.0)
    assert stayed_away(for_=1.0).explain(seen)[1] == "connection 1 was ended by the fault with an RST (cut)"


def test_still_connected():
    assert explain(Script().serve(0.0).at(9.0), for_=1.0) == (
        "the client has ended no connection itself: stayed_away(for_=1.0)\nconnection 1 is still open"
    )


def test_never_connected():
    assert explain(Script().refuse(0.0).at(9.0), for_=1.0) == (
        "the client has ended no connection itself: stayed_away(for_=1.0)\nlink 'chat' has had no connection"
    )


def test_nobody_was_there():
    said = "nobody had dialled link 'chat' before: nothing to judge: stayed_away(since=1.0, for_=1.0)"
    assert explain(Script().at(9.0), 1.0, for_=1.0) == said


@pytest.mark.parametrize(
    ("fault", "start", "end", "holds"),
    [
        (Cut(), 0.5, None, False),
        (Refuse(), 1.5, 1.6, False),
        (Cut(), 0.5, 1.0, True),
        (Cut(), 2.0, None, True),
        (Stall(), 1.5, None, True),
    ],
)
def test_when_a_dial_may_have_been_missed_in_its_time_it_does_not_pass(fault, start, end, holds):
    seen = gone().fault(fault, start, end).at(9.0, blind="some dials are invisible")
    lines = stayed_away(1.0, for_=1.0).explain(seen)
    unseen = ["no dial was seen, and not all could be: stayed_away(since=1.0, for_=1.0)", "some dials are invisible"]
    assert lines == ([] if holds else unseen)


def test_it_fits_what_pytest_shows():
    script = gone()
    for n in range(20):
        script.refuse(1.5 + n / 100, "upstream 127.0.0.1:50123: ECONNREFUSED")
    assert fits(stayed_away(FaultSpan(Cut(), 1.0), for_=1.0).explain(script.at(9.0, blind="x" * 130)))


lives = st.lists(
    st.tuples(st.integers(1, 900), st.integers(1, 900), st.sampled_from(["client", "server", "fault"])), max_size=6
)


@given(lives, st.integers(1, 2000), st.none() | st.integers(0, 6000), st.integers(0, 4000))
def test_its_verdict_is_that_of_the_definition(lived, for_, since, later):
    script, at, begun, ends = Script(), 0, [], []
    for wait, life, by in lived:
        at += wait
        begun.append(at)
        script.serve(at * TICK, (at + life) * TICK, by)
        at += life
        if by == "client":
            ends.append(at)
    now, start = at + later, since if since is not None else max(ends, default=None)
    is_away = (
        start is not None
        and any(begin < start for begin in begun)
        and not any(begin in range(start, start + for_) for begin in begun)
        and now >= start + for_
    )
    matcher = stayed_away(None if since is None else since * TICK, for_=for_ * TICK)
    assert (matcher.explain(script.at(now * TICK)) == []) is is_away


@given(st.integers(1, 3000), st.data())
def test_a_client_that_stays_away_is_accepted_and_one_that_comes_back_is_found(for_, data):
    link = Replay(gone(), 1.0)
    assert link == stayed_away(for_=for_ * TICK)
    assert link.now == 1.0 + for_ * TICK
    back = 1.0 + data.draw(st.integers(0, for_ - 1)) * TICK
    link = Replay(gone(back), 1.0)
    assert link != stayed_away(for_=for_ * TICK)
    assert link.now == back
