"""The WebSocket recorder on connections through a link."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from pytest_netchaos import at_least_once
from pytest_netchaos.recorders import record_websocket

pytestmark = pytest.mark.asyncio


async def test_what_a_cut_took_with_it_is_lost_and_the_end_is_noted(netchaos, ledger):
    arrived = asyncio.Semaphore(0)

    async def listen(connection):
        record_websocket(connection, ledger, name="server")
        async for _ in connection:
            arrived.release()

    async with serve(listen, "127.0.0.1", 0) as server:
        link = netchaos.link(server.sockets[0].getsockname()[:2], name="websocket")
        async with connect(link.url("ws")) as connection:
            record_websocket(connection, ledger, name="ann")
            await connection.send("before")
            await asyncio.wait_for(arrived.acquire(), 20)
            stall = link.stall(direction="upstream")
            await connection.send("stuck")
            link.reset()
            with pytest.raises(ConnectionClosed):
                await connection.recv()
            stall.heal()
            with pytest.raises(ConnectionClosed):
                await connection.send("late")
    assert [(send.id, send.outcome) for send in ledger.record().sends] == [
        ("before", "ok"),
        ("stuck", "ok"),
        ("late", "fail"),
    ]
    assert "websocket ann closed with 1006: no close frame received or sent" in [note.text for note in ledger.notes]
    verdict, lost = at_least_once().explain(ledger)[:2]
    assert "lost" in verdict
    assert "'stuck'" in lost
