from __future__ import annotations

import os
import signal
import socket
import sys
import time

import pytest
from tests import needs

from pytest_netchaos.errors import EngineError, ServiceError
from pytest_netchaos.services.toxiproxy import local
from pytest_netchaos.services.toxiproxy.local import LocalToxiproxy

#: Answers GET /version with what the test says, at the port that a Toxiproxy is told to listen at.
STRANGER = """#!{python}
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = {body!r}.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("a stranger", sys.argv[1:], flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("-port") + 1])), Handler).serve_forever()
"""

PARENT = """
import sys
from pytest_netchaos.services.toxiproxy.local import LocalToxiproxy
server = LocalToxiproxy()
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def program(tmp_path):
    """Write a program."""

    def write(text):
        path = tmp_path / "program"
        path.write_text(text)
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def server():
    needs.toxiproxy()
    made = LocalToxiproxy()
    yield made
    made.stop()


def test_it_answers_and_says_who_it_is(server):
    assert server.api.version()
    assert server.is_alive
    assert repr(server) == f"<toxiproxy-server at {server.api.where}, process {server.pid}>"
    assert (server.way_back.listen, server.way_back.name) == ("127.0.0.1", "127.0.0.1")
    assert server.name == "toxiproxy"


def test_there_is_room_for_any_number_of_proxies(server):
    seats = [server.seat() for _ in range(50)]
    ports = {seat.address(seat.api.create(f"p{n}", seat.listen, "127.0.0.1:1")) for n, seat in enumerate(seats)}
    assert len(ports) == 50
    assert {host for host, _ in ports} == {"127.0.0.1"}
    for seat in seats:
        seat.leave()


def test_the_port_of_a_disabled_proxy_is_kept_for_it(server):
    seat = server.seat()
    address = seat.address(seat.api.create("p", seat.listen, "127.0.0.1:1"))
    seat.api.enable("p", enabled=False)
    with socket.socket() as thief, pytest.raises(OSError, match="in use"):
        thief.bind(address)
    seat.api.enable("p", enabled=True)
    seat.api.delete("p")
    seat.leave()
    with socket.socket() as heir:
        heir.bind(address)


def test_when_it_is_stopped_nothing_is_left(watch):
    needs.toxiproxy()
    server = LocalToxiproxy()
    process, home = watch(server.pid), server._site.home
    assert home.exists()
    server.stop()
    assert process.has_ended()
    assert not home.exists()
    with pytest.raises(EngineError, match="refused"):
        server.api.version()
    server.stop()


def test_one_that_was_killed_tells_what_it_logged(server, watch):
    process = watch(server.pid)
    server.api.create("a-proxy-of-mine", "127.0.0.1:0", "127.0.0.1:1")
    os.kill(server.pid, signal.SIGKILL)
    assert process.has_ended()
    assert not server.is_alive
    assert "ended in the middle of the run" in server.obituary()
    assert "SIGKILL" in server.obituary()
    assert "a-proxy-of-mine" in server.obituary().partition("log")[2]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_the_process_that_started_it(owner, number):
    needs.toxiproxy()
    with owner(PARENT) as parent:
        parent.end(number)
        assert parent.watched[0].has_ended()


def test_a_program_that_is_not_there():
    with pytest.raises(ServiceError) as caught:
        LocalToxiproxy("no-such-toxiproxy")
    said = str(caught.value)
    assert said.startswith("there is no program 'no-such-toxiproxy' on the PATH: install Toxiproxy")
    assert "--netchaos-engine=embedded needs nothing" in said


def test_a_path_is_seen_from_where_we_are(tmp_path, monkeypatch):
    (tmp_path / "mine").symlink_to(needs.toxiproxy())
    monkeypatch.chdir(tmp_path)
    LocalToxiproxy("./mine").stop()


def test_a_program_that_can_not_be_executed(program):
    with pytest.raises(ServiceError):
        LocalToxiproxy(program("\x7fELF and nothing else"))


def test_a_program_that_ends_at_once(program):
    with pytest.raises(ServiceError) as caught:
        LocalToxiproxy(program("#!/bin/sh\necho no licence for $2\nexit 3\n"))
    assert "did not start" in str(caught.value)
    assert "exit code 3" in str(caught.value)
    assert "no licence for 127.0.0.1" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<html>", "isn't a Toxiproxy: GET /version says 200 '<html>'"),
        ("2.1.4", "is version 2.1.4, and 2.6.0 is the oldest that will do"),
    ],
)
def test_a_program_that_is_no_toxiproxy_fails_at_once(program, body, why):
    before = time.monotonic()
    with pytest.raises(ServiceError) as caught:
        LocalToxiproxy(program(STRANGER.format(python=sys.executable, body=body)))
    assert time.monotonic() - before < 10
    assert "is no Toxiproxy that will do" in str(caught.value)
    assert why in str(caught.value)
    assert "a stranger" in str(caught.value), "its log"


def test_a_program_that_never_listens(program, monkeypatch):
    monkeypatch.setattr(local, "_READY", 0.2)
    with pytest.raises(ServiceError, match=r"is not ready after 0\.2 s \(no Toxiproxy answers at"):
        LocalToxiproxy(program("#!/bin/sh\nexec sleep 600\n"))
