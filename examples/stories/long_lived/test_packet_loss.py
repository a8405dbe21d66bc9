"""Packets get lost, really: what the client's kernel finds out, with TCP keepalive and with TCP_USER_TIMEOUT.

That can't be had behind a proxy: its kernel acknowledges what it receives, whatever becomes of it afterwards. So this
test uses no link. It loses packets between two network namespaces, and is skipped where those aren't allowed.
"""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError

from examples.stories.long_lived.tcp import keep_alive, user_timeout
from examples.stories.long_lived.wire import NotAllowed, wire
from examples.stories.needs import missing

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
            return
    except NotAllowed as error:
        why = str(error)
    missing(why)


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


#: What a socket is told beforehand.
OPTIONS = {"neither": (), "keepalive": (keep_alive,), "timeout": (user_timeout,), "both": (keep_alive, user_timeout)}


async def test_keepalive_finds_out_for_who_listens_and_a_user_timeout_for_who_has_sent_something(cable, clients):
    listens = {name: await clients.connect(*options) for name, options in OPTIONS.items()}
    has_sent = {name: await clients.connect(*options) for name, options in OPTIONS.items()}
    with cable.pulled():
        for client in has_sent.values():
            await client.send("a row")
        for client in (listens["keepalive"], listens["both"], has_sent["timeout"], has_sent["both"]):
            assert await found_out(client)
        # By now the others would have found out too, had they asked, or minded.
        assert still_believes(listens["neither"])
        assert still_believes(has_sent["neither"])
        assert still_believes(listens["timeout"])  # nothing was sent, so nothing is unacknowledged
        assert still_believes(has_sent["keepalive"])  # the kernel sends that again and again, and doesn't ask
