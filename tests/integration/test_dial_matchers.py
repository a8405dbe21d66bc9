"""The matchers of the dial log on real links: each waits for its verdict, in plain code and in a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from pytest_netchaos.matchers import check, check_async, reconnected
from pytest_netchaos.matchers.dead_peer import dead_peer_detected
from pytest_netchaos.matchers.giving_up import gave_up
from pytest_netchaos.matchers.herd import no_thundering_herd
from pytest_netchaos.matchers.rate import dial_rate
from pytest_netchaos.matchers.staying_away import stayed_away

#: Seconds that anything which happens at once takes at most, on a busy machine.
SOON = 20.0


class Server:
    """Accepts everybody, says nothing, and keeps what it has accepted."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listener.settimeout(SOON)
        self.peers = []

    def accept(self):
        self.peers.append(self.listener.accept()[0])
        return self.peers[-1]

    def close(self):
        for sock in (self.listener, *self.peers):
            sock.close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def link(netchaos, server):
    return netchaos.link(server.listener.getsockname(), name="chat")


@pytest.fixture
def dial(link):
    """Dial the link; ``None`` if it refuses. Closes what is left open."""
    made = []

    def connect_once():
        try:
            made.append(socket.create_connection(link.address, SOON))
        except ConnectionError:
            return None
        return made[-1]

    yield connect_once
    for sock in made:
        sock.close()


@pytest.fixture
def connected(link, server, dial):
    """A client's socket, of a connection that the link knows to be served."""
    client = dial()
    server.accept()
    link.wait_for_connection(len(server.peers))
    return client


@pytest.fixture
def in_background():
    """Run a client in a thread; it's over before the test is."""
    threads = []

    def start(client):
        threads.append(threading.Thread(target=client))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()


def pause(seconds):
    """Wait as a client does between two dials."""
    time.sleep(seconds)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def hang_up_after_silence(sock, how, patience=0.15):
    """Ask, and hang up when there's no answer."""
    sock.sendall(b"ping")
    sock.settimeout(patience)
    with pytest.raises(TimeoutError):
        sock.recv(1)
    how(sock)


# dead_peer_detected


@pytest.mark.parametrize("how", [socket.socket.close, reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("fault", ["blackhole", "stall"])
def test_a_dead_peer_is_detected_when_the_client_hangs_up(link, connected, in_background, fault, how):
    silence = getattr(link, fault)()
    in_background(lambda: hang_up_after_silence(connected, how))
    assert link == dead_peer_detected(within=SOON)
    (dial,) = link.dials
    assert silence.at < dial.hung_up_at == dial.ended_at
    assert link == dead_peer_detected(within=SOON, since=silence)


@pytest.mark.parametrize("fault", ["blackhole", "stall"])
def test_a_dead_peer_is_detected_in_one_direction(link, connected, in_background, fault):
    getattr(link, fault)(direction="downstream")
    in_background(lambda: hang_up_after_silence(connected, socket.socket.close))
    assert link == dead_peer_detected(within=SOON)


def without_standstills(lines):
    """Leave out what is said of a machine that was busy, and nothing else."""
    return [line for line in lines if " stood still for " not in line]


def test_a_dead_peer_that_nobody_detects_is_waited_for(link, connected):
    silence = link.blackhole()
    with pytest.raises(AssertionError) as caught:
        check(link, dead_peer_detected(within=0.2))
    assert time.monotonic() - silence.at >= 0.2
    verdict, standing = without_standstills(str(caught.value).splitlines())
    assert verdict == (
        "not detected on 1 of 1 connection in the 0.200s after the blackhole began: dead_peer_detected(within=0.2)"
    )
    assert standing.startswith("  connection 1  still stands after ")


def test_a_server_that_gives_up_in_a_black_hole_is_no_client_that_does(link, server, connected):
    link.blackhole()
    server.peers[0].close()
    link.wait_for(lambda history: history.dials[0].ended_at is not None)
    assert link != dead_peer_detected(within=0.1)
    assert link == dead_peer_detected(within=SOON, by="server")


def test_a_client_that_is_told_by_the_heal_has_detected_nothing(link, connected):
    with link.blackhole():
        connected.sendall(b"ping")
        link.wait_for(lambda history: history.connections[0].lost_up == 4)
    with pytest.raises(ConnectionResetError):
        connected.recv(1)
    assert "was over after " in dead_peer_detected(within=SOON).explain(link)[0]


def test_a_client_that_answers_a_fin_has_detected_nothing(link, server, connected):
    link.stall(direction="upstream")
    server.peers[0].close()
    assert connected.recv(1) == b""
    connected.close()
    seen = link.wait_for(lambda h: h.dials[0].ended_at is not None)
    (line,) = without_standstills(dead_peer_detected(within=0.2).explain(seen)[1:])
    assert link != dead_peer_detected(within=0.2)
    assert link.dials[0].hung_up_at is None
    assert line.startswith("  connection 1  ")


async def silent_echo(connection):
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["blackhole", "stall"])
@pytest.mark.parametrize(("patience", "servers"), [(0.3, 20.0), (1.5, 0.5)], ids=["client first", "server first"])
async def test_websockets_detects_a_dead_peer(netchaos, fault, patience, servers):
    """Each pings the other every so many seconds, and waits for the pong as long."""
    server_side = {"ping_interval": servers, "ping_timeout": servers, "close_timeout": 0.05}
    client_side = {"ping_interval": patience, "ping_timeout": patience, "close_timeout": 0.1}
    async with serve(silent_echo, "127.0.0.1", 0, **server_side) as websocket:
        link = netchaos.link(websocket.sockets[0].getsockname()[:2])
        async with connect(link.url("ws"), **client_side) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
            silence = getattr(link, fault)()
            # At most 0.7 s or 3.1 s by its own settings; the rest is for a busy machine.
            await check_async(link, dead_peer_detected(within=SOON))
            # A ping may have been sent just before the silence. The server gives up after 1.05 s.
            assert link.dials[0].hung_up_at - silence.at > patience - 0.1, "it was the server"
            await asyncio.wait_for(client.wait_closed(), SOON)
        silence.heal()


# stayed_away


@pytest.mark.parametrize("how", [socket.socket.close, reset], ids=["FIN", "RST"])
def test_to_stay_away_takes_its_time(link, connected, how):
    how(connected)
    link.wait_for(lambda history: history.dials[0].hung_up_at is not None)
    assert stayed_away(for_=SOON).explain(link)[0].startswith("no dial in the ")
    assert link == stayed_away(for_=0.2)
    assert link.history().now >= link.dials[0].hung_up_at + 0.2


def test_to_come_back_fails_at_once(link, server, dial, connected, in_background):
    connected.close()
    link.wait_for(lambda history: history.dials[0].hung_up_at is not None)
    in_background(lambda: [pause(0.1), dial()])
    begin = time.monotonic()
    assert link != stayed_away(for_=1000.0)
    assert time.monotonic() - begin < SOON


def test_a_coroutine_waits_for_a_client_to_stay_away(link, connected):
    connected.close()
    link.wait_for(lambda history: history.dials[0].hung_up_at is not None)
    asyncio.run(check_async(link, stayed_away(for_=0.2)))
    assert link.history().now >= link.dials[0].hung_up_at + 0.2


def test_in_a_coroutine_a_comparison_is_too_early(link, connected):
    connected.close()
    link.wait_for(lambda history: history.dials[0].hung_up_at is not None)

    async def compare():
        assert link != stayed_away(for_=SOON)

    asyncio.run(compare())


# gave_up

#: Seconds without a dial that prove that no more will come from a client that waits 0.05, on a busy machine.
QUIET = 2.0


def try_again(dial, tries, wait=0.05):
    for _ in range(tries):
        pause(wait)
        assert dial() is None


def test_a_client_that_gives_up_is_waited_for(link, dial, connected, in_background):
    cut = link.cut()
    in_background(lambda: try_again(dial, 3))
    assert link == gave_up(after=3, quiet=QUIET)
    last = link.dials[-1]
    assert link.history().now >= last.at + QUIET
    assert link == gave_up(after=3, since=cut)
    assert link != gave_up(after=2)
    assert link != gave_up(after=4)


def test_a_dial_too_many_fails_at_once(link, dial, connected, in_background):
    link.cut()
    in_background(lambda: try_again(dial, 3))
    begin = time.monotonic()
    assert link != gave_up(after=2, quiet=1000.0)
    assert time.monotonic() - begin < SOON


def test_a_client_that_gives_up_its_dials_in_a_black_hole_gives_up(link, dial, connected, in_background):
    link.blackhole()

    def client():
        connected.close()
        for _ in range(2):
            hang_up_after_silence(dial(), socket.socket.close, 0.1)

    in_background(client)
    assert link == gave_up(after=2, quiet=QUIET)


def test_a_coroutine_waits_for_a_client_to_give_up(link, dial, connected, in_background):
    link.cut()
    in_background(lambda: try_again(dial, 2))
    asyncio.run(check_async(link, gave_up(after=2, quiet=QUIET)))


# dial_rate


@pytest.mark.asyncio
async def test_websockets_storms_a_server_that_accepts_and_closes(netchaos):
    async def close_at_once(connection):
        await connection.close()

    async def come_back(url):
        async with contextlib.aclosing(aiter(connect(url))) as connections:  # closed when the task has been cancelled
            async for connection in connections:
                with contextlib.suppress(ConnectionClosed):
                    await connection.recv()

    async with serve(close_at_once, "127.0.0.1", 0) as websocket:
        link = netchaos.link(websocket.sockets[0].getsockname()[:2])
        client = asyncio.create_task(come_back(link.url("ws")))
        await link.wait_for_dial_async(20, timeout=SOON)
        client.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await client
    explained = dial_rate(3).explain(link)
    assert explained[0].endswith(" within one second, at most 3 allowed: dial_rate(max_per_second=3)")
    assert link == dial_rate(100_000)


# no_thundering_herd


def come_back(link, dials):
    """Have clients connect and be cut off; then have them dial as ``dials`` says."""
    link.wait_for_connection(CLIENTS, timeout=SOON)
    link.cut().heal()
    dials()
    link.wait_for_connection(2 * CLIENTS, timeout=SOON)


CLIENTS = 12


def test_a_herd_is_found(link, dial):
    for _ in range(CLIENTS):
        dial()
    come_back(link, lambda: [dial() for _ in range(CLIENTS)])
    # Dials from one thread, one right after the other: a busy machine takes no half a second for twelve of them.
    assert "of 12 clients within 2s, at most 6 allowed" in no_thundering_herd(CLIENTS, window=2.0).explain(link)[0]


def test_clients_that_come_one_after_the_other_are_no_herd(link, dial):
    for _ in range(CLIENTS):
        dial()

    def one_by_one():
        for number in range(CLIENTS + 1, 2 * CLIENTS + 1):
            pause(0.05)
            dial()
            link.wait_for_connection(number, timeout=SOON)  # a busy relay would accept several at once

    come_back(link, one_by_one)
    assert link == no_thundering_herd(CLIENTS)


def test_a_herd_that_is_not_complete_is_not_judged(link, dial):
    for _ in range(CLIENTS):
        dial()
    link.wait_for_connection(CLIENTS)
    link.cut().heal()
    dial()
    link.wait_for_connection(CLIENTS + 1)
    assert no_thundering_herd(CLIENTS).explain(link)[1:] == [
        "  connected when the cut began, and not back: 11 from 127.0.0.1",
        "  wait for the others first: link.wait_for_connection(24)",
    ]


# reconnected


def test_a_reconnect_counts_from_a_fault(link, dial, connected, in_background):
    stall = link.stall()
    assert reconnected(within=1.0, after=stall).explain(link)[0].startswith("the stall is still in force after ")
    stall.heal()
    cut = link.cut()
    cut.heal()
    in_background(dial)
    assert link == reconnected(within=SOON, after=cut)
    assert link == reconnected(within=SOON, after=stall)
