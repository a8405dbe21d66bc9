"""`python -m pytest_netchaos serve` as a process, and what the tests say to it: requests, or bytes that are none."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

#: Seconds in which an answer must come whatever else goes on, as promised.
PROMPT = 1.0
#: Seconds that a machine with other work may take beside.
BUSY = 4.0


class ApiProcess:
    """The API alone, with a proxy of its own that no test names."""

    def __init__(self, upstream_port, *, is_silent=False):
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        command = [sys.executable, "-m", "pytest_netchaos", "serve", "--listen", "127.0.0.1:0", "--seed", "7"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        said = self.process.stdout.readline()
        self.port = int(re.search(r"listening on 127\.0\.0\.1:(\d+)", said)[1])
        self.upstream = f"127.0.0.1:{upstream_port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PROMPT + BUSY)
        if is_silent:  # the first request is the test's
            return
        status, healthy = self.ask("POST", "/proxies", {"name": "healthy one", "upstream": self.upstream})
        assert status == 201, healthy
        self.healthy = healthy["listen"]

    def stop(self):
        """See it end on a signal, well, and without a traceback."""
        self._connection.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(10.0) == 0, self.log()
            assert "Traceback" not in self.log(), self.log()
        finally:
            self.kill()

    def kill(self):
        """End it, in whatever state it is."""
        self._connection.close()
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()

    def is_well(self):
        """Whether it runs and answers."""
        try:
            self.ask("GET", "/version")
        except (OSError, http.client.HTTPException):
            return False
        return self.process.poll() is None

    def log(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def descriptors(self):
        """Count the descriptors that the process has."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def settle(self, descriptors):
        """Wait until it has no more than so many: a FIN may linger for a second."""
        deadline = monotonic() + PROMPT + BUSY
        while self.descriptors() > descriptors:
            assert monotonic() < deadline, f"{self.descriptors()} descriptors instead of {descriptors}"
            select.select((), (), (), 0.01)

    def memory(self):
        """Say how many bytes of memory are its own."""
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1]) * 1024

    def ask(self, method, path, body=None):
        """Send a request; return the status, and the body as JSON where it is some."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            self._connection.request(method, path, body)
            response = self._connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # else the next call would fail because of this one
            raise
        try:
            return response.status, json.loads(data)
        except ValueError:
            return response.status, data

    def proxies(self):
        """Everything that `GET /proxies` says, but for the one that no test names. It takes less than a second."""
        began = monotonic()
        status, said = self.ask("GET", "/proxies")
        assert monotonic() - began < PROMPT + BUSY
        assert status == 200
        assert said.pop("healthy one")["toxics"] == []
        return said

    def clear(self):
        for name in self.proxies():
            assert self.ask("DELETE", f"/proxies/{quote(name)}")[0] == 204

    def carries(self, listen=None, data=b"still here?"):
        """Send bytes through a proxy, and see them come back."""
        with connect(listen or self.healthy) as client:
            client.sendall(data)
            received = b""
            while len(received) < len(data):
                chunk = client.recv(65536)
                assert chunk, "the proxy closed"
                received += chunk
        assert received == data

    def send(self, pieces, *, is_over=True):
        """Send bytes as they are, piece by piece, and hang up; return every answer: status, headers and body."""
        received = b""
        with connect(f"127.0.0.1:{self.port}") as client, contextlib.suppress(ConnectionError):
            for piece in pieces:
                client.sendall(piece)
            if is_over:
                client.shutdown(socket.SHUT_WR)
            while data := client.recv(1 << 16):
                received += data
        return parse(received)


def connect(listen):
    """Dial an address as the API writes it."""
    host, _, port = listen.rpartition(":")
    sock = socket.create_connection((host.strip("[]"), int(port)), PROMPT + BUSY)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def quote(name):
    """Write a name into a path."""
    return "".join(f"%{byte:02x}" for byte in name.encode("utf-8", "surrogateescape"))


class _Answers(io.BytesIO):
    """Bytes that a response is read from, as from a socket."""

    def makefile(self, *_):
        return self

    def close(self):
        """Stay open: there may be another answer behind."""


def parse(data):
    """Read answers one after the other, each of which must be well-formed."""
    answers, stream = [], _Answers(data)
    while stream.tell() < len(data):
        response = http.client.HTTPResponse(stream)
        response.begin()
        body = response.read()
        assert 200 <= response.status < 600, response.status
        assert response.getheader("Content-Length") or response.getheader("Connection") == "close" or not body
        answers.append((response.status, dict(response.getheaders()), body))
    return answers


def worker_host():
    """Return a loopback address that is this process's alone: its ports are free."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 8) % 128}.{pid % 256}.7"
