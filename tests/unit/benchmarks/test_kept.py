from __future__ import annotations

import contextlib
import threading

import pytest

from benchmarks.kept import KeptHttp, spell
from benchmarks.tcp import listen


@contextlib.contextmanager
def server_that_says(*answers):
    """Serve one connection: each request is answered with the next of these, piece by piece."""
    with listen() as listener:

        def serve():
            client, _ = listener.accept()
            with client:
                for pieces in answers:
                    client.recv(4096)
                    for piece in pieces:
                        client.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        http = KeptHttp(listener.getsockname())
        try:
            yield http
        finally:
            http.close()
            thread.join()


def test_a_request_has_its_body_and_its_length():
    assert spell("POST", "/x", {"a": 1}) == b'POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n{"a": 1}'


def test_an_answer_is_read_to_its_end_however_it_comes():
    whole = (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",)
    pieces = (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r", b"\n\r\na", b"bc")
    nothing = (b"HTTP/1.1 204 No Content\r\n\r\n",)
    with server_that_says(whole, pieces, nothing) as http:
        assert http.call(spell("GET", "/"), 200) == b"hello"
        assert http.call(spell("GET", "/"), 200) == b"abc"
        assert http.call(spell("DELETE", "/"), 204) == b""


def test_another_status_than_expected_is_an_error():
    with (
        server_that_says((b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",)) as http,
        pytest.raises(AssertionError, match="404 Not Found"),
    ):
        http.call(spell("GET", "/"), 200)


def test_a_server_that_hangs_up_is_an_error():
    with server_that_says(()) as http, pytest.raises(ConnectionError):
        http.call(spell("GET", "/"), 200)
