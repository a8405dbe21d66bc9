from __future__ import annotations

import socket
import subprocess
import sys

from benchmarks.soak.left import Before

NOBODY = 1 << 30


def test_nothing_is_left_where_nothing_was_added():
    assert Before().left(NOBODY, []) == []


def test_a_socket_that_still_listens_is_left():
    before = Before()
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        assert before.left(NOBODY, [port]) == [
            f"a socket that listens at port {port}",
            "descriptors of our own: 1 more",
        ]


def test_a_process_that_still_runs_is_left():
    before = Before()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert f"process {process.pid}" in before.left(NOBODY, [])
        assert f"the relay, process {process.pid}" in before.left(process.pid, [])
        process.communicate(b"\n")
