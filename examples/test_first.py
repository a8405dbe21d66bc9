import socket
import threading

import pytest

from pytest_netchaos import reconnected


@pytest.fixture
def server():
    """Your server; anything that speaks TCP will do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()


def stay_connected(address, stop):
    """Your client: it comes back whenever it loses its connection."""
    while not stop.is_set():
        try:
            with socket.create_connection(address) as connection:
                connection.recv(1)
        except OSError:
            stop.wait(0.05)


def test_client_comes_back(netchaos, server):
    link = netchaos.link(server)
    stop = threading.Event()
    client = threading.Thread(target=stay_connected, args=(link.address, stop))
    client.start()
    link.wait_for_connection()

    with link.cut():  # live connections are reset, new ones are refused
        link.wait_for_dial(3)  # the client has tried twice, in vain

    assert link == reconnected(within=1.0)  # of the moment when the link was whole again
    stop.set()
    link.cut()  # whatever it does now, it ends
    client.join()
