"""A suite that has its toxics in Toxiproxy's words keeps them: `toxiproxy` is toxiproxy-python's client."""

import socket
import time

import pytest


@pytest.fixture
def database():
    """Stands in for what your service needs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def proxy(toxiproxy, database):
    return toxiproxy.create(upstream="{}:{}".format(*database.getsockname()), name="database")


def connect(proxy):
    host, port = proxy.listen.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10)


def test_a_slow_database(proxy, database):
    proxy.add_toxic(type="latency", attributes={"latency": 100})
    with connect(proxy) as client, database.accept()[0] as connection:
        connection.sendall(b"row")
        asked_at = time.monotonic()
        assert client.recv(3) == b"row"
        assert time.monotonic() - asked_at > 0.09


def test_no_database(proxy):
    with proxy.down(), pytest.raises(ConnectionRefusedError):
        connect(proxy)
