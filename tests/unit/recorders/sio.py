"""A python-socketio client and server without a network: packets go in by hand, and what they send is kept."""

from __future__ import annotations

import asyncio
import inspect

import socketio


def run(value):
    """Wait for it, where it has to be waited for."""

    async def awaited():
        return await value

    return asyncio.run(awaited()) if inspect.isawaitable(value) else value


class Wire:
    """What an Engine.IO client or server was given to send."""

    def __init__(self, eio, *, is_async):
        self.sent = []
        eio.send = self._send_async if is_async else self._send

    def _send(self, *arguments):
        self.sent.append(arguments[-1])

    async def _send_async(self, *arguments):
        self.sent.append(arguments[-1])


class OfflineClient:
    """One of the two clients, connected to nothing with the session "sid1"."""

    def __init__(self, kind):
        self.client = kind(handle_sigint=False)
        self.wire = Wire(self.client.eio, is_async=kind is socketio.AsyncClient)
        self.client.connected = True
        self.client.connection_namespaces = ["/"]

    def connect(self, sid="sid1"):
        # What `connect()` makes; made here, since asyncio's belongs to a loop.
        self.client._connect_event = Event()
        self.receive(f'0{{"sid":"{sid}"}}')

    def receive(self, packet):
        run(self.client._handle_eio_message(packet))

    def lose(self, reason):
        self.client.reconnection = False
        run(self.client._handle_eio_disconnect(reason))


class Event:
    def set(self):
        pass


class OfflineServer:
    """One of the two servers, with clients that send what they are told to."""

    def __init__(self, kind):
        self.is_async = kind is socketio.AsyncServer
        self.server = kind(async_mode="asgi" if self.is_async else "threading", async_handlers=False)
        self.wire = Wire(self.server.eio, is_async=self.is_async)

    def connect(self, eio_sid="e1"):
        run(self.server._handle_eio_connect(eio_sid, {}))
        self.receive("0", eio_sid)
        return self.server.manager.sid_from_eio_sid(eio_sid, "/")

    def receive(self, packet, eio_sid="e1"):
        run(self.server._handle_eio_message(eio_sid, packet))

    def lose(self, reason, eio_sid="e1"):
        run(self.server._handle_eio_disconnect(eio_sid, reason))

    def call(self, *arguments, **named):
        # python-socketio refuses to wait for an answer where handlers run in its reader.
        self.server.async_handlers = True
        try:
            return run(self.server.call(*arguments, **named))
        finally:
            self.server.async_handlers = False
