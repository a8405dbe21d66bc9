"""The Socket.IO recorders on real clients and a real server, through a link."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
import socketio
from aiohttp import web

from pytest_netchaos import at_least_once, eventually_async, exactly_once
from pytest_netchaos.recorders import record_socketio, record_socketio_server

WAIT = 20.0  # seconds; for what takes milliseconds on a machine that isn't busy


@contextlib.asynccontextmanager
async def serving(server):
    """Serve, and return where."""
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await server.shutdown()
        await runner.cleanup()


@contextlib.contextmanager
def serving_in_thread(make):
    """Serve in a loop of its own, for a client that has none; return where, the loop and the server."""
    ready, stop = threading.Event(), []

    async def serve():
        server = make()
        async with serving(server) as port:
            ended = asyncio.Event()
            loop = asyncio.get_running_loop()
            stop.extend((port, lambda: loop.call_soon_threadsafe(ended.set), loop, server))
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(WAIT)
    port, end, loop, server = stop
    try:
        yield port, loop, server
    finally:
        end()
        thread.join(WAIT)


def make_server():
    # A client that polls ends only when its last request is answered, with a ping at the latest.
    server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=1)
    server.on("order", lambda _sid, number: number)
    return server


def sends(ledger):
    return [(send.id, send.outcome) for send in ledger.record().sends]


def deliveries(ledger):
    return [delivery.id for delivery in ledger.record().deliveries]


def notes(ledger):
    return [note.text for note in ledger.notes]


async def until(condition):
    await eventually_async(condition, WAIT)


@pytest.mark.asyncio
async def test_ticks_that_a_server_emits_in_an_outage_are_lost_and_named(netchaos, ledger):
    server = make_server()
    client = socketio.AsyncClient(reconnection_delay=0.05, randomization_factor=0, handle_sigint=False)
    async with serving(server) as port:
        link = netchaos.link(("127.0.0.1", port), name="node")
        record_socketio_server(server, ledger, name="node")
        record_socketio(client, ledger, name="bob")
        await client.connect(link.url("http"), transports=["websocket"], wait_timeout=WAIT)
        await server.emit("tick", 1)
        await until(lambda: deliveries(ledger) == [1])
        with link.cut():
            await until(lambda: not client.connected)
            await server.emit("tick", 2)
        await until(lambda: len(ledger.record().connects) == 2)
        await until(lambda: client.connected)
        await server.emit("tick", 3)
        await until(lambda: deliveries(ledger)[-1] == 3)
        await client.disconnect()
    first, second = ledger.record().connects
    assert first.subscriber == second.subscriber == "bob"
    assert first.session != second.session
    assert any(note.startswith("socketio bob disconnected: transport ") for note in notes(ledger))
    assert any(note.startswith("socketio server node accepted client ") for note in notes(ledger))
    verdict, lost = at_least_once().explain(ledger)[:2]
    assert verdict.endswith("1 lost")
    assert "during the cut" in lost


@pytest.mark.asyncio
async def test_a_call_whose_answer_is_lost_is_unclear_and_recovered(netchaos, ledger):
    server, client = make_server(), socketio.AsyncClient(handle_sigint=False)
    async with serving(server) as port:
        link = netchaos.link(("127.0.0.1", port), name="node")
        record_socketio_server(server, ledger, name="node")
        recording = record_socketio(client, ledger, name="ann")
        await client.connect(link.url("http"), transports=["websocket"], wait_timeout=WAIT)
        assert await client.call("order", 1, timeout=WAIT) == 1
        with link.stall(direction="downstream"):
            with pytest.raises(socketio.exceptions.TimeoutError):
                await client.call("order", 2, timeout=0.3)
            await until(lambda: deliveries(ledger) == [1, 2])
        recording.stop()
        await client.disconnect()
    assert sends(ledger) == [(1, "ok"), (2, "info")]
    assert ledger == exactly_once()


def test_a_client_with_threads_is_recorded_through_a_cut(netchaos, ledger):
    client = socketio.Client(reconnection_delay=0.05, randomization_factor=0, handle_sigint=False)
    gone, ticks = threading.Event(), threading.Semaphore(0)
    client.on("disconnect", lambda _reason: gone.set())
    record_socketio(client, ledger, name="ann")
    client.on("tick", lambda _number: ticks.release())
    connected = threading.Semaphore(0)
    client.on("connect", connected.release)
    with serving_in_thread(make_server) as (port, loop, server):
        link = netchaos.link(("127.0.0.1", port), name="node")

        def tick(number):
            asyncio.run_coroutine_threadsafe(server.emit("tick", number), loop).result(WAIT)
            assert ticks.acquire(timeout=WAIT)

        client.connect(link.url("http"), transports=["polling"], wait_timeout=WAIT)
        assert connected.acquire(timeout=WAIT)
        assert client.call("order", 1, timeout=WAIT) == 1
        tick("a")
        with link.cut():
            assert gone.wait(WAIT)
            with pytest.raises(socketio.exceptions.BadNamespaceError):
                client.emit("order", 2)
        assert connected.acquire(timeout=WAIT)
        tick("b")
        client.disconnect()
        client.shutdown()
    assert sends(ledger) == [(1, "ok"), (2, "fail")]
    assert deliveries(ledger) == ["a", "b"]
    assert len(ledger.record().connects) == 2
    assert any(note.startswith("socketio ann disconnected: ") for note in notes(ledger))
