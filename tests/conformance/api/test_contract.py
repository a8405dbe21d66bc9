"""The same requests to our API and to the real Toxiproxy: the answers are the same, but where it is said why not."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys

import pytest
from tests import needs
from tests.conformance.api.cases import CASES, encode
from tests.conformance.api.differences import DIFFERENCES, OURS

from pytest_netchaos.patience import eventually
from pytest_netchaos.services.ports import Reservation

#: Headers that are compared. What Go writes of a date and an id is only looked for.
COMPARED = ("content-type", "x-content-type-options", "location", "connection")
PRESENT = ("date", "x-toxiproxy-request-id", "content-length")
#: Whose wording is Go's own, or this machine's.
OWN_WORDS = re.compile(r"(bad request body: |listen tcp: lookup \S+).*")

#: After whose requests nothing more is sent. Elsewhere it would be a matter of luck whether Go has noticed that.
ENDED = ("a body that ends early",)

#: A field that leaked into Toxiproxy's answers, and proxies that can't be deleted there.
LEFT_OUT = ("Logger", "v/w", "x/y")


def start(command, port):
    process = subprocess.Popen([*command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens():
        if process.poll() is not None:
            pytest.fail("the server has ended")
        with socket.create_connection(("127.0.0.1", port), 1):
            return True

    eventually(listens, 20, ignoring=OSError)
    return process


@pytest.fixture(scope="module")
def servers():
    program = needs.toxiproxy()
    kept = [Reservation(), Reservation()]
    theirs, ours = (each.port for each in kept)
    processes = []
    try:
        processes.append(start([program, "-host", "127.0.0.1", "-port", str(theirs)], theirs))
        command = [sys.executable, "-m", "pytest_netchaos", "serve", "--listen", f"127.0.0.1:{ours}"]
        processes.append(start(command, ours))
        yield theirs, ours
    finally:
        for process in processes:
            process.terminate()
            process.wait(10)
        for each in kept:
            each.close()


@pytest.fixture(scope="module")
def taken():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


def clear(port):
    proxies = json.loads(exchange(port, b"GET /proxies HTTP/1.1\r\nHost: a\r\n\r\n")[3])
    for name in proxies:
        path = "".join(f"%{byte:02X}" for byte in name.encode())
        exchange(port, f"DELETE /proxies/{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


def exchange(port, data, *, ends=False):
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(data)
        if ends:
            sock.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(sock, method=data.partition(b" ")[0].decode("latin-1"))
        response.begin()
        body = response.read()
        return response.version, response.status, {k.lower(): v for k, v in response.getheaders()}, body


def normal(answer):
    version, status, headers, body = answer
    text = body.decode()
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    kept = {key: headers.get(key) for key in COMPARED}
    present = {key: key in headers for key in PRESENT}
    return version, status, kept, present, plain(said)


def plain(said):
    """What a body says, without what differs between any two servers: ports, and Go's words."""
    if isinstance(said, dict):
        return {key: plain(value) for key, value in said.items() if key not in LEFT_OUT}
    if isinstance(said, list):
        return [plain(value) for value in said]
    if isinstance(said, str):
        return re.sub(r":[1-9]\d{4}\b", ":PORT", OWN_WORDS.sub(r"\1*", said))
    return said


def ask(port, case, taken):
    clear(port)
    return [exchange(port, encode(step, taken), ends=case in ENDED) for step in CASES[case]]


@pytest.mark.parametrize("case", CASES)
def test_the_answers_are_the_same(servers, taken, case):
    theirs, ours = (ask(port, case, taken) for port in servers)
    if case not in DIFFERENCES:
        assert [normal(answer) for answer in ours] == [normal(answer) for answer in theirs]
        return
    assert [normal(answer) for answer in ours] != [normal(answer) for answer in theirs], "take it off the list"
    statuses, words = OURS[case]
    assert [status for _, status, _, _ in ours] == statuses
    refused = [body.decode() for _, status, _, body in ours if status >= 400]
    assert [bool(words)] * len(refused) == [words in re.sub(r":[1-9]\d{4}\b", ":PORT", said) for said in refused]


def test_every_difference_is_a_case_and_says_what_ours_says():
    assert DIFFERENCES.keys() <= CASES.keys()
    assert DIFFERENCES.keys() == OURS.keys()
