"""Packets get lost, really: what the client's kernel finds out, with TCP keepalive and with TCP_USER_TIMEOUT.

That can't be had behind a proxy: its kernel acknowledges what it receives, whatever becomes of it afterwards. So these
tests use no link. They lose packets between two network namespaces, and are skipped where those aren't allowed.
"""

from __future__ import annotations

import asyncio
import os

import pytest
import pytest_asyncio
from examples.stories.long_lived.tcp import keep_alive, user_timeout
from examples.stories.long_lived.wire import NotAllowed, wire
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

pytestmark = pytest.mark.asyncio

#: `websockets` doesn't ask by itself here: this is about the kernel.
NO_PINGS = {"ping_interval": None, "close_timeout": 0.1}
#: Seconds that it may take on a busy machine. The kernel takes 1 to 2.
PATIENCE = 20.0


@pytest.fixture
def cable():
    """Two machines and a cable between them; where that isn't allowed, the test is skipped."""
    try:
        with wire() as made:
            yield made
    except NotAllowed as why:
        if os.environ.get("NETCHAOS_DOCKER") == "require":
            pytest.fail(str(why), pytrace=False)
        pytest.skip(str(why))


class Clients:
    """The clients of one test, each with socket options of its own."""

    def __init__(self, cable):
        self._cable = cable
        self.connections = []

    async def connect(self, *options):
        sock = await asyncio.to_thread(self._cable.dial)
        for option in options:
            option(sock)
        self.connections.append(await connect("ws://server", sock=sock, **NO_PINGS))
        return self.connections[-1]

    def abort(self):
        """Leave nothing for the kernel to send."""
        for connection in self.connections:
            connection.transport.abort()


@pytest_asyncio.fixture
async def clients(cable):
    """Clients of a server on the other machine."""

    async def stay(connection):
        await connection.wait_closed()

    async with serve(stay, sock=cable.listen(), **NO_PINGS):
        made = Clients(cable)
        yield made
        made.abort()


async def found_out(connection):
    """Whether the kernel says that nobody is there."""
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ConnectionClosedError) as closed:
            await connection.recv()
    return isinstance(closed.value.__cause__, TimeoutError)  # ETIMEDOUT


def still_believes(connection):
    """Whether this client would wait for weeks."""
    return connection.state.name == "OPEN" and not connection.connection_lost_waiter.done()


async def test_keepalive_finds_out_who_only_listens(cable, clients):
    stock = await clients.connect()
    impatient = await clients.connect(user_timeout)
    kept_alive = await clients.connect(keep_alive)
    with cable.pulled():
        assert await found_out(kept_alive)
        assert still_believes(stock)
        assert still_believes(impatient)  # nothing was sent, so nothing is unacknowledged


async def test_a_user_timeout_finds_out_who_has_sent_something(cable, clients):
    stock = await clients.connect()
    kept_alive = await clients.connect(keep_alive)
    impatient = await clients.connect(user_timeout)
    only_listens = await clients.connect(keep_alive)
    with cable.pulled():
        for client in (stock, kept_alive, impatient):
            await client.send("a row")
        assert await found_out(impatient)
        assert await found_out(only_listens)  # as `kept_alive` would have by now, had it sent nothing
        assert still_believes(stock)
        assert still_believes(kept_alive)  # while data is on its way, the kernel sends that again, and doesn't ask


async def test_both_together_find_out_whatever_the_client_does(cable, clients):
    talks = await clients.connect(keep_alive, user_timeout)
    listens = await clients.connect(keep_alive, user_timeout)
    with cable.pulled():
        await talks.send("a row")
        assert await found_out(talks)
        assert await found_out(listens)
