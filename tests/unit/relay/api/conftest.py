"""An API in a thread of this process, and a client of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from functools import partial
from time import monotonic
from types import SimpleNamespace

import pytest

from pytest_netchaos.relay import connection as relay_connection
from pytest_netchaos.relay import keeper, loops
from pytest_netchaos.relay import sockets as relay_sockets
from pytest_netchaos.relay.api.application import Application
from pytest_netchaos.relay.api.metrics import Metrics
from pytest_netchaos.relay.api.server import Server
from pytest_netchaos.relay.loop import IN


def ask(connection, method, path, body=None):
    data = body if body is None or isinstance(body, bytes) else json.dumps(body)
    connection.request(method, path, data)
    response = connection.getresponse()
    text = response.read().decode()
    try:
        return response.status, json.loads(text)
    except ValueError:
        return response.status, text


@pytest.fixture(params=["linux", "select"])
def api(request, monkeypatch):
    listener = relay_sockets.adopt(socket.create_server(("127.0.0.1", 0)).detach())
    monkeypatch.setattr(keeper, "SHARES", True)  # to be as it was again
    monkeypatch.setattr(relay_connection, "FLOW", relay_connection.FLOW)
    loop = loops.make(request.param)
    application = Application(loop, Metrics(of_proxies=True, of_runtime=True), seed=1)
    server = Server(loop, listener, application)
    address = listener.getsockname()
    bell, ring = socket.socketpair()
    bell.setblocking(False)
    todo = []

    def work(mask):
        if mask & IN and bell.recv(4096) and todo:
            todo.pop(0)()

    loop.watch(bell.fileno(), work)
    thread = threading.Thread(target=loop.run, args=(lambda: None,), daemon=True)
    thread.start()
    connection = http.client.HTTPConnection(*address, timeout=10)

    def in_loop(job):
        todo.append(job)
        ring.send(b"!")

    def end():
        application.close()
        server.close()
        for client in list(server.clients):
            client.drop()
        stop_when_all_is_closed()

    def stop_when_all_is_closed():  # FINs linger until the peers have seen them
        if len(loop._handlers) == 1:
            loop.stop()
        else:
            loop.call_at(monotonic() + 0.005, stop_when_all_is_closed)

    yield SimpleNamespace(
        call=partial(ask, connection), address=address, server=server, application=application, in_loop=in_loop
    )
    connection.close()
    in_loop(end)
    thread.join(10)
    assert not thread.is_alive()
    if request.param == "linux":
        loop.close()
    bell.close()
    ring.close()


@pytest.fixture
def dial(api):
    """Connect to the API, with nothing sent yet."""
    made = []

    def connect(address=None):
        made.append(socket.create_connection(address or api.address, 10))
        return made[-1]

    yield connect
    for sock in made:
        sock.close()
