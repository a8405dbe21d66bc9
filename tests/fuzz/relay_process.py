"""A relay whose control channel the test writes by itself, byte for byte."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

from pytest_netchaos.engines.ports import listen
from pytest_netchaos.engines.relay_process import _BOOT, _RELAY
from pytest_netchaos.relay.wire import Lines, encode

#: Seconds in which the relay answers, whatever else it has to do. A busy machine is a second late at times.
PROMPT = 5.0
#: The link that no generated message names: ids are made of few digits.
HEALTHY = 7_770_001


class RelayProcess:
    """The relay, without anything of the engine around it."""

    def __init__(self, server_port):
        self.server = ("4", "127.0.0.1", str(server_port))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._channel, theirs = socket.socketpair()
        boot = _BOOT.format(module="main")
        command = [sys.executable, "-I", "-S", "-c", boot, str(_RELAY), str(theirs.fileno()), str(os.getpid())]
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=self._log, stderr=self._log)
        theirs.close()
        self._channel.setblocking(False)
        self._numbers = itertools.count(1)
        self._lines = Lines()
        self.ports = {}
        #: What it has told of itself.
        self.events = []
        self.open(HEALTHY)
        #: What it has without a connection.
        self.first_descriptors = self.descriptors()

    def stop(self):
        """See it end with its channel, and without a word."""
        self._channel.close()
        try:
            assert self.process.wait(10.0) == 0, self.log()
            assert not self.log()
        finally:
            self.kill()

    def kill(self):
        """End it, in whatever state it is."""
        self._channel.close()
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def is_well(self):
        """Whether it runs and answers."""
        try:
            self.say(b"\n")
        except (AssertionError, OSError):
            return False
        return True

    def log(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def open(self, link):
        """Make a link, and see it made."""
        listener, keeper = listen("127.0.0.1", 0)
        with listener, keeper:
            fds = [listener.fileno(), keeper.fileno()]
            assert self.say(encode("link", "made", link, "", *self.server), fds) == [["ok", "made"]]
            self.ports[link] = listener.getsockname()[1]

    def say(self, data, fds=()):
        """Send bytes, and descriptors beside the first of them; return what was answered, without events and times.

        A last command of our own marks the end of the answers: it shows too that the relay still listens.
        """
        mark = f"mark-{next(self._numbers)}"
        data += encode("sync", mark)
        answers = []
        deadline = monotonic() + PROMPT
        while data or not answers or answers[-1][:2] != ["ok", mark]:
            self._wait(deadline, writing=bool(data))
            with contextlib.suppress(BlockingIOError):
                if data:
                    sent = socket.send_fds(self._channel, [data[:60_000]], list(fds)) if fds else self._send(data)
                    data, fds = data[sent:], ()
            with contextlib.suppress(BlockingIOError):
                received = self._channel.recv(1 << 18)
                assert received, self.log()
                said = [m[:2] if m[0] == "ok" else m for m in self._lines.feed(received)]
                self.events += [message for message in said if message[0] not in ("ok", "no")]
                answers += [message for message in said if message[0] in ("ok", "no")]
        return answers[:-1]

    def carries(self, link=HEALTHY, data=b"still here?"):
        """Send bytes through a link, and see them come back."""
        with socket.create_connection(("127.0.0.1", self.ports[link]), PROMPT) as client:
            client.sendall(data)
            received = b""
            while len(received) < len(data):
                chunk = client.recv(65536)
                assert chunk, "the link closed"
                received += chunk
        assert received == data

    def descriptors(self):
        """Count the descriptors that the relay has."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def limit_for_one_more(self):
        """Say how many descriptors it may have so that exactly one is free."""
        taken = {int(path.name) for path in Path(f"/proc/{self.process.pid}/fd").iterdir()}
        return next(number for number in itertools.count() if number not in taken) + 1

    def settle(self, descriptors):
        """Wait until the relay has no more than so many."""
        deadline = monotonic() + PROMPT
        while self.descriptors() > descriptors:
            assert monotonic() < deadline, f"{self.descriptors()} descriptors instead of {descriptors}"
            select.select((), (), (), 0.001)

    def _send(self, data):
        return self._channel.send(data[:60_000])

    def _wait(self, deadline, *, writing):
        left = deadline - monotonic()
        assert left > 0, f"no answer within {PROMPT} s\n{self.log()}"
        select.select((self._channel,), (self._channel,) if writing else (), (), left)
