"""The same fixture and the same link under every event loop that tests are written for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import anyio
import anyio.to_thread
import pytest

from pytest_netchaos import Link, Network, WaitTimeout, check_async, reconnected


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that accepts in its backlog, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture
def link(netchaos: Network, listener: socket.socket) -> Link:
    return netchaos.link(listener.getsockname())


def test_without_an_event_loop(link):
    with socket.create_connection(link.address) as client:
        link.wait_for_connection()
        with link.cut(), pytest.raises(ConnectionResetError):
            client.recv(1)
    with socket.create_connection(link.address):
        assert link == reconnected(within=5)


@pytest.mark.asyncio
async def test_under_pytest_asyncio(link):
    reader, writer = await asyncio.open_connection(*link.address)
    await link.wait_for_connection_async()
    with link.cut(), pytest.raises(ConnectionResetError):
        await reader.read(1)
    writer.close()
    _, again = await asyncio.open_connection(*link.address)
    await check_async(link, reconnected(within=5))
    again.close()
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()
    await again.wait_closed()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_under_anyio(link, anyio_backend):
    async with await anyio.connect_tcp(*link.address) as stream:
        await link.wait_for_connection_async()
        with link.cut(), pytest.raises(anyio.BrokenResourceError):
            await stream.receive(1)
    async with await anyio.connect_tcp(*link.address):
        await check_async(link, reconnected(within=5))


@pytest.mark.trio
async def test_under_pytest_trio(link):
    import trio

    stream = await trio.open_tcp_stream(*link.address)
    await link.wait_for_connection_async()
    with link.cut(), pytest.raises(trio.BrokenResourceError):
        await stream.receive_some(1)
    await stream.aclose()
    async with await trio.open_tcp_stream(*link.address):
        await check_async(link, reconnected(within=5))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_waiting_leaves_the_event_loop_free(link, anyio_backend):
    async with anyio.create_task_group() as group:
        group.start_soon(link.wait_for_connection_async, 1, 30)
        group.start_soon(link.wait_for_dial_async, 1, 30)
        async with await anyio.connect_tcp(*link.address):
            await link.wait_for_async(lambda history: len(history.connections) == 1)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_cancelled_wait_leaves_no_thread_behind(link, anyio_backend):
    with anyio.move_on_after(0.05) as scope:
        await link.wait_for_connection_async(timeout=3000)
    assert scope.cancelled_caught
    with anyio.fail_after(10):  # the limiter counts the threads that are still in a wait
        while anyio.to_thread.current_default_thread_limiter().borrowed_tokens:
            await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_waiting_in_vain_ends_in_time(link, anyio_backend):
    with pytest.raises(WaitTimeout, match=r"waited 0.05 s for connection 1; it has seen 0 dials"):
        await link.wait_for_connection_async(timeout=0.05)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_waiting_for_a_fault_to_end(link, anyio_backend):
    fault = link.flap(down=0.01, up=0.01, cycles=2)
    await fault.wait_async()
    assert not fault.is_active
    endless = link.cut()
    with pytest.raises(WaitTimeout, match=r"cut\(\) on link .* is not over yet"):
        await endless.wait_async(timeout=0.02)


@pytest.mark.asyncio
async def test_many_waits_leave_the_loops_own_threads_free(link):
    waits = [asyncio.create_task(link.wait_for_connection_async(timeout=30)) for _ in range(40)]
    await asyncio.sleep(0)  # lets them begin
    _, writer = await asyncio.open_connection("localhost", link.port)  # needs a thread to look the name up
    assert {connection.number for connection in await asyncio.gather(*waits)} == {1}
    writer.close()
    await writer.wait_closed()
