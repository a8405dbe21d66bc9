"""`serve` with an stdout and an stderr that nobody takes anything from."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from pytest_netchaos.patience import eventually
from pytest_netchaos.services.ports import Reservation

COMMAND = f"exec {sys.executable} -m pytest_netchaos serve"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell's redirections")


@pytest.fixture
def serve():
    """Start it with the redirections of a shell; gives the process."""
    started = []

    def start(rest, **streams):
        process = subprocess.Popen(["/bin/sh", "-c", f"{COMMAND} {rest}"], **streams)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def dial_an_upstream_that_refuses(where, name):
    body = json.dumps({"name": name, "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"}).encode()
    with urllib.request.urlopen(f"http://{where}/proxies", body, timeout=10) as response:
        host, port = json.load(response)["listen"].split(":")
    with pytest.raises(ConnectionResetError), socket.create_connection((host, int(port)), 10) as client:
        client.recv(1)  # or the RST is there before connect() has returned


def where_is(process):
    return process.stdout.readline().split()[2].rstrip(b",").decode()


def ends_well(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(10) == 0


def test_a_full_stderr_holds_nobody_up(serve):
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(writing, b"x" * 4096)
        os.set_blocking(writing, True)
        process = serve("--listen 127.0.0.1:0", stdout=subprocess.PIPE, stderr=writing)
        dial_an_upstream_that_refuses(where_is(process), "a")
        assert ends_well(process)
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_an_stderr_that_takes_nothing_ends_nothing(serve, stderr):
    if not Path("/dev/full").exists():
        pytest.skip("Linux only")
    process = serve(f"--listen 127.0.0.1:0 {stderr}", stdout=subprocess.PIPE)
    where = where_is(process)
    for name in "ab":
        dial_an_upstream_that_refuses(where, name)
    assert ends_well(process)


def test_an_stderr_whose_reader_has_gone_ends_nothing(serve):
    process = serve("--listen 127.0.0.1:0", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    where = where_is(process)
    process.stderr.close()
    process.stderr = None
    for name in "ab":
        dial_an_upstream_that_refuses(where, name)
    assert ends_well(process)


@pytest.mark.parametrize("stdout", [">&-", ">/dev/full"])
def test_the_first_line_needs_nobody_to_take_it(serve, stdout):
    if not Path("/dev/full").exists():
        pytest.skip("Linux only")
    with contextlib.closing(Reservation()) as kept:
        process = serve(f"--listen 127.0.0.1:{kept.port} {stdout}", stderr=subprocess.PIPE)

        def answers():
            if process.poll() is not None:
                pytest.fail(f"it has ended: {process.stderr.read()}")
            urllib.request.urlopen(f"http://127.0.0.1:{kept.port}/version", timeout=10).close()
            return True

        eventually(answers, 20, ignoring=OSError)
        assert ends_well(process)
    assert process.stderr.read() == b""
