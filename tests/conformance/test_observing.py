"""What a link says that it saw."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import pytest
from tests.conformance.peers import all_closed

from pytest_netchaos import WaitTimeout
from pytest_netchaos.faults import Cut, Reset, Stall


def test_a_dial_becomes_a_connection(world):
    client, _ = world.pair()
    connection = world.link.wait_for_connection()
    (dial,) = world.link.dials
    assert (dial.number, dial.outcome, dial.connection, connection.dial) == (1, "served", 1, 1)
    assert dial.peer == "{}:{}".format(*client.sock.getsockname())
    assert dial.at <= connection.opened_at <= time.monotonic()
    assert connection.is_open


def test_bytes_are_counted_while_the_connection_lives(world):
    client, server = world.pair()
    client.send(b"12345")
    server.send(b"123")
    assert server.receives(b"12345")
    assert client.receives(b"123")
    (connection,) = world.link.connections
    assert (connection.bytes_up, connection.bytes_down, connection.is_open) == (5, 3, True)


def has_carried(count, asked=None):
    """Whether the first connection has carried so many bytes up; ``asked`` is set once that has been looked at."""

    def condition(history):
        if asked is not None:
            asked.set()
        return history.connections[0].bytes_up >= count

    return condition


def test_waiting_for_bytes_ends_when_they_have_come(world):
    client, _ = world.pair()
    asked, answer = threading.Event(), []
    thread = threading.Thread(target=lambda: answer.append(world.link.wait_for(has_carried(5, asked), timeout=30)))
    thread.start()
    assert asked.wait(10)
    client.send(b"12345")
    thread.join(10)
    assert answer[0].connections[0].bytes_up == 5


def test_matchers_that_wait_for_bytes_see_them_come(world):
    client, _ = world.pair()
    asked, answer = threading.Event(), []
    until = time.monotonic() + 30
    thread = threading.Thread(target=lambda: answer.append(world.link.wait_history(has_carried(5, asked), until)))
    thread.start()
    assert asked.wait(10)
    client.send(b"12345")
    thread.join(10)
    assert answer[0].connections[0].bytes_up == 5


def test_waiting_for_bytes_in_a_coroutine_ends_when_they_have_come(world):
    client, _ = world.pair()

    async def main():
        asked = threading.Event()
        waiting = asyncio.ensure_future(world.link.wait_for_async(has_carried(5, asked), timeout=30))
        assert await asyncio.to_thread(asked.wait, 10)
        client.send(b"12345")
        until = time.monotonic() + 30
        histories = await asyncio.gather(waiting, world.link.wait_history_async(has_carried(5), until))
        assert [history.connections[0].bytes_up for history in histories] == [5, 5]

    asyncio.run(asyncio.wait_for(main(), 15))


def test_the_last_look_of_a_wait_is_a_fresh_one(world):
    client, server = world.pair()
    client.send(b"12345")
    assert server.receives(b"12345")
    assert world.link.wait_for(has_carried(5), timeout=0).connections[0].bytes_up == 5


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_close_says_who_and_how(world, who):
    client, server = world.pair()
    leaver, other = (client, server) if who == "client" else (server, client)
    leaver.finish()
    assert other.ends_with() == "FIN"
    other.close()
    closed = world.link.wait_for(all_closed).connections[0]
    assert (closed.closed_by, closed.close_how, closed.close_reason) == (who, "FIN", "")


@pytest.mark.parametrize(
    ("verb", "how"),
    [
        ("cut", "RST"),
        pytest.param("reset", "RST", marks=pytest.mark.beyond_toxiproxy),
        pytest.param("close", "FIN", marks=pytest.mark.beyond_toxiproxy),
    ],
)
def test_a_fault_that_closes_is_named(world, verb, how):
    world.pair()
    getattr(world.link, verb)()
    closed = world.link.wait_for(all_closed).connections[0]
    assert (closed.closed_by, closed.close_how, closed.close_reason) == ("fault", how, verb)


def test_times_are_in_order_and_on_the_tests_own_clock(world):
    before = time.monotonic()
    world.pair()
    fault = world.link.cut()
    world.dial_fails_with()
    healed = fault.heal()
    world.pair()
    history = world.link.history()
    first, second = history.connections
    refused = history.dials.refused[0]
    moments = [before, first.opened_at, first.closed_at, fault.at, refused.at, healed, second.opened_at]
    assert moments == sorted(moments)
    assert moments[-1] <= time.monotonic()


def test_waits_are_counted_from_the_end_of_the_dial_before(world):
    client, _ = world.pair()
    with world.link.cut():
        assert client.ends_with() == "RST"
        world.dial_fails_with()
        world.dial_fails_with()
    first, second, third = world.link.dials
    assert first.waited is None
    assert second.waited == pytest.approx(second.at - first.ended_at)
    assert third.waited == pytest.approx(third.at - second.at)


def test_a_client_that_hung_up_during_a_stall_has_ended_its_dial(world):
    client, _ = world.pair()
    with world.link.stall():
        client.close()
        world.dial()
        second = world.link.wait_for_dial(2)
        assert world.link.dials[1].waited is not None
        assert second.waited >= 0


@pytest.mark.parametrize("how", ["finish", "reset"])
@pytest.mark.parametrize("fault", ["stall", "blackhole"])
def test_a_client_that_hangs_up_by_itself_is_known_to(world, fault, how):
    client, _ = world.pair()
    silence = getattr(world.link, fault)()
    getattr(client, how)()
    dial = world.link.wait_for(lambda history: history.dials[0].hung_up_at is not None).dials[0]
    assert silence.at <= dial.hung_up_at == dial.ended_at


@pytest.mark.parametrize("how", ["finish", "reset"])
@pytest.mark.parametrize("fault", ["stall", "blackhole"])
def test_a_server_that_hangs_up_by_itself_is_known_to(world, fault, how):
    _, server = world.pair()
    silence = getattr(world.link, fault)()
    getattr(server, how)()
    history = world.link.wait_for(lambda history: history.connections[0].server_hung_up_at is not None)
    assert silence.at <= history.connections[0].server_hung_up_at
    assert history.dials[0].hung_up_at is None


def test_a_server_that_answers_the_clients_end_does_not_hang_up_by_itself(world):
    client, server = world.pair()
    client.close()
    assert server.ends_with() == "FIN"
    server.close()
    history = world.link.wait_for(all_closed)
    assert history.connections[0].server_hung_up_at is None


@pytest.mark.parametrize(
    "fault",
    ["stall", pytest.param("blackhole", marks=pytest.mark.unlike_toxiproxy("a FIN passes, soon or late", run=False))],
)
def test_a_client_that_cannot_know_that_the_server_is_gone_hangs_up_by_itself(world, fault):
    client, server = world.pair()
    getattr(world.link, fault)()
    server.finish()
    world.link.wait_for(lambda history: history.dials[0].ended_at is not None)
    assert world.link.dials[0].hung_up_at is None
    client.finish()
    dial = world.link.wait_for(lambda history: history.dials[0].hung_up_at is not None).dials[0]
    assert dial.ended_at == dial.hung_up_at


def test_a_client_that_answers_the_servers_end_does_not_hang_up_by_itself(world):
    client, server = world.pair()
    server.close()
    assert client.ends_with() == "FIN"
    client.close()
    history = world.link.wait_for(all_closed)
    assert history.dials[0].hung_up_at is None


@pytest.mark.unlike_toxiproxy("it dials the upstream before it stalls, so it depends on who is first", run=False)
def test_a_dial_that_a_stall_outlasted_was_served_in_vain(world):
    with world.link.stall():
        world.dial().close()
        world.link.wait_for(lambda history: history.dials and history.dials[0].ended_at is not None)
        world.dial()
        world.link.wait_for_dial(2)
    world.accept()
    world.accept()
    world.link.wait_for_connection(2)
    assert [(dial.outcome, dial.in_vain) for dial in world.link.dials] == [("served", True), ("served", False)]


def test_a_second_client_has_waited_for_nobody(world):
    world.pair()
    world.pair()
    assert [dial.waited for dial in world.link.dials] == [None, None]


def test_a_fault_says_when_it_was_in_force_and_what_it_met(world):
    world.pair()
    cut = world.link.cut()
    healed = cut.heal()
    world.pair()
    stall = world.link.stall()
    first, second = world.link.history().faults
    assert (first.fault, first.started_at, first.healed_at, first.hits) == (Cut(), cut.at, healed, (1,))
    assert (second.fault, second.started_at, second.healed_at, second.hits) == (Stall(), stall.at, None, (2,))


@pytest.mark.beyond_toxiproxy
def test_an_instant_fault_is_over_when_it_begins(world):
    world.pair()
    reset = world.link.reset()
    (span,) = world.link.history().faults
    assert (span.fault, span.started_at, span.healed_at, span.hits) == (Reset(), reset.at, reset.at, (1,))


def test_a_fault_that_met_nobody_says_so(world):
    assert world.link.cut().hits == ()


def test_waiting_for_a_connection_ends_when_it_comes(world):
    answer = []
    thread = threading.Thread(target=lambda: answer.append(world.link.wait_for_connection(2, timeout=30)))
    thread.start()
    world.pair()
    world.pair()
    thread.join()
    assert answer[0].number == 2


def test_several_threads_can_wait_and_command_at_once(world):
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(world.link.wait_for_connection(n, timeout=30).number))
        for n in (3, 1, 2, 3)
    ]
    for thread in threads:
        thread.start()
    for _ in range(3):
        world.link.delay(0.001).heal()
        world.pair()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [1, 2, 3, 3]


def test_waiting_in_vain_says_what_came_instead(world):
    world.pair()
    world.link.cut()
    world.dial_fails_with()
    with pytest.raises(WaitTimeout) as failure:
        world.link.wait_for_connection(2, timeout=0.05)
    assert str(failure.value).startswith(
        f"link {world.link.name!r} to {world.link.upstream}: waited 0.05 s for connection 2; it has seen 2 dials "
        "and 1 connection; the last dials: served, refused (cut)"
    )


def test_the_timeline_merges_links_faults_and_notes(worlds, netchaos):
    first, second = worlds(name="first"), worlds(name="second")
    netchaos.note("begin")
    first.pair()
    second.pair()
    first.link.cut().heal()
    kinds = [(entry.link, entry.kind) for entry in netchaos.timeline]
    assert kinds == [
        ("", "note"),
        ("first", "dial"), ("first", "open"),
        ("second", "dial"), ("second", "open"),
        ("first", "close"), ("first", "fault"), ("first", "heal"),
    ]  # fmt: skip
    assert all(a.at <= b.at for a, b in itertools.pairwise(netchaos.timeline))


def test_hundreds_of_connections_are_told_apart(world):
    for _ in range(300):
        client, server = world.pair()
        client.close()
        assert server.ends_with() == "FIN"
        server.close()
    history = world.link.wait_for(
        lambda h: len(h.connections) == 300 and not any(c.is_open for c in h.connections), timeout=30
    )
    assert [c.number for c in history.connections] == list(range(1, 301))
    assert [c.dial for c in history.connections] == list(range(1, 301))
    assert {(c.closed_by, c.close_how) for c in history.connections} == {("client", "FIN")}


def test_what_a_client_has_done_is_known_to_who_asks_afterwards(world):
    for number in range(1, 51):
        client, _ = world.pair()
        world.link.wait_for_connection(number)
        client.close()
        assert world.link.history().dials[-1].hung_up_at is not None
