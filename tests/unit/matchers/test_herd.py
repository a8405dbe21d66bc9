from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.matchers.scripts import TICK, Script, fits, text

from pytest_netchaos.faults import Cut, Delay
from pytest_netchaos.history import FaultSpan
from pytest_netchaos.matchers.herd import no_thundering_herd


def returns(*moments, clients=4, refused=()):
    """Clients that are cut off at 1.0, and dial at these times."""
    script = Script()
    for _ in range(clients):
        script.serve(0.0, 1.0, "fault", "RST", "cut")
    script.fault(Cut(), 1.0, 1.5, tuple(range(1, clients + 1)))
    for at, is_refused in sorted([*((at, False) for at in moments), *((at, True) for at in refused)]):
        (script.refuse if is_refused else script.serve)(at)
    return script


def herd(*args, **kwargs):
    return no_thundering_herd(*args, **kwargs)


@pytest.mark.parametrize(
    ("matcher", "seen", "holds"),
    [
        pytest.param(herd(4), returns(2.0, 2.2, 2.4, 2.6), True, id="spread"),
        pytest.param(herd(4), returns(2.0, 2.05, 2.4, 2.45), True, id="two at a time"),
        pytest.param(herd(4), returns(2.0, 2.05, 2.09, 2.4), False, id="three at a time"),
        pytest.param(herd(4, share=0.75), returns(2.0, 2.05, 2.09, 2.4), True, id="a larger share"),
        pytest.param(herd(4, share=0.1), returns(2.0, 2.2, 2.4, 2.6), True, id="one is allowed"),
        pytest.param(herd(4, share=0.1), returns(2.0, 2.05, 2.4, 2.6), False, id="and not two"),
        pytest.param(herd(4, window=1.0), returns(2.0, 2.2, 2.4, 2.6), False, id="a larger window"),
        pytest.param(herd(4, window=0.25), returns(2.0, 2.25, 2.25, 2.5), True, id="a window without its end"),
        pytest.param(herd(4), returns(2.0, 2.2, 2.4), False, id="one is missing"),
        pytest.param(herd(4), returns(2.0, 2.2, 2.4, refused=[1.2]), False, id="one was refused"),
        pytest.param(herd(4), returns(2.0, 2.2, 2.4, 2.6, refused=[1.2, 1.21, 1.22]), False, id="a herd is refused"),
        pytest.param(herd(4), returns(), False, id="nobody"),
        pytest.param(herd(2), Script().serve(0.0).serve(0.5), False, id="no fault"),
        pytest.param(herd(2, since=-0.5), Script().serve(0.0).serve(0.5), True, id="since a time"),
    ],
)
def test_no_thundering_herd(matcher, seen, holds):
    assert (matcher.explain(seen.at(9.0)) == []) is holds


def test_only_the_last_outage_counts():
    script = returns(2.0, 2.0, 2.0, 2.0).fault(Cut(), 3.0, 3.5)
    for at in (4.0, 4.2, 4.4, 4.6):
        script.serve(at)
    assert script.at(9.0) == no_thundering_herd(4)
    assert script.at(9.0) != no_thundering_herd(4, since=FaultSpan(Cut(), 1.0))


def test_a_client_that_was_gone_when_it_was_served_is_not_back():
    script = returns(2.0, 2.2, 2.4).vain(2.6, 2.7, 3.0)
    assert script.at(9.0) != no_thundering_herd(4)
    assert script.serve(4.0).at(9.0) == no_thundering_herd(4)


def test_a_client_whose_dial_was_on_its_way_at_the_time_is_back():
    script = Script().pend(1.0).open(1.11, 1).serve(1.2).serve(1.4)
    assert script.at(9.0) == no_thundering_herd(3, since=1.1)
    assert script.at(9.0) != no_thundering_herd(3, since=1.15)


@pytest.mark.parametrize(("share", "clients", "most"), [(0.29, 100, 29), (0.5, 5, 2), (0.01, 9, 1), (1, 7, 7)])
def test_how_many_a_share_is(share, clients, most):
    assert no_thundering_herd(clients, share=share).most == most


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"clients": 1}, ValueError, "clients must be at least 2, not 1"),
        ({"clients": 2.0}, TypeError, "clients must be a whole number, not 2.0"),
        ({"clients": 2, "share": 0}, ValueError, "share must be above 0 and up to 1, not 0"),
        ({"clients": 2, "share": 50}, ValueError, "share must be above 0 and up to 1, not 50"),
        ({"clients": 2, "window": 0}, ValueError, "window must be above 0"),
        ({"clients": 2, "since": "1"}, TypeError, "since must be a number, not '1'"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(arguments, error, said):
    with pytest.raises(error) as caught:
        no_thundering_herd(**arguments)
    assert str(caught.value).startswith(said)


def explain(seen, *args, **kwargs):
    return text(no_thundering_herd(*args, **kwargs).explain(seen))


def test_a_herd():
    seen = returns(2.0, 2.01, 2.02, 2.03, 2.04, 2.045, 2.4, 3.0, clients=8).at(9.0)
    assert explain(seen, 8) == (
        "6 dials of 8 clients within 0.1s, at most 4 allowed: no_thundering_herd(clients=8)\n"
        "  dials 9..14 came 1.000s to 1.045s after the cut began\n"
        "  1.000s |@@             -                       -| 2.000s\n"
        "  all 8 dials are spread over 1.000s; a column is 0.025s, @ is 3 dials"
    )


def test_all_in_the_same_moment():
    assert explain(returns(2.0, 2.0, 2.0, 2.0).at(9.0), 4) == (
        "4 dials of 4 clients within 0.1s, at most 2 allowed: no_thundering_herd(clients=4)\n"
        "  dials 5..8 came 1.000s to 1.000s after the cut began\n"
        "  all 4 dials in the same moment"
    )


def test_not_all_are_back():
    assert explain(returns(2.0, 2.2, refused=[1.25]).at(9.0), 4) == (
        "2 of 4 clients are back, of 3 dials since the cut began: no_thundering_herd(clients=4)\n"
        "  connected when the cut began, and not back: 2 from 127.0.0.1\n"
        "  wait for the others first: link.wait_for_connection(8)"
    )


def test_more_clients_than_were_connected():
    assert explain(returns(2.0, clients=1).at(9.0), 2) == (
        "1 of 2 clients are back, of 1 dial since the cut began: no_thundering_herd(clients=2)\n"
        "  wait for the others first: link.wait_for_connection(3)"
    )


def test_no_fault():
    assert explain(Script().serve(0.0).fault(Delay(0.1), 1.0).at(9.0), 2) == (
        "no fault has hit link 'chat': nobody had to come back: no_thundering_herd(clients=2)\n"
        "if it was the server that went away, say since when: no_thundering_herd(…, since=…)"
    )


def test_when_dials_may_have_been_missed_it_does_not_pass():
    spread = returns(2.0, 2.2, 2.4, 2.6)
    assert explain(spread.at(9.0, blind="some dials are invisible"), 4) == (
        "no refused dial was seen, and not all could be: the herd can't be judged: no_thundering_herd(clients=4)\n"
        "some dials are invisible"
    )
    seen = returns(2.0, 2.2, 2.4, 2.6, refused=[1.25]).at(9.0, blind="those of other processes are invisible")
    assert seen == no_thundering_herd(4)
    herd = returns(2.0, 2.0, 2.0, 2.0).at(9.0, blind="some dials are invisible")
    assert explain(herd, 4).endswith("\nsome dials are invisible")


def test_it_fits_what_pytest_shows():
    seen = returns(*(2.0 + n / 1000 for n in range(200)), clients=200).at(9.0, blind="x" * 130)
    assert fits(no_thundering_herd(200, share=0.125, window=0.25, since=FaultSpan(Cut(), 1.0)).explain(seen))


ticks = st.lists(st.tuples(st.integers(0, 3000), st.booleans()), max_size=25)


@given(ticks, st.integers(2, 12), st.sampled_from([0.125, 0.25, 0.5, 1.0]), st.integers(1, 1500))
def test_its_verdict_is_that_of_looking_at_each_window(dialled, clients, share, window):
    moments = sorted(at for at, _ in dialled)
    crowd = max((sum(begin <= at < begin + window for at in moments) for begin in moments), default=0)
    is_spread = crowd <= max(1, int(clients * share))  # these shares are exact
    are_back = sum(not is_refused for _, is_refused in dialled) >= clients
    seen = returns(
        *(2 + at * TICK for at, is_refused in dialled if not is_refused),
        refused=[2 + at * TICK for at, is_refused in dialled if is_refused],
        clients=clients,
    ).at(20.0)
    matcher = no_thundering_herd(clients, share=share, window=window * TICK)
    assert (matcher.explain(seen) == []) is (is_spread and are_back)


@given(st.integers(4, 30), st.data())
def test_clients_that_come_one_by_one_are_accepted_and_a_herd_among_them_is_found(clients, data):
    gaps = data.draw(st.lists(st.integers(103, 400), min_size=clients, max_size=clients))  # 0.1 s is 102.4 ticks
    moments = [2 + sum(gaps[: place + 1]) * TICK for place in range(clients)]
    assert returns(*moments, clients=clients).at(99.0) == no_thundering_herd(clients, share=1 / clients)
    begin = data.draw(st.sampled_from(moments))
    herd = [begin + data.draw(st.integers(0, 102)) * TICK for _ in range(clients // 2)]
    lines = no_thundering_herd(clients).explain(returns(*moments, *herd, clients=clients).at(99.0))
    assert int(lines[0].split()[0]) > clients // 2
