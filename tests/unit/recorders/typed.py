"""What a type checker has to make of the recorders; `test_typing` has mypy read it. Nobody runs it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, assert_type

import redis
import socketio

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.recorders import (
    Recording,
    record_calls,
    record_publisher,
    record_pubsub,
    record_socketio,
    record_socketio_server,
    record_stream,
    record_websocket,
)

if TYPE_CHECKING:
    import redis.asyncio
    from websockets.asyncio.client import ClientConnection
    from websockets.asyncio.server import ServerConnection
    from websockets.sync.client import ClientConnection as SyncClientConnection


def clients(
    ledger: Ledger,
    client: ClientConnection,
    server: ServerConnection,
    sync_client: SyncClientConnection,
    connection: redis.Redis,
    async_connection: redis.asyncio.Redis,
    pubsub: redis.client.PubSub,
    async_pubsub: redis.asyncio.client.PubSub,
) -> None:
    for websocket in (client, server, sync_client):
        assert_type(record_websocket(websocket, ledger, id="n"), Recording)
    record_websocket(connection, ledger)  # type: ignore[arg-type]
    record_publisher(connection, ledger, channels=["a"])
    record_publisher(async_connection, ledger, id=lambda payload: payload["n"])
    record_publisher(client, ledger)  # type: ignore[arg-type]
    record_stream(connection, ledger, id="n", streams={"a"})
    record_stream(async_connection, ledger, id=1.5)  # type: ignore[arg-type]
    record_pubsub(pubsub, ledger)
    record_pubsub(async_pubsub, ledger)
    with record_socketio(socketio.Client(), ledger, events=["tick"]) as recording:
        assert_type(recording, Recording)
    record_socketio(connection, ledger)  # type: ignore[arg-type]
    record_socketio_server(socketio.AsyncServer(), ledger, arrivals="send")
    record_socketio_server(socketio.AsyncServer(), ledger, arrivals="sends")  # type: ignore[arg-type]


def publish(channel: str, message: int) -> bytes:
    return f"{channel}{message}".encode()


async def publish_async(message: int) -> str:
    return str(message)


def calls(ledger: Ledger) -> None:
    recorded = record_calls(publish, ledger, id="message")
    assert_type(recorded("a", 1), bytes)
    recorded("a", "b")  # type: ignore[arg-type]
    recorded_async = record_calls(publish_async, ledger)
    coroutine: Coroutine[Any, Any, str] = assert_type(recorded_async(1), Coroutine[Any, Any, str])
    coroutine.close()
    record_calls(publish, ledger, as_="sent")  # type: ignore[call-overload]

    @record_calls(ledger, as_="delivery")
    def handle(number: int) -> bool:
        return number > 0

    assert_type(handle(1), bool)
    handler: Callable[[int], bool] = handle
    handler(1)
