"""Recorded runs to write and read back: one with a bit of everything, and generated ones."""

from __future__ import annotations

from hypothesis import strategies as st

from pytest_netchaos.faults import Blackhole, Close, Cut, Delay, Flap, Limit, Refuse, Reset, Slice, Stall, Throttle
from pytest_netchaos.history import ArmedFault, Connection, Dial, Dials, FaultSpan, History, Lag, Outage, Position
from pytest_netchaos.ledger import Connect, Delivery, DeliveryRecord, Note, Send
from pytest_netchaos.recorded import RecordedRun, RunOfTest
from pytest_netchaos.triggers import AfterBytes, OnConnection, OnDial

#: Every field of every value has another value than its default somewhere in here.
FULL = RecordedRun(
    run=RunOfTest("tests/test_chat.py::test_it[a/b]", "failed", 7, "toxiproxy"),
    seed=2**63 - 1,
    unix_zero=1_760_000_000.25,
    links={
        "db": History(
            "db",
            3.0,
            Dials(
                [
                    Dial(1, 0.0, "served", "127.0.0.1:40312", connection=1, ended_at=1.0, hung_up_at=2.5),
                    Dial(2, 1.25, "refused", reason="cut", ended_at=1.25, waited=0.25),
                    Dial(3, 1.5, "served", connection=2, waited=0.25, in_vain=True),
                ],
                "some dials could not be seen",
                [Lag(1.5, 0.35), Lag(2.0, 0.0625, "process")],
            ),
            (
                Connection(1, 1, 0.0, 12, 34, 5, 6, 1.0, "fault", "RST", "cut", 0.75),
                Connection(2, 3, 1.5),
            ),
            (
                FaultSpan(
                    Flap(0.25, (0.1, 0.5), 3, Blackhole()),
                    1.0,
                    1.5,
                    (1, 2),
                    2,
                    4.0,
                    (Position(10, 20), Position(0, 5)),
                    7,
                    2,
                    1,
                    "plan 1 step 2",
                ),
                FaultSpan(Delay(0.1, 0.05, direction="upstream", toxicity=0.5), 2.0),
            ),
            (
                ArmedFault(Cut(), OnConnection(3), 0.5, 2.5),
                ArmedFault(Flap(fault=Stall()), AfterBytes(10, "downstream", 2), 0.75),
            ),
        )
    },
    upstreams={"db": "127.0.0.1:6379"},
    ledgers=(
        DeliveryRecord(
            (
                Send("a", 0.5, "info", "ann"),
                Send(2, 0.75, sender="bob"),
                Send(3, 0.875),
                Send(4, 0.875, settled_at=1.0),
            ),
            (Delivery("a", 0.625, "bob"), Delivery((1, b"\x00"), 0.75)),
            ("bob", ""),
            (Outage(1.0, 1.5, ("flap", "cut")), Outage(2.0, None, ("stall",), 3.0)),
            3.0,
            (Connect(0.25, "bob", "sid-1"), Connect(0.375)),
            strict=True,
        ),
    ),
    notes=(Note(0.125, "é ] \n"),),
    lags=(Lag(1.5, 0.35), Lag(2.0, 0.0625, "process")),
    remarks=("the event loop stood still",),
)

times = st.integers(0, 10**12).map(lambda ns: ns / 1e9)
_maybe = st.none() | times
_words = st.text(max_size=8)
_counts = st.integers(0, 10**15)
_faults = st.sampled_from(
    [Cut(), Refuse(), Reset(toxicity=1 / 3), Close(), Stall(direction="downstream"), Blackhole(), Delay(1 / 3, 0.1),
     Throttle(1000), Slice(3, 1, 0.1), Limit(10), Flap(), Flap((0.1, 0.2), 0.3, 5, Refuse())]
)  # fmt: skip
_dials = st.builds(
    Dial, _counts, times, st.sampled_from(["served", "refused", "pending"]), _words, _words, st.none() | _counts,
    _maybe, _maybe, st.booleans(), _maybe,
)  # fmt: skip
_connections = st.builds(
    Connection, _counts, _counts, times, _counts, _counts, _counts, _counts, _maybe,
    st.sampled_from([None, "client", "server", "fault", "link"]), st.sampled_from([None, "FIN", "RST"]), _words,
)  # fmt: skip
_spans = st.builds(
    FaultSpan,
    _faults,
    times,
    _maybe,
    st.lists(_counts, max_size=3).map(tuple),
    st.integers(1, 9),
    _maybe,
    st.lists(st.builds(Position, _counts, _counts), max_size=3).map(tuple),
    _counts,
    _counts,
    _counts,
    _words,
)
_triggers = (
    st.builds(OnConnection, st.integers(1, 9)) | st.builds(OnDial, st.integers(1, 9))
    | st.builds(AfterBytes, st.integers(0, 10**9), st.sampled_from(["upstream", "downstream"]), st.integers(1, 9))
)  # fmt: skip
_armed = st.builds(ArmedFault, _faults, _triggers, times, _maybe)
_lags = st.lists(st.builds(Lag, times, times, st.sampled_from(["event loop", "process"])), max_size=3)


@st.composite
def histories(draw, lags, name):
    return History(
        name,
        draw(times),
        Dials(draw(st.lists(_dials, max_size=4)), draw(_words), lags),
        tuple(draw(st.lists(_connections, max_size=4))),
        tuple(draw(st.lists(_spans, max_size=4))),
        tuple(draw(st.lists(_armed, max_size=2))),
    )


_ids = st.recursive(
    st.text() | st.integers(-(2**53), 2**53) | st.binary() | st.booleans() | st.none() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)
_records = st.builds(
    DeliveryRecord,
    st.lists(st.builds(Send, _ids, times, st.sampled_from(["ok", "fail", "info"]), _words), max_size=5).map(tuple),
    st.lists(st.builds(Delivery, _ids, times, _words), max_size=5).map(tuple),
    st.lists(_words, max_size=3).map(tuple),
    st.lists(st.builds(Outage, times, _maybe, st.just(("cut", "stall")), _maybe), max_size=3).map(tuple),
    times,
    st.lists(st.builds(Connect, times, _words, _ids), max_size=3).map(tuple),
    st.booleans(),
)


@st.composite
def recorded_runs(draw):
    """Draw a run whose ids JSON can hold, so that it comes back as it was."""
    lags = tuple(draw(_lags))
    names = draw(st.lists(_words, unique=True, max_size=3))
    return RecordedRun(
        RunOfTest(draw(_words), draw(_words), draw(_counts), draw(_words)),
        draw(st.integers(0, 2**63)),
        0.0,
        draw(st.integers(0, 2**31)) + 0.5,
        {name: draw(histories(lags, name)) for name in names},
        {name: draw(_words) for name in names},
        tuple(draw(st.lists(_records, max_size=2))),
        tuple(draw(st.lists(st.builds(Note, times, _words), max_size=3))),
        lags,
        tuple(draw(st.lists(_words, max_size=2))),
    )


def same(one, other):
    """Compare two runs; dials have no equality of their own."""
    return (_told(one), _links(one)) == (_told(other), _links(other))


def _told(run):
    return [getattr(run, name) for name in run.__slots__ if name != "links"]


def _links(run):
    return {
        name: (h.link, h.now, list(h.dials), h.dials.blind, h.lags, h.connections, h.faults, h.armed)
        for name, h in run.links.items()
    }
