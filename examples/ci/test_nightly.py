"""A test for CI: once with each change, and as often as CHAOS_RUNS says at night."""

import os
import socket
import socketserver
import threading
import time

import pytest

from pytest_netchaos import Flap, at_least_once

RUNS = int(os.environ.get("CHAOS_RUNS", "1"))


@pytest.fixture
def shop(ledger):
    """Your server: it takes an order in each line, and acknowledges it."""

    class Till(socketserver.StreamRequestHandler):
        def handle(self):
            try:
                for line in self.rfile:
                    ledger.delivered(int(line))
                    self.wfile.write(b"ok\n")
            except ConnectionError:
                pass  # the client will come back

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Till) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address
        server.shutdown()
        thread.join()


def order(address, number):
    """Your client: it orders again until it was told that the order has arrived."""
    while True:
        try:
            with socket.create_connection(address) as connection, connection.makefile("rb") as answers:
                connection.sendall(b"%d\n" % number)
                if answers.readline() == b"ok\n":
                    return
        except OSError:
            pass
        time.sleep(0.01)


@pytest.mark.flaky_network(Flap(down=(0.01, 0.05), up=(0.02, 0.1)), runs=RUNS)
def test_no_order_is_lost(netchaos, ledger, shop):
    link = netchaos.link(shop, name="shop")
    number = 0
    while number < 20 or sum(dial.outcome == "refused" for dial in link.dials) < 3:
        number += 1
        with ledger.sending(number):
            order(link.address, number)
    assert ledger == at_least_once()
