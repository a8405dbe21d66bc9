from __future__ import annotations

import pytest

from pytest_netchaos.faults import Cut, Delay, Reset
from pytest_netchaos.history import Connection, Dial, Dials, FaultSpan, History
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Send
from pytest_netchaos.timeline import Entry, Timeline, entries, messages


def numbered(count):
    return Timeline(Entry(float(n), "db", "note", f"line {n}") for n in range(count))


def texts(history):
    return [(entry.at, entry.kind, entry.text) for entry in entries(history)]


def test_entries_are_in_order_of_time_and_ties_in_the_order_given():
    timeline = Timeline(Entry(at, "", "note", text) for at, text in [(2, "c"), (1, "a"), (1, "b"), (0, "z")])
    assert [entry.text for entry in timeline] == ["z", "a", "b", "c"]
    assert len(timeline) == 4
    assert repr(timeline) == "<timeline of 4 entries>"


def test_a_timeline_can_be_narrowed():
    timeline = Timeline([Entry(1, "a", "dial", ""), Entry(2, "b", "open", ""), Entry(3, "a", "close", "")])
    assert [entry.at for entry in timeline.of("a")] == [1, 3]
    assert [entry.at for entry in timeline.kinds("open", "close")] == [2, 3]
    assert [entry.at for entry in timeline.of("a").kinds("dial")] == [1]
    assert list(timeline.of("nobody")) == []


def test_lines_count_from_the_first_entry():
    timeline = Timeline([Entry(100.0, "db", "fault", "cut()"), Entry(101.25, "db", "heal", "cut()")])
    assert str(timeline).splitlines() == ["    0.000s  fault     cut()", "    1.250s  heal      cut()"]
    assert str(Timeline([])) == ""


def test_the_link_is_named_only_where_there_are_several():
    timeline = Timeline([Entry(0, "db", "dial", "x"), Entry(1, "", "note", "mine"), Entry(2, "web", "dial", "y")])
    assert [line.split("s  ", 1)[1] for line in timeline.lines()] == [
        "dial      db: x",
        "note      mine",
        "dial      web: y",
    ]
    assert "db:" not in str(Timeline([*timeline.of("db"), *timeline.of("")]))


@pytest.mark.parametrize("most", range(1, 12))
def test_a_long_timeline_is_cut_in_the_middle_and_says_by_how_much(most):
    lines = numbered(10).lines(most)
    kept = [line for line in lines if "more" not in line]
    assert len(lines) == min(most, 10)
    if most >= 10:
        assert kept == numbered(10).lines(99)
        return
    assert lines[most // 2] == f"… {10 - len(kept)} more …"
    numbers = [int(line.rsplit(" ", 1)[1]) for line in kept]
    assert numbers == [*range(most // 2), *range(10 - (most - most // 2 - 1), 10)]


@pytest.mark.parametrize("most", [0, -3])
def test_no_room_at_all_leaves_a_count(most):
    assert numbered(10).lines(most) == ["… 10 more …"]


def test_the_tale_of_a_dial():
    dials = Dials(
        [
            Dial(1, 1.0, "served", "127.0.0.1:9", connection=1),
            Dial(2, 2.0, "refused", "127.0.0.1:10", "cut", ended_at=2.0, waited=0.25),
            Dial(3, 3.0, "refused", "", "cut or refuse"),
            Dial(4, 4.0, "pending", "127.0.0.1:11"),
        ]
    )
    assert texts(History("db", 5.0, dials)) == [
        (1.0, "dial", "dial 1 from 127.0.0.1:9"),
        (2.0, "refused", "dial 2 from 127.0.0.1:10 refused: cut, 0.250s after the last one ended"),
        (3.0, "refused", "dial 3 refused: cut or refuse"),
        (4.0, "dial", "dial 4 from 127.0.0.1:11"),
    ]


def test_the_tale_of_a_connection():
    connections = (
        Connection(1, 2, 1.0, 10, 20, 3, 4, 2.0, "fault", "RST", "cut"),
        Connection(2, 3, 1.5, 10, 20, 0, 0, 3.0, "client", "FIN"),
        Connection(3, 4, 4.0),
    )
    assert texts(History("db", 5.0, connections=connections)) == [
        (1.0, "open", "connection 1 (dial 2)"),
        (2.0, "close", "connection 1 by fault with RST (cut), 10 bytes up, 20 down, 7 lost"),
        (1.5, "open", "connection 2 (dial 3)"),
        (3.0, "close", "connection 2 by client with FIN, 10 bytes up, 20 down"),
        (4.0, "open", "connection 3 (dial 4)"),
    ]


def test_the_tale_of_a_fault():
    spans = (
        FaultSpan(Cut(), 1.0, 1.5, (1, 2)),
        FaultSpan(Cut(), 2.0, 2.25, (3,), cycle=2),
        FaultSpan(Reset(), 3.0, 3.0),
        FaultSpan(Delay(0.2), 4.0),
    )
    assert texts(History("db", 5.0, faults=spans)) == [
        (1.0, "fault", "cut(): met connection 1, 2"),
        (1.5, "heal", "cut() after 0.500s"),
        (2.0, "fault", "cut(), cycle 2: met connection 3"),
        (2.25, "heal", "cut(), cycle 2 after 0.250s"),
        (3.0, "fault", "reset(): met no connection"),
        (4.0, "fault", "delay(latency=0.2): met no connection"),
    ]


def test_every_entry_names_its_link():
    history = History("db", 5.0, Dials([Dial(1, 1, "served")]), (Connection(1, 1, 1),), (FaultSpan(Cut(), 1, 2),))
    assert {entry.link for entry in entries(history)} == {"db"}


def test_the_tale_of_messages():
    record = DeliveryRecord(
        sends=(Send("a", 1.0), Send(2, 2.0, "info", "ann"), Send((3, 4), 3.0, "fail")),
        deliveries=(Delivery("a", 1.5), Delivery(2, 2.5, "bob")),
        subscribers=("", "bob"),
        outages=(),
        now=9.0,
    )
    assert [(e.at, e.link, e.kind, e.text) for e in messages(record)] == [
        (1.0, "", "sent", "'a'"),
        (2.0, "", "sent", "2 by ann (info)"),
        (3.0, "", "sent", "(3, 4) (fail)"),
        (1.5, "", "delivered", "'a'"),
        (2.5, "", "delivered", "2 to bob"),
    ]


def message(at, kind, text):
    return Entry(at, "", kind, text)


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ([(2.0, "sent", "1")], "    1.000s  sent      1"),
        ([(2.0, "delivered", "1")], "    1.000s  delivered 1"),
        ([(2.0, "sent", "1"), (2.5, "sent", "2")], "    1.000s  messages  2 sent (1 … 2) in 0.500s"),
        ([(2.0, "delivered", "1"), (2.25, "sent", "2")], "    1.000s  messages  1 sent (2), 1 delivered (1) in 0.250s"),
        (
            [(2.0, "sent", "1"), (2.1, "delivered", "1"), (2.2, "sent", "2"), (2.3, "sent", "3")],
            "    1.000s  messages  3 sent (1 … 3), 1 delivered (1) in 0.300s",
        ),
    ],
)
def test_a_run_of_messages_is_one_line(run, line):
    cut, heal = Entry(1.0, "db", "fault", "cut()"), Entry(3.0, "db", "heal", "cut()")
    lines = Timeline([cut, *(message(*each) for each in run), heal]).lines()
    assert lines == ["    0.000s  fault     cut()", line, "    2.000s  heal      cut()"]


def test_what_happens_between_messages_parts_their_runs():
    parts = [message(1.0, "sent", "1"), Entry(1.5, "db", "dial", "dial 1"), message(2.0, "sent", "2")]
    assert [line.split()[1] for line in Timeline(parts).lines()] == ["sent", "dial", "sent"]
