"""The other end of a control channel."""

from __future__ import annotations

import socket
import threading

import pytest

from pytest_netchaos.engines.channel import Channel
from pytest_netchaos.relay.wire import Lines, encode


class FakeRelay:
    """Answers commands at the other end of a socketpair, in a thread, as the test says."""

    def __init__(self, sock):
        self.sock = sock
        self.commands = []
        self.arrived = threading.Condition()
        self.answer = lambda _name, number, _arguments: [("ok", number, 1.5)]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def send(self, *messages):
        self.sock.sendall(b"".join(encode(*message) for message in messages))

    def die(self):
        self.sock.shutdown(socket.SHUT_RDWR)

    def wait_for(self, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.commands) >= count, 10.0)

    def _run(self):
        lines = Lines()
        try:
            while data := self.sock.recv(65536):
                for name, number, *arguments in lines.feed(data):
                    with self.arrived:
                        self.commands.append((name, int(number), *arguments))
                        self.arrived.notify_all()
                    self.send(*self.answer(name, number, arguments))
        except OSError:
            return


@pytest.fixture
def made():
    ours, theirs = socket.socketpair()
    relay = FakeRelay(theirs)
    events = []
    channel = Channel(ours, events.append, lambda: "an obituary")
    channel.relay, channel.events = relay, events
    yield channel
    channel.close()
    relay.die()
    relay.thread.join(10.0)
    theirs.close()
    assert not relay.thread.is_alive()
