from __future__ import annotations

from dataclasses import fields

import pytest

from pytest_netchaos import triggers
from pytest_netchaos.faults import Cut, Stall
from pytest_netchaos.history import ArmedFault, Connection, Dial, Dials, History
from pytest_netchaos.timeline import entries, never_fired
from pytest_netchaos.triggers import AfterBytes, OnConnection, OnDial, Trigger, check_trigger

ALL = [OnConnection(3), OnDial(2), AfterBytes(1500), AfterBytes(0, "downstream", 7)]


@pytest.mark.parametrize("trigger", ALL, ids=repr)
def test_a_trigger_is_a_value_that_can_be_pasted(trigger):
    assert eval(repr(trigger), vars(triggers)) == trigger
    assert hash(trigger) == hash(eval(repr(trigger), vars(triggers)))
    with pytest.raises(AttributeError):
        setattr(trigger, fields(trigger)[0].name, 1)


def test_a_trigger_says_what_it_waits_for():
    assert [str(trigger) for trigger in ALL] == [
        "connection 3",
        "dial 2",
        "1,500 bytes upstream on connection 1",
        "0 bytes downstream on connection 7",
    ]


@pytest.mark.parametrize("make", [OnConnection, OnDial, lambda n: AfterBytes(1, connection=n)])
@pytest.mark.parametrize(
    ("value", "error"),
    [(0, ValueError), (-1, ValueError), (1 << 41, ValueError), (1.0, TypeError), ("1", TypeError), (True, TypeError)],
)
def test_what_is_no_number_of_a_connection_or_dial_is_refused_by_name_and_value(make, value, error):
    with pytest.raises(error, match=rf"^(n|connection) must be a whole number.* not {value!r}$"):
        make(value)


@pytest.mark.parametrize(("value", "error"), [(-1, ValueError), (1.5, TypeError), (None, TypeError), (True, TypeError)])
def test_what_is_no_count_of_bytes_is_refused_by_name_and_value(value, error):
    with pytest.raises(error, match=rf"^count must be .* not {value!r}$"):
        AfterBytes(value)


@pytest.mark.parametrize("value", ["both", "up", "", None, 1])
def test_bytes_are_counted_in_one_direction(value):
    with pytest.raises(ValueError, match=rf"^direction must be 'upstream' or 'downstream', not {value!r}$"):
        AfterBytes(1, value)


def test_a_trigger_of_no_kind_is_refused():
    with pytest.raises(TypeError, match=r"^Trigger is none by itself: use OnConnection"):
        Trigger()


@pytest.mark.parametrize(
    ("value", "hint"),
    [(OnConnection, r"; did you mean OnConnection\(…\)\?$"), (3, r"not 3$"), (Cut(), r"not Cut\(\)$")],
)
def test_what_is_no_trigger_is_refused_and_a_class_is_recognized(value, hint):
    with pytest.raises(TypeError, match=r"^when must be a trigger such as OnConnection.*" + hint):
        check_trigger(value)
    check_trigger(OnDial(1))


# How far a link has come, in the words of a failure

SEEN = History(
    "db",
    9.0,
    Dials([Dial(1, 1.0, "served", connection=1), Dial(2, 2.0, "refused")]),
    (Connection(1, 1, 1.0, bytes_up=1234, bytes_down=5), Connection(2, 3, 3.0, bytes_up=7, closed_at=4.0)),
)


@pytest.mark.parametrize(
    ("trigger", "history", "words"),
    [
        (OnConnection(3), SEEN, "the link has seen 2 connections"),
        (OnConnection(3), History("db", 0), "the link has seen no connection"),
        (OnDial(3), SEEN, "the link has seen 2 dials"),
        (OnDial(3), History("db", 0), "the link has seen no dial"),
        (AfterBytes(2000), SEEN, "1,234 have passed"),
        (AfterBytes(2000, "downstream"), SEEN, "5 have passed"),
        (AfterBytes(10, connection=2), SEEN, "7 have passed, and that connection is over"),
        (AfterBytes(10, connection=3), SEEN, "the link has seen 2 connections"),
    ],
)
def test_how_far_a_link_has_come_is_said(trigger, history, words):
    assert trigger.seen(history) == words


def test_a_fault_that_never_fired_is_in_the_timeline():
    armed = ArmedFault(Stall(), OnConnection(3), 2.5)
    history = History("db", 9.0, SEEN.dials, SEEN.connections, armed=(armed,))
    text = "never fired: stall() at connection 3; the link has seen 2 connections"
    assert never_fired(armed, history) == text
    assert [(entry.at, entry.kind, entry.text) for entry in entries(history) if entry.kind == "fault"] == [
        (2.5, "fault", text)
    ]
