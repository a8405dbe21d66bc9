from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from benchmarks.ownership import PortTaken, check_served_by, listening

LISTENS = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0"
TALKS = "   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0"
ELSEWHERE = "   2: 00000000000000000000000000000000:1F91 00000000:0000 0A 0:0 00:0 0 0 0 4713 1 0"


@pytest.fixture
def listener():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock


def port_of(sock):
    return sock.getsockname()[1]


def test_only_sockets_that_listen_at_the_port_are_found():
    assert list(listening([LISTENS, TALKS, ELSEWHERE], 0x1F90)) == [4711]
    assert list(listening([LISTENS, TALKS, ELSEWHERE], 0x1F91)) == [4713]


def test_a_port_that_the_process_serves_is_fine(listener):
    check_served_by(port_of(listener), os.getpid())


def test_a_port_where_nobody_listens_is_refused(listener):
    port = port_of(listener)
    listener.close()
    with pytest.raises(PortTaken, match=f"nobody listens at port {port}"):
        check_served_by(port, os.getpid())


def test_somebody_else_at_the_port_is_named(listener):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with pytest.raises(PortTaken, match=rf"isn't served by process {other.pid}.* by process {os.getpid()} \("):
            check_served_by(port_of(listener), other.pid)
        other.communicate(b"\n")


def test_a_second_listener_beside_ours_is_noticed():
    code = (
        "import socket, sys; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1); "
        "s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen(); print('ready', flush=True); input()"
    )
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        ours.bind(("127.0.0.1", 0))
        ours.listen()
        command = [sys.executable, "-c", code, str(port_of(ours))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stale:
            assert stale.stdout.readline() == b"ready\n"
            with pytest.raises(PortTaken, match=f"process {stale.pid}"):
                check_served_by(port_of(ours), os.getpid())
            stale.communicate(b"\n")
