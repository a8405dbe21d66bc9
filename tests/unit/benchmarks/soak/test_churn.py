from __future__ import annotations

import contextlib
import threading

import pytest

from benchmarks.remote import Remote
from benchmarks.soak import churn
from benchmarks.soak.churn import Churn
from benchmarks.soak.mirror import Mirror
from benchmarks.tcp import close_with_rst, listen


@contextlib.contextmanager
def mirror():
    with listen() as listener, Remote(Mirror, listener) as remote:
        remote.start("serve")
        yield listener.getsockname()


@contextlib.contextmanager
def server_that(answers, clients):
    """Serve so many clients, each with ``answers(socket)``."""
    with listen() as listener:

        def serve():
            for _ in range(clients):
                client, _ = listener.accept()
                with client:
                    answers(client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        thread.join()


def falsify(client):
    client.sendall(bytes(byte ^ 1 for byte in client.recv(4096)))
    client.recv(1)


def repeat(client):
    data = client.recv(4096)
    client.sendall(data + data)
    client.recv(1)


def test_healthy_connections_are_complete():
    with mirror() as address:
        tally = Churn().prove([address] * 5, 300_000)
    assert (tally.visits, tally.bytes, dict(tally.ends), tally.troubles) == (5, 1_500_000, {"complete": 5}, [])


@pytest.mark.parametrize("answers", [falsify, repeat])
def test_a_wrong_byte_and_one_too_many_are_trouble(answers):
    with server_that(answers, 1) as address:
        tally = Churn().prove([address], 1000)
    assert any(trouble.startswith("wrong bytes") for trouble in tally.troubles)


@pytest.mark.parametrize(
    ("answers", "end"), [(close_with_rst, "reset"), (lambda client: client.recv(4096), "closed early")]
)
def test_a_healthy_connection_that_ends_early_is_trouble(answers, end):
    with server_that(answers, 1) as address:
        tally = Churn().prove([address], 1000)
    assert tally.troubles == [f"connections through healthy links: {{'{end}': 1}}"]


def test_a_connection_that_hangs_is_trouble_once_all_is_healed(monkeypatch):
    monkeypatch.setattr(churn, "_DRAIN", 0.1)
    with listen() as nobody_accepts:
        tally = Churn().prove([nobody_accepts.getsockname()], 1000)
    assert tally.troubles[0] == "0 of 1000 bytes 0.1 s after nothing was wrong"


def test_a_connection_that_hangs_is_given_up_while_there_are_faults(monkeypatch):
    monkeypatch.setattr(churn, "_PATIENCE", 0.05)
    monkeypatch.setattr(churn, "_DRAIN", 0.0)
    with listen() as nobody_accepts:
        tally = Churn().run([nobody_accepts.getsockname()], 0.2, 1)
    assert tally.ends["given up"] > 24


def test_nobody_there_is_refused_and_no_trouble_while_there_are_faults():
    with listen() as listener:
        address = listener.getsockname()
    tally = Churn().run([address], 0.02, 1)
    assert tally.visits > 0
    assert set(tally.ends) == {"refused"}
    assert tally.troubles == []


def test_what_is_under_way_is_brought_to_its_end():
    with mirror() as address:
        tally = Churn().run([address], 0.1, 7)
    assert tally.troubles == []
    assert tally.ends["complete"] > 0
    assert tally.ends["abandoned"] > 0
