"""Recording WebSocket connections: real ones, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_sync
from websockets.sync.server import serve as serve_sync

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.recorders.websocket import record_websocket


@pytest.fixture
def ledger():
    return Ledger()


def sends(ledger):
    return [(send.id, send.outcome) for send in ledger.record().sends]


def deliveries(ledger):
    return [delivery.id for delivery in ledger.record().deliveries]


def notes(ledger):
    return [note.text for note in ledger.notes]


async def echo(connection):
    async for message in connection:
        if message == "bye":
            await connection.close(4000, "as asked")
            return
        await connection.send(message)


def echo_sync(connection):
    for message in connection:
        if message == "bye":
            connection.close(4000, "as asked")
            return
        connection.send(message)


@contextlib.asynccontextmanager
async def echoed():
    async with serve(echo, "127.0.0.1", 0) as server, connect(f"ws://127.0.0.1:{port(server)}") as connection:
        yield connection


def port(server):
    return server.sockets[0].getsockname()[1]


@contextlib.contextmanager
def echoed_sync():
    with serve_sync(echo_sync, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with connect_sync(f"ws://127.0.0.1:{server.socket.getsockname()[1]}") as connection:
                yield connection
        finally:
            server.shutdown()
            thread.join(10)


async def fragments(*parts):
    for part in parts:
        yield part


def in_words(error):
    return type(error), str(error)


async def script(connection):
    """A bit of everything, and all that anybody could see of it."""
    results = []
    for message in ("a", b"b", bytearray(b"c"), ["d", "e"], iter(["f", "g"]), fragments("h", "i"), b"\xff"):
        results.append(await connection.send(message))
        results.append(await connection.recv())
    await connection.send(b"j", text=True)
    results.append(await connection.recv(decode=False))
    await connection.send("streamed")
    results.append([part async for part in connection.recv_streaming()])
    for bad in (5, {"a": 1}):
        try:
            await connection.send(bad)
        except TypeError as error:
            results.append(in_words(error))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(connection.recv(), 0.01)
    await connection.send("bye")
    try:
        results.extend([message async for message in connection])
    except ConnectionClosed as error:
        results.append(in_words(error))
    try:
        await connection.send("late")
    except ConnectionClosed as error:
        results.append(in_words(error))
    return results


def script_sync(connection):
    """The same without asyncio."""
    results = []
    for message in ("a", b"b", bytearray(b"c"), ["d", "e"], iter(["f", "g"]), b"\xff"):
        results.append(connection.send(message))
        results.append(connection.recv())
    connection.send(b"j", text=True)
    results.append(connection.recv(decode=False))
    connection.send("streamed")
    results.append(list(connection.recv_streaming()))
    for bad in (5, {"a": 1}):
        try:
            connection.send(bad)
        except TypeError as error:
            results.append(in_words(error))
    with contextlib.suppress(TimeoutError):
        connection.recv(timeout=0.01)
    connection.send("bye")
    try:
        results.extend(connection)
    except ConnectionClosed as error:
        results.append(in_words(error))
    try:
        connection.send("late")
    except ConnectionClosed as error:
        results.append(in_words(error))
    return results


async def run_script(ledger=None):
    async with echoed() as connection:
        if ledger is not None:
            record_websocket(connection, ledger, name="ann")
        return await script(connection)


def run_script_sync(ledger=None):
    with echoed_sync() as connection:
        if ledger is not None:
            record_websocket(connection, ledger, name="ann")
        return script_sync(connection)


CLOSED = "websocket ann closed with 4000: received 4000 (private use) as asked; then sent 4000 (private use) as asked"


def test_a_recorded_asyncio_connection_does_what_it_does_without(ledger):
    plain = asyncio.run(run_script())
    assert asyncio.run(run_script(ledger)) == plain
    assert [id_ for id_, outcome in sends(ledger) if outcome == "ok"] == [
        *("a", "b", "c", "de", b"\xff", "j", "streamed", "bye"),
    ]
    assert sends(ledger)[-1] == ("late", "fail")
    assert deliveries(ledger) == ["a", "b", "c", "de", "fg", "hi", b"\xff", "j"]
    assert CLOSED in notes(ledger)


def test_a_recorded_connection_of_threads_does_what_it_does_without(ledger):
    plain = run_script_sync()
    assert run_script_sync(ledger) == plain
    assert sends(ledger)[-2:] == [("bye", "ok"), ("late", "fail")]
    assert deliveries(ledger) == ["a", "b", "c", "de", "fg", b"\xff", "j"]
    assert notes(ledger).count(CLOSED) == 1


def test_what_is_not_recorded_is_noted(ledger):
    asyncio.run(run_script(ledger))
    could_not = "websocket ann could not record"
    reason = "of fragments only a list or a tuple is recorded, since others can be gone through only once"
    assert notes(ledger)[:3] == [
        f"{could_not} a message from a list_iterator: {reason}. Others like it are only counted.",
        f"{could_not} a message from a async_generator: {reason}. Others like it are only counted.",
        (
            f"{could_not} recv_streaming(): only whole messages are recorded, those that recv() returns. "
            "Others like it are only counted."
        ),
    ]


def test_a_connection_is_written_down_and_its_server_s_side_is_recorded_like_it(ledger):
    async def serve_recorded(connection):
        record_websocket(connection, ledger, name="server", id="n")
        await echo(connection)

    async def ask():
        async with (
            serve(serve_recorded, "127.0.0.1", 0) as server,
            connect(f"ws://127.0.0.1:{port(server)}") as connection,
        ):
            await connection.send('{"n": 1}')
            await connection.recv()

    asyncio.run(ask())
    assert [(connect.subscriber, connect.session) for connect in ledger.record().connects] == [("server", None)]
    assert (sends(ledger), deliveries(ledger)) == ([(1, "ok")], [1])
    assert notes(ledger) == ["websocket server closed with 1000: received 1000 (OK); then sent 1000 (OK)"]


def test_stop_takes_everything_off(ledger):
    async def stopped():
        async with echoed() as connection:
            before = set(vars(connection))
            with record_websocket(connection, ledger):
                assert set(vars(connection)) - before == {"send", "recv", "recv_streaming"}
            assert set(vars(connection)) == before
            await script(connection)

    asyncio.run(stopped())
    with echoed_sync() as connection:
        record_websocket(connection, ledger).stop()
        assert not {"send", "recv", "close_socket"} & set(vars(connection))
        script_sync(connection)
    assert (sends(ledger), deliveries(ledger), notes(ledger)) == ([], [], [])


def test_other_objects_are_refused(ledger):
    with pytest.raises(TypeError, match=r"takes a connection of websockets.asyncio or websockets.sync, not 5"):
        record_websocket(5, ledger)
