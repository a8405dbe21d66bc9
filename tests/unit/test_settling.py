from __future__ import annotations

import asyncio
import dataclasses
import itertools
import time

import pytest
import trio

from pytest_netchaos.errors import WaitTimeout
from pytest_netchaos.faults import Cut
from pytest_netchaos.history import Connection, Dial, Dials, History
from pytest_netchaos.ledger import Ledger, LedgerCounts
from pytest_netchaos.network import Network
from pytest_netchaos.settling import Look, Settling

LONG = 30.0

LOOPS = pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])


def history(*connections, dials=(), link="db"):
    return History(link, 0.0, Dials(dials), connections)


def served(number):
    return Dial(number, 1.0, "served", connection=number)


ONE = Connection(1, 1, 1.0, bytes_up=10, bytes_down=10)
QUIET = history(ONE, dials=[served(1)])


def judge(*states, quiet=0.125, within=1.0, heartbeat_bytes=0, step=0.0625):
    """Take looks at states, ``step`` seconds apart and the last one again and again; return since when it's quiet."""
    settling = Settling(quiet, within, heartbeat_bytes)
    looks = (
        look(number * step, state) for number, state in enumerate(itertools.chain(states, itertools.repeat(states[-1])))
    )
    while settling.take(next(looks)) is not None:
        pass
    return settling.since


def look(at, state):
    histories, ledgers = state if isinstance(state, tuple) else (state, LedgerCounts(0, 0, 0))
    return Look(at, at, tuple(histories) if isinstance(histories, list) else (histories,), (ledgers,))


def busy(change, *, start=QUIET, **options):
    """Have every look change something, and return what the error says."""
    states = [start]
    for _ in range(100):
        states.append(change(states[-1]))
    with pytest.raises(WaitTimeout) as caught:
        judge(*states, **options)
    return str(caught.value).splitlines()


def moved(state, up, down):
    connection = state.connections[-1]
    more = dataclasses.replace(connection, bytes_up=connection.bytes_up + up, bytes_down=connection.bytes_down + down)
    return dataclasses.replace(state, connections=(*state.connections[:-1], more))


# The judge


def test_nothing_at_all_is_quiet_since_the_first_look():
    settling = Settling(0.125, 1.0, 0)
    assert settling.take(Look(5.0, 5.0)) == 0.01
    assert settling.take(Look(5.0625, 5.0625)) == 0.01
    assert settling.take(Look(5.12, 5.12)) == pytest.approx(0.005)
    assert settling.take(Look(5.125, 5.125)) is None
    assert settling.since == 5.0


@pytest.mark.parametrize(
    "after",
    [
        history(ONE, dials=[served(1), Dial(2, 2.0, "refused", ended_at=2.0)]),
        history(ONE, dials=[served(1), served(2)]),
        history(ONE, Connection(2, 2, 2.0), dials=[served(1)]),
        history(dataclasses.replace(ONE, closed_at=2.0), dials=[served(1)]),
        moved(QUIET, 1, 0),
        moved(QUIET, 0, 1),
        history(dataclasses.replace(ONE, lost_up=1), dials=[served(1)]),
        history(dataclasses.replace(ONE, lost_down=1), dials=[served(1)]),
        [QUIET, history(link="second")],
        (QUIET, LedgerCounts(1, 0, 0)),
        (QUIET, LedgerCounts(0, 1, 0)),
        (QUIET, LedgerCounts(0, 0, 1)),
    ],
    ids=[
        "refused", "dialled", "opened", "closed", "up", "down", "lost up", "lost down", "link", "sent", "delivered",
        "connected",
    ],
)  # fmt: skip
def test_whatever_happens_begins_the_wait_anew(after):
    assert judge(QUIET, after) == 0.0625
    assert judge(QUIET, QUIET, after) == 0.125
    assert judge(QUIET, QUIET, QUIET, after) == 0.0, "too late: it was quiet by then"


def test_a_dial_without_an_answer_is_going_on():
    pending = history(ONE, dials=[served(1), Dial(2, 2.0, "pending")])
    answered = history(ONE, dials=[served(1), Dial(2, 2.0, "refused", ended_at=3.0)])
    assert judge(pending, pending, pending, pending, answered) == 0.25
    given_up = history(ONE, dials=[served(1), Dial(2, 2.0, "pending", ended_at=3.0)])
    assert judge(given_up) == 0.0


def test_the_time_that_a_look_takes_is_not_quiet_time():
    settling = Settling(0.125, 1.0, 0)
    settling.take(Look(0.0, 0.5))
    assert settling.take(Look(0.5, 0.75)) is not None
    assert settling.take(Look(0.625, 0.625)) is None
    assert settling.since == 0.5


def test_heartbeats_that_come_seldom_need_nothing():
    """A beat each 0.25 s leaves room for 0.125 s of quiet between two."""
    beats = [moved(QUIET, 6 * n, 6 * n) for n in range(1, 4)]
    assert judge(QUIET, beats[0], beats[0], beats[0], beats[0], beats[1]) == 0.0625


def test_frequent_heartbeats_are_quiet_if_their_bytes_are_known():
    beats = [moved(QUIET, 6 * n, 2 * n) for n in range(100)]
    assert judge(*beats, heartbeat_bytes=16) == 0.0
    with pytest.raises(WaitTimeout):
        judge(*beats, heartbeat_bytes=15)


def test_the_bytes_of_heartbeats_are_those_of_each_connection():
    both = history(ONE, dataclasses.replace(ONE, number=2), dials=[served(1), served(2)])
    beats = [
        dataclasses.replace(both, connections=tuple(dataclasses.replace(c, bytes_up=8 * n) for c in both.connections))
        for n in range(100)
    ]
    assert judge(*beats, heartbeat_bytes=16) == 0.0


# What it says


def test_bytes_alone_may_be_heartbeats_and_the_error_says_what_to_do():
    lines = busy(lambda state: moved(state, 6, 2))
    assert lines == [
        "waited 1 s for links and ledgers to be quiet for 0.125 s; in the last 0.125 s there were",
        "  link 'db': connection 1 carried 12 bytes up and 4 down",
        "if they are heartbeats, which come more often than that: settle(heartbeat_bytes=32)",
    ]
    assert judge(*(moved(QUIET, 6 * n, 2 * n) for n in range(100)), heartbeat_bytes=32) == 0.0


def test_dials_connections_and_messages_are_named_with_their_place():
    def change(state):
        link, counts = state
        number = len(link.dials) + 1
        closed = [dataclasses.replace(c, closed_at=1.0) for c in link.connections]
        more = history(*closed, Connection(number, number, 1.0), dials=[*link.dials, served(number)])
        return more, LedgerCounts(counts.sent + 2, counts.delivered + 1, 0)

    assert busy(change, start=(QUIET, LedgerCounts(0, 0, 0))) == [
        "waited 1 s for links and ledgers to be quiet for 0.125 s; in the last 0.125 s there were",
        "  link 'db': 2 dials",
        "  link 'db': 2 connections opened",
        "  link 'db': 2 connections closed",
        "  ledger: 4 sent, 2 delivered",
    ]


def test_a_dial_that_waits_for_ever_is_named():
    pending = history(dials=[Dial(1, 2.0, "pending")])
    assert busy(lambda _: pending, start=pending)[1:] == ["  link 'db': dial 1 has no answer yet"]


def test_a_crowd_is_cut_to_pytests_eight_lines():
    crowd = [history(ONE, link=f"link-{n}") for n in range(20)]
    lines = busy(lambda state: [moved(link, 1, 0) for link in state], start=crowd)
    assert len(lines) == 8
    assert lines[5:7] == ["  link 'link-4': connection 1 carried 2 bytes up and 0 down", "  … 15 more"]


def test_quiet_that_is_too_short_when_the_time_is_up_says_how_long_it_was():
    settling = Settling(0.5, 0.5, 0)
    settling.take(Look(0.0, 0.25))
    with pytest.raises(WaitTimeout) as caught:
        settling.take(Look(0.5, 0.5))
    assert str(caught.value) == (
        "waited 0.5 s for links and ledgers to be quiet for 0.5 s; they have been for 0.250 s by now"
    )


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 0), r"^quiet must be above 0"),
        ((0.1, 0, 0), r"^within must be above 0"),
        ((0.1, 1, -1), r"^heartbeat_bytes must be from 0 to inf, not -1$"),
        ((0.2, 0.1, 0), r"^within must be at least quiet \(0\.2 s\), not 0\.1$"),
    ],
)
def test_bad_values_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        Settling(*arguments)


@LOOPS
def test_it_does_not_stop_an_event_loop_and_heals_nothing_then(run, engine):
    network = Network(lambda: engine)
    fault = network.link(1).cut()

    async def main():
        with pytest.raises(RuntimeError, match=r"use `await settle_async\(\)`$"):
            network.settle()

    run(main)
    assert not fault.was_healed


# On a network


@pytest.fixture
def network(engine):
    return Network(lambda: engine, timeout=LONG)


def test_a_network_without_links_settles(network):
    begin = time.monotonic()
    assert begin <= network.settle(0.02) <= time.monotonic() - 0.02


def test_it_heals_first(network, engine):
    fault = network.link(1).inject(Cut())
    since = network.settle(0.02)
    assert fault.was_healed
    assert since >= fault.heal()


def test_it_waits_for_a_ledger(network):
    ledger = Ledger()
    network.keep(ledger)
    for n in range(5):
        ledger.delivered(n)
    late = iter([False, True, False, True])
    counts = ledger.counts
    ledger.counts = lambda: (next(late, False) and ledger.delivered(9)) or counts()
    network.settle(0.5)
    assert ledger.record().deliveries[-1].id == 9
    assert len(ledger.record().deliveries) == 7


def test_the_default_of_within_is_the_networks(engine):
    network = Network(lambda: engine, timeout=0.2)
    ledger = Ledger()
    counts = ledger.counts
    ledger.counts = lambda: ledger.delivered(1) or counts()
    network.keep(ledger)
    with pytest.raises(WaitTimeout, match=r"(?s)^waited 0\.2 s .* ledger: \d+ delivered$"):
        network.settle()
    with pytest.raises(WaitTimeout, match=r"^waited 0\.1 s "):
        network.settle(0.05, 0.1)


@LOOPS
def test_it_settles_in_a_coroutine(network, run):
    fault = network.link(1).cut()
    ticks = []

    async def tick():
        ticks.append(1)

    async def main():
        if run is trio.run:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tick)
                return await network.settle_async(0.02)
        ticking = asyncio.create_task(tick())
        since = await network.settle_async(0.02)
        await ticking
        return since

    assert run(main) >= fault.heal()
    assert ticks == [1]
