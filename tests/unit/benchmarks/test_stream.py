from __future__ import annotations

import socket
import threading

import pytest

from benchmarks.remote import Remote
from benchmarks.stream import Progress, Receiver, Sender
from benchmarks.tcp import listen

NO_LIMIT = 1 << 60


def test_what_was_sent_has_arrived_over_each_connection():
    with listen() as sink:
        sent = []
        thread = threading.Thread(target=lambda: sent.append(Sender().send(sink.getsockname(), 3, 30, 3_000_000)))
        thread.start()
        received = Receiver(sink).receive(3)
        thread.join()
    assert sent[0].bytes == received.bytes == 3_000_000
    assert sent[0].started < sent[0].stopped


def test_progress_is_seen_by_other_processes():
    progress = Progress()
    with listen() as sink, Remote(Receiver, sink, progress) as receiver, Remote(Sender) as sender:
        receiver.start("receive", 2)
        sender.call("send", sink.getsockname(), 2, 30, 500_000)
        receiver.result()
    progress.wait(500_000)
    assert progress.bytes == 500_000


def test_a_sender_stops_when_its_time_is_up():
    with listen() as sink:
        sent = []
        thread = threading.Thread(target=lambda: sent.append(Sender().send(sink.getsockname(), 1, 0.05, NO_LIMIT)))
        thread.start()
        received = Receiver(sink).receive(1)
        thread.join()
    assert 0 < sent[0].bytes == received.bytes < NO_LIMIT


@pytest.mark.parametrize("change", [lambda data: b"?" + data[1:], lambda data: data[1:]])
def test_a_wrong_or_a_missing_byte_is_noticed(change):
    with listen() as sink, listen() as tap:
        thread = threading.Thread(target=_send_wrongly, args=(tap, sink, change))
        thread.start()
        with pytest.raises(AssertionError, match="another byte than was sent"):
            Receiver(sink).receive(1)
        thread.join()


def _send_wrongly(tap, sink, change):
    """Send what a sender sends, changed."""
    sender = threading.Thread(target=lambda: Sender().send(tap.getsockname(), 1, 30, 1000))
    sender.start()
    client, _ = tap.accept()
    with client, socket.create_connection(sink.getsockname()) as server:
        data = b""
        while chunk := client.recv(4096):
            data += chunk
        server.sendall(change(data))
        client.shutdown(socket.SHUT_WR)
        sender.join()
