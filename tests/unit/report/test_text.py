"""The story keeps its bounds whatever happened, and tells the picture of a cut as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.faults import Blackhole, Cut, Delay, Stall
from pytest_netchaos.history import ArmedFault, Connection, Dial, Dials, FaultSpan, History, Outage
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Note, Send
from pytest_netchaos.report.facts import Facts, LedgerFacts, LinkFacts
from pytest_netchaos.report.page import Page
from pytest_netchaos.report.text import MOST_LINES, write
from pytest_netchaos.triggers import OnConnection

CUT = FaultSpan(Cut(), 10.5, 11.0, (1,))
HISTORY = History(
    "db",
    12.0,
    Dials(
        [
            Dial(1, 10.0, "served", "127.0.0.1:1", connection=1, ended_at=10.5),
            Dial(2, 10.6, "refused", "127.0.0.1:2", "cut", ended_at=10.6, waited=0.1),
            Dial(3, 11.1, "served", "127.0.0.1:3", connection=2, waited=0.5),
        ]
    ),
    (
        Connection(1, 1, 10.0, 100, 50, closed_at=10.5, closed_by="fault", close_how="RST", close_reason="cut"),
        Connection(2, 3, 11.1, 20, 10),
    ),
    (CUT,),
)
RECORD = DeliveryRecord(
    sends=tuple(Send(n, 10.2 + n / 10) for n in range(5)),
    deliveries=(Delivery(0, 10.21), Delivery(1, 10.31), Delivery(4, 11.2), Delivery(4, 11.3)),
    subscribers=("",),
    outages=HISTORY.outages,
    now=12.0,
)
FACTS = Facts((LinkFacts(HISTORY, "127.0.0.1:4 to 127.0.0.1:5"),), (LedgerFacts(RECORD),), (), (), "replay")


def test_the_picture_of_a_cut():
    lines = write(FACTS, Page(80))
    assert lines[0].startswith("1 link, 2 connections, 1 refused dial, 1 fault, 5 sent, 4 delivered")
    lanes = {line[:10].strip(): line[10:] for line in lines}
    assert lanes["db"].strip("=X") == ""
    assert "X" in lanes["db"]
    assert "R" in lanes["conn#1"]
    assert any("cut() hit conn#1" in line for line in lines)
    assert any("reconnected" in line for line in lines)
    assert any(line.startswith("LOST") and "2" in line for line in lines)
    assert any(line.startswith("DUP") and "4" in line for line in lines)
    assert lines[-1] == "replay"


def test_what_is_told_of_many_events_is_what_happened_around_the_end_of_a_server():
    dials = Dials([Dial(n, 10.0 + n, "served", connection=n, ended_at=10.5 + n) for n in range(1, 101)])
    ends = [("client", "server", "fault")[n % 3] for n in range(1, 101)]  # or those alike would be one line
    connections = tuple(
        Connection(n, n, 10.0 + n, n, n, closed_at=10.5 + n, closed_by=end, close_how="FIN", close_reason=str(n))
        for n, end in enumerate(ends, 1)
    )
    link = LinkFacts(History("db", 111.0, dials, connections))
    facts = Facts((link,), notes=(Note(80.0, "redis: kill"),), server_outages=(Outage(80.0, 80.25, ("kill",)),))
    assert any(line.split()[:1] == ["69.500"] for line in write(facts, Page(100)))


def test_a_fault_that_hit_no_traffic_is_told():
    facts = Facts((LinkFacts(History("db", 3.0, faults=(FaultSpan(Cut(), 1.0, 2.0),))),), (), (), (), "")
    assert any("hit no traffic" in line for line in write(facts, Page(80)))


times = st.floats(0, 1000, allow_nan=False)
ids = st.one_of(st.integers(), st.text(max_size=40), st.tuples(st.integers(), st.text(max_size=5)))
names = st.text(min_size=1, max_size=40)


@st.composite
def histories(draw):
    dials, connections = [], []
    for number, at in enumerate(sorted(draw(st.lists(times, max_size=30))), 1):
        if draw(st.booleans()):
            dials.append(Dial(number, at, "refused", reason=draw(names), ended_at=at))
            continue
        ended = draw(st.one_of(st.none(), st.floats(at, at + 500)))
        connections.append(
            Connection(
                len(connections) + 1, number, at, closed_at=ended, closed_by="client" if ended else None,
                close_how="FIN" if ended else None,
            )
        )  # fmt: skip
        dials.append(Dial(number, at, "served", connection=len(connections), ended_at=ended))
    spans = []
    for at in draw(st.lists(times, max_size=8)):
        fault = draw(st.sampled_from([Cut(), Stall(), Blackhole(), Delay(0.1)]))
        spans.append(FaultSpan(fault, at, draw(st.one_of(st.none(), st.floats(at, at + 300))), (1,) * bool(dials)))
    return History(draw(names), 2000.0, Dials(dials), tuple(connections), tuple(spans))


@st.composite
def records(draw, outages):
    sends = sorted(draw(st.lists(st.builds(Send, ids, times, st.sampled_from(["ok", "info", "fail"])), max_size=30)),
                   key=lambda send: send.at)  # fmt: skip
    known = st.sampled_from([send.id for send in sends]) | ids if sends else ids
    deliveries = sorted(draw(st.lists(st.builds(Delivery, known, times), max_size=30)), key=lambda one: one.at)
    return DeliveryRecord(tuple(sends), tuple(deliveries), ("",), outages, 2000.0)


@given(data=st.data(), width=st.integers(0, 300), ascii_only=st.booleans())
def test_whatever_happened_it_is_short_and_fits_the_page(data, width, ascii_only):
    links = data.draw(st.lists(histories(), max_size=4, unique_by=lambda history: history.link))
    outages = tuple(outage for history in links for outage in history.outages)
    ledgers = (LedgerFacts(data.draw(records(outages))),)
    notes = tuple(data.draw(st.lists(st.builds(Note, times, st.text(max_size=100)), max_size=5)))
    page = Page(width, ascii_only=ascii_only)
    facts = Facts(tuple(map(LinkFacts, links)), ledgers, notes, ("a remark",), "replay")
    lines = write(facts, page)
    assert 1 <= len(lines) <= MOST_LINES
    assert all(page.fits(line) for line in lines)
    assert all(line.isprintable() for line in lines)
    assert not ascii_only or all(line.isascii() for line in lines)
    assert lines[-1] == "replay"


def test_a_fault_that_never_fired_is_told_with_what_the_link_has_seen():
    armed = (ArmedFault(Cut(), OnConnection(3), 10.0, 10.5),)
    alone = Facts((LinkFacts(History("db", 11.0, armed=armed)),))
    assert "    0.000  never fired: cut() at connection 3; the link has seen no connection" in write(alone, Page(100))
    connections = tuple(Connection(number, number, 10.1) for number in (1, 2))
    dials = Dials(Dial(number, 10.1, "served", connection=number) for number in (1, 2))
    story = write(Facts((LinkFacts(History("db", 11.0, dials, connections, armed=armed)),)), Page(100))
    assert "    0.000  never fired: cut() at connection 3; the link has seen 2 connections" in story
