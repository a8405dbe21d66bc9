from __future__ import annotations

import dataclasses

import pytest

from pytest_netchaos.faults import Blackhole, Close, Cut, Delay, Refuse, Reset, Stall
from pytest_netchaos.history import Connection, Dial, Dials, FaultSpan, History, Outage
from pytest_netchaos.matchers import reconnected

CUT = FaultSpan(Cut(), 1.0, 2.0)


def history(*opened, faults=(CUT,), refused=(), now=9.0, blind="", **changes):
    """A link with connections that opened at these times, and refused dials; all ended by 1.0, if begun before it.

    ``changes`` are made to the last connection.
    """
    served = [(at, "served") for at in opened]
    dials, connections = [], []
    for number, (at, outcome) in enumerate(sorted([*served, *((at, "refused") for at in refused)]), 1):
        dial = Dial(number, at, outcome, reason="cut" if outcome == "refused" else "")
        if outcome == "served":
            connections.append(Connection(len(connections) + 1, number, at, closed_at=1.0 if at < 1.0 else None))
            dial = dataclasses.replace(dial, connection=len(connections))
        dials.append(dial)
    if changes:
        connections[-1] = dataclasses.replace(connections[-1], **changes)
    return History("chat", now, Dials(dials, blind), tuple(connections), tuple(faults))


def span(fault, start, end):
    return FaultSpan(fault, start, end)


@pytest.mark.parametrize(
    ("seen", "holds"),
    [
        pytest.param(history(0.5, 2.5), True, id="in time"),
        pytest.param(history(0.5, 3.0), True, id="just in time"),
        pytest.param(history(0.5, 3.001), False, id="too late"),
        pytest.param(history(0.5, 2.0), True, id="at the heal"),
        pytest.param(history(0.5), False, id="never"),
        pytest.param(history(0.5, 2.5, 8.0), True, id="the first one counts"),
        pytest.param(history(0.5, 2.5, closed_at=2.6, closed_by="server"), True, id="ended again"),
        pytest.param(history(0.5, refused=[2.5]), False, id="refused after the heal"),
        pytest.param(history(0.5, 2.5, faults=[]), False, id="no fault"),
        pytest.param(history(0.5, 2.5, faults=[span(Delay(0.1), 1.0, 2.0)]), False, id="a fault that breaks nothing"),
        pytest.param(history(0.5, 2.5, faults=[span(Cut(), 1.0, None)]), False, id="still in force"),
        pytest.param(history(0.5, 2.5, faults=[CUT, span(Refuse(), 4.0, 5.0)]), False, id="the last outage counts"),
        pytest.param(history(0.5, 5.5, faults=[CUT, span(Cut(), 4.0, 5.0)]), True, id="after the last outage"),
        pytest.param(history(0.5, 2.5, faults=[CUT, span(Stall(), 1.5, 3.0)]), True, id="in merged outages, and lived"),
        pytest.param(history(0.5, 1.5, faults=[span(Reset(), 1.0, 1.0)]), True, id="after a reset"),
        pytest.param(history(0.5, 1.5, faults=[span(Close(), 1.0, 1.0)]), True, id="after a close"),
        pytest.param(history(0.5, faults=[span(Reset(), 1.0, 1.0)]), False, id="not after a reset"),
        pytest.param(history(0.5, closed_at=None, faults=[span(Stall(), 1.0, 2.0)]), False, id="stayed open"),
        pytest.param(history(1.0, faults=[span(Stall(), 1.0, 2.0)]), True, id="as the outage began"),
    ],
)
def test_reconnected(seen, holds):
    assert (reconnected(1.0).explain(seen) == []) is holds


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        pytest.param({}, True, id="lived on"),
        pytest.param({"closed_at": 5.0, "closed_by": "server"}, True, id="lived on for a while"),
        pytest.param({"closed_at": 1.8, "closed_by": "client"}, False, id="given up"),
        pytest.param({"closed_at": 2.0, "closed_by": "client"}, False, id="given up at the heal"),
        pytest.param({"closed_at": 2.001, "closed_by": "fault"}, False, id="reset by the heal"),
        pytest.param({"lost_up": 1}, False, id="lost a byte upstream"),
        pytest.param({"lost_down": 1}, False, id="lost a byte downstream"),
    ],
)
def test_a_connection_that_opened_in_the_outage_has_to_outlive_it(changes, holds):
    seen = history(0.5, 1.5, faults=[span(Blackhole(), 1.0, 2.0)], number=2, **changes)
    assert (reconnected(0.001).explain(seen) == []) is holds


@pytest.mark.parametrize("after", [None, 2.0])
def test_a_dial_that_was_served_after_its_client_had_given_up_brings_nobody_back(after):
    seen = history(0.5, 2.001, faults=[span(Stall(), 1.0, 2.0)])
    first, second = seen.dials
    given_up = dataclasses.replace(seen, dials=Dials([first, dataclasses.replace(second, in_vain=True)]))
    assert reconnected(1.0, after=after).explain(seen) == []
    lines = reconnected(1.0, after=after).explain(given_up)
    assert lines[0].startswith("link 'chat' did not reconnect in the 1.000s after ")
    assert lines[-1].endswith("served as connection 2, in vain: its client was gone")


@pytest.mark.parametrize(
    ("within", "after", "opened", "holds"),
    [(1.0, 4.0, 4.5, True), (1.0, 4.0, 5.5, False), (1.0, 4.0, 3.5, False), (1.0, 4.0, 4.0, True)],
)
@pytest.mark.parametrize("faults", [(), (CUT,), (span(Cut(), 1.0, None),)])
def test_it_counts_from_a_given_time(within, after, opened, holds, faults):
    seen = history(0.5, opened, faults=faults)
    assert (reconnected(within, after=after).explain(seen) == []) is holds


STALL = FaultSpan(Stall(), 3.0, 4.0)
FLAPS = (FaultSpan(Cut(), 1.0, 2.0), FaultSpan(Cut(), 5.0, 6.0, cycle=2))


class Flap:
    """An injection that isn't over: it has healed once, and will strike again."""

    fault, started_at, healed_at = Cut(), 1.0, None


@pytest.mark.parametrize(
    ("after", "opened", "holds"),
    [
        pytest.param(CUT, 2.5, True, id="in time after the fault"),
        pytest.param(CUT, 3.5, False, id="too late after the fault"),
        pytest.param(CUT, 0.75, False, id="before the fault"),
        pytest.param(STALL, 4.5, True, id="in time after another fault"),
        pytest.param(STALL, 3.5, True, id="in the fault, which it outlived"),
        pytest.param(STALL, 2.5, False, id="before the other fault"),
        pytest.param(Outage(1.0, 2.0, ("cut",)), 2.5, True, id="in time after an outage"),
        pytest.param(FaultSpan(Cut(), 1.0), 2.5, True, id="healed since it was looked at"),
        pytest.param(Outage(1.0, None, ("cut",)), 2.5, True, id="an outage that has ended since it was looked at"),
        pytest.param(FaultSpan(Cut(), 7.0), 7.5, False, id="in force"),
        pytest.param(Flap(), 2.5, False, id="a flap that goes on"),
    ],
)
def test_it_counts_from_the_heal_of_a_given_fault(after, opened, holds):
    seen = history(0.5, opened, faults=[CUT, STALL])
    assert (reconnected(1.0, after=after).explain(seen) == []) is holds


def test_after_a_given_fault_that_is_still_in_force():
    last = FaultSpan(Stall(), 7.0)
    assert explain(history(0.5, faults=[CUT, last], now=7.5), within=1.0, after=last) == (
        "the stall is still in force after 0.500s: heal it first: reconnected(within=1.0, after=<stall>)"
    )


def test_after_a_given_fault():
    assert explain(history(0.5, 4.0, faults=[CUT, STALL]), within=1.0, after=CUT) == (
        "link 'chat' reconnected 2.000s after the heal, too late: reconnected(within=1.0, after=<cut>)\n"
        "  dial 1  1.500s before the heal  served as connection 1\n"
        "  dial 2  2.000s after the heal  served as connection 2"
    )


@pytest.mark.parametrize(
    ("after", "faults", "deadline"),
    [
        (CUT, [CUT, STALL], 2.5),
        (FaultSpan(Cut(), 7.0, until=8.0), [CUT, FaultSpan(Cut(), 7.0, until=8.0)], 8.5),
        (FaultSpan(Cut(), 7.0), [FaultSpan(Cut(), 7.0)], None),
        (Flap(), FLAPS, None),
    ],
)
def test_its_deadline_counts_from_the_heal_of_a_given_fault(after, faults, deadline):
    assert reconnected(0.5, after=after).deadline(history(0.5, faults=faults)) == deadline


@pytest.mark.parametrize(
    ("seen", "after", "deadline"),
    [
        (history(0.5), None, 2.5),
        (history(0.5, faults=[]), None, None),
        (history(0.5, faults=[span(Cut(), 1.0, None)]), None, None),
        (history(0.5, faults=[span(Reset(), 1.0, 1.0)]), None, 1.5),
        (history(0.5, faults=[CUT, span(Cut(), 4.0, 5.0)]), None, 5.5),
        (history(0.5), 7.0, 7.5),
    ],
)
def test_its_deadline_counts_from_the_heal(seen, after, deadline):
    assert reconnected(0.5, after=after).deadline(seen) == deadline


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"within": 0}, ValueError, "within must be above 0 and up to 86400, not 0 (seconds; a day at most)"),
        ({"within": -1}, ValueError, "within must be above 0"),
        ({"within": "1"}, TypeError, "within must be a number, not '1'"),
        ({"within": 1, "after": "now"}, TypeError, "after must be a number, not 'now'"),
        ({"within": 1, "after": float("nan")}, ValueError, "after must be"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(arguments, error, said):
    with pytest.raises(error) as caught:
        reconnected(**arguments)
    assert str(caught.value).startswith(said)


def test_after_is_a_keyword():
    with pytest.raises(TypeError):
        reconnected(1.0, 2.0)


def explain(seen, **arguments):
    return "\n".join(reconnected(**arguments).explain(seen))


def test_too_late():
    seen = history(0.25, 3.304, 4.0, 5.0, refused=[1.2, 1.4, 1.75])
    assert explain(seen, within=1.0) == (
        "link 'chat' reconnected 1.304s after the heal, too late: reconnected(within=1.0)\n"
        "  dial 3  0.600s before the heal  refused: cut\n"
        "  dial 4  0.250s before the heal  refused: cut\n"
        "  dial 5  1.304s after the heal  served as connection 2\n"
        "  dial 6  2.000s after the heal  served as connection 3\n"
        "  … 1 more"
    )


def test_not_yet():
    assert explain(history(0.5, now=2.003), within=1.0) == (
        "link 'chat' did not reconnect in the 0.003s after the heal: reconnected(within=1.0)\n"
        "  dial 1  1.500s before the heal  served as connection 1\n"
        "  no dial since the heal"
    )


def test_never():
    assert explain(history(0.5, refused=[2.5]), within=1) == (
        "link 'chat' did not reconnect in the 1.000s after the heal: reconnected(within=1)\n"
        "  dial 1  1.500s before the heal  served as connection 1\n"
        "  dial 2  0.500s after the heal  refused: cut"
    )


def test_no_answer_yet_and_no_reason():
    dials = Dials([Dial(1, 1.5, "refused"), Dial(2, 2.5, "pending")])
    assert explain(History("chat", 9.0, dials, (), (CUT,)), within=1) == (
        "link 'chat' did not reconnect in the 1.000s after the heal: reconnected(within=1)\n"
        "  dial 1  0.500s before the heal  refused\n"
        "  dial 2  0.500s after the heal  no answer yet"
    )


def test_nobody_dialled():
    assert explain(history(), within=1.0) == (
        "link 'chat' did not reconnect in the 1.000s after the heal: reconnected(within=1.0)\n"
        "nobody has ever dialled link 'chat'"
    )


def test_two_dials_after_the_heal_are_all_shown():
    lines = reconnected(0.1).explain(history(2.5, 3.5))
    assert [line[:8] for line in lines[1:]] == ["  dial 1", "  dial 2"]


def test_no_fault():
    said = "no fault has healed on link 'chat': nothing to reconnect after: reconnected(within=1.0)"
    assert explain(history(0.5, faults=[]), within=1.0) == said


def test_still_in_force():
    said = "the cut on link 'chat' is still in force after 0.500s: heal it first: reconnected(within=1.0)"
    assert explain(history(0.5, faults=[span(Cut(), 1.0, None)], now=1.5), within=1.0) == said


def test_stayed_open():
    assert explain(history(0.5, closed_at=None, faults=[span(Stall(), 1.0, 2.0)]), within=1.0) == (
        "link 'chat' did not reconnect in the 1.000s after the heal: reconnected(within=1.0)\n"
        "connection 1 stayed open through the stall: nothing to reconnect\n"
        "  dial 1  1.500s before the heal  served as connection 1\n"
        "  no dial since the heal"
    )


def test_a_connection_that_opened_as_the_outage_began_did_not_stay_open_through_it():
    seen = history(1.0, lost_up=1, faults=[span(Stall(), 1.0, 2.0)])
    assert not any("stayed open" in line for line in reconnected(1.0).explain(seen))


def test_a_dial_at_the_heal_came_after_it():
    assert explain(history(refused=[2.0]), within=1.0).splitlines()[1:] == [
        "  dial 1  0.000s after the heal  refused: cut"
    ]


def test_a_connection_that_closed_at_the_heal_did_not_stay_open():
    seen = history(0.5, closed_at=2.0, faults=[span(Stall(), 1.0, 2.0)])
    assert not any("stayed open" in line for line in reconnected(1.0).explain(seen))


def test_several_stayed_open():
    dials = Dials([Dial(n, n / 10, "served", connection=n) for n in (1, 2, 3)])
    connections = (
        Connection(1, 1, 0.1, closed_at=1.5),
        Connection(2, 2, 0.2, closed_at=2.5),
        Connection(3, 3, 0.3),
    )
    said = explain(History("chat", 9.0, dials, connections, (span(Stall(), 1.0, 2.0),)), within=1.0).splitlines()
    assert said[1] == "connection 2 (and 1 more) stayed open through the stall: nothing to reconnect"


def test_after_a_reset():
    assert explain(history(0.5, 2.5, faults=[span(Reset(), 1.0, 1.0)]), within=1.0) == (
        "link 'chat' reconnected 1.500s after the reset, too late: reconnected(within=1.0)\n"
        "  dial 1  0.500s before the reset  served as connection 1\n"
        "  dial 2  1.500s after the reset  served as connection 2"
    )


def test_after_a_given_time():
    assert explain(history(0.5), within=1.0, after=4.0) == (
        "link 'chat' did not reconnect in the 1.000s after the given time: reconnected(within=1.0, after=4.0)\n"
        "  dial 1  3.500s before the given time  served as connection 1\n"
        "  no dial since the given time"
    )


def test_what_could_not_be_seen_comes_last():
    assert explain(history(0.5, blind="some dials are invisible"), within=1.0).splitlines()[-1] == (
        "some dials are invisible"
    )


def test_a_fault_of_several_kinds_is_named_by_all():
    seen = history(0.5, faults=[span(Cut(), 1.0, 2.0), span(Stall(), 1.5, None)], now=3.0)
    assert explain(seen, within=1.0).startswith("the cut and stall on link 'chat' is still in force after 2.000s")


def test_it_fits_what_pytest_shows():
    seen = history(0.5, *range(4, 20), refused=[n / 10 for n in range(10, 20)], blind="x" * 130)
    lines = reconnected(1.0).explain(seen)
    assert len(lines) <= 8
    assert sum(map(len, lines)) <= 640
