"""A plain TCP client on a link that flaps: it dials again, and sends again what nobody has acknowledged."""

from __future__ import annotations

import socket
import socketserver
import threading
import time

import pytest

from pytest_netchaos import Ledger, Link, Network, at_least_once, backoff, exactly_once


class PatientClient:
    """Sends one line at a time, until it is acknowledged; waits longer after each failed dial."""

    def __init__(self, address: tuple[str, int], first: float = 0.01, cap: float = 0.1, timeout: float = 0.5) -> None:
        self._address = address
        self._first, self._cap, self._timeout = first, cap, timeout
        self._sock: socket.socket | None = None

    def send(self, line: str) -> None:
        """Return when the server has acknowledged the line."""
        wait = self._first
        while True:
            try:
                self._sock = self._sock or socket.create_connection(self._address, timeout=self._timeout)
                self._sock.sendall(f"{line}\n".encode())
                if self._sock.recv(3) == b"ok\n":
                    return
                raise ConnectionError("the server has hung up")
            except OSError:
                self.close()
                time.sleep(wait)  # the back-off under test
                wait = min(wait * 2, self._cap)

    def close(self) -> None:
        """Hang up."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


@pytest.fixture
def applied(ledger: Ledger):
    """What the server does with a line; a test may replace it."""
    return ledger.delivered


@pytest.fixture
def server(applied):
    """A server that applies each line, and then acknowledges it."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                for line in self.rfile:
                    applied(line.decode().strip())
                    self.wfile.write(b"ok\n")
            except OSError:
                return  # the link broke; the client will be back

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made.server_address
        made.shutdown()
        thread.join()


@pytest.fixture
def link(netchaos: Network, server: tuple[str, int]) -> Link:
    return netchaos.link(server)


def send_all(client: PatientClient, ledger: Ledger, count: int) -> None:
    for number in range(count):
        with ledger.sending(f"line-{number}"):
            client.send(f"line-{number}")


def test_every_line_arrives_although_the_link_flaps(link, ledger):
    client = PatientClient(link.address)
    with link.flap(down=(0.02, 0.1), up=(0.02, 0.1)):
        send_all(client, ledger, 20)
        while len(link.history().outages) < 5:
            send_all(client, ledger, 20)
    client.close()
    assert ledger == at_least_once()


def test_the_client_waits_longer_each_time(link):
    client = PatientClient(link.address, first=0.4, cap=1.6)
    client.send("hello")
    with link.cut():
        sending = threading.Thread(target=client.send, args=("are you there?",))
        sending.start()
        link.wait_for_dial(4, timeout=20)
    sending.join()
    client.close()
    # No wait may be shorter than it was meant to be; how much longer is up to how busy the machine is.
    assert link.dials[1:] == backoff(first=0.4, factor=2, cap=1.6, late=5)


def lose_an_acknowledgement(link: Link, ledger: Ledger) -> None:
    """The server hears the client, but the client doesn't hear the server, and sends again."""
    client = PatientClient(link.address)
    send_all(client, ledger, 3)
    with link.blackhole(direction="downstream"):
        ledger.sent("once?")
        sending = threading.Thread(target=client.send, args=("once?",))
        sending.start()
        link.wait_for_connection(2)  # the client has given up on the first one
    sending.join()
    client.close()


def test_a_lost_acknowledgement_means_that_a_line_is_applied_twice(link, ledger):
    lose_an_acknowledgement(link, ledger)
    assert ledger == at_least_once()
    verdict, which = exactly_once().explain(ledger)
    assert "lost" not in verdict
    assert which.startswith("  duplicated    'once?' ×")  # as often as the client had to ask


class ApplyOnce:
    """The cure for that: remember what was applied, by its id."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        with self._lock:
            if line not in self._known:
                self._known.add(line)
                self._ledger.delivered(line)


class TestWithDedupe:
    @pytest.fixture
    def applied(self, ledger: Ledger) -> ApplyOnce:
        return ApplyOnce(ledger)

    def test_it_is_applied_once(self, link, ledger):
        lose_an_acknowledgement(link, ledger)
        assert ledger == exactly_once(in_order=True)
