"""`netchaos.settle()` on real links."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from pytest_netchaos import WaitTimeout


@pytest.fixture
def upstream():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def link(netchaos, upstream):
    return netchaos.link(upstream.getsockname(), name="db")


@pytest.fixture
def pair(link, upstream):
    """A client, and the server's side of its connection."""
    with socket.create_connection(link.address, 10) as client, upstream.accept()[0] as server:
        yield client, server


@pytest.fixture
def beating(pair):
    """A client that says something every 20 ms."""
    over = threading.Event()

    def beat():
        while not over.wait(0.02):
            pair[0].sendall(b"ping")

    thread = threading.Thread(target=beat)
    thread.start()
    yield
    over.set()
    thread.join()


def test_what_a_fault_held_back_has_arrived_when_it_settles(netchaos, link, pair):
    client, server = pair
    link.stall()
    client.sendall(b"x" * 10_000)
    since = netchaos.settle()
    assert link.recall().connections[0].bytes_up == 10_000
    server.setblocking(False)
    assert len(server.recv(10_000)) == 10_000
    assert all(fault.healed_at <= since for fault in link.faults)


def test_a_ledger_has_all_of_a_slow_consumer_when_it_settles(netchaos, ledger, link, pair):
    client, server = pair

    def consume():
        while message := server.recv(1):
            time.sleep(0.01)  # a slow handler
            ledger.delivered(message)

    consumer = threading.Thread(target=consume)
    consumer.start()
    with link.stall():
        for n in range(20):
            ledger.sent(bytes([n]))
            client.sendall(bytes([n]))
    netchaos.settle(1.5, within=30)
    assert len(ledger.record().deliveries) == 20
    client.shutdown(socket.SHUT_WR)
    consumer.join()


def test_heartbeats_keep_it_busy_until_it_knows_them(netchaos, beating):
    with pytest.raises(WaitTimeout) as caught:
        netchaos.settle(quiet=0.6, within=1.2)
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("waited 1.2 s for links and ledgers to be quiet for 0.6 s; in the last ")
    assert second.startswith("  link 'db': connection 1 carried ")
    assert third.startswith("if they are heartbeats, which come more often than that: settle(heartbeat_bytes=")
    netchaos.settle(quiet=0.6, heartbeat_bytes=4 * 100)


def test_it_settles_while_the_clients_event_loop_goes_on(netchaos, link, upstream):
    async def main():
        with link.cut():
            pass
        _, writer = await asyncio.open_connection(*link.address)
        since = await netchaos.settle_async()
        writer.close()
        await writer.wait_closed()
        return since

    since = asyncio.run(main())
    assert link.connections[-1].opened_at <= since
