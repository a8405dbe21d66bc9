from __future__ import annotations

from pytest_netchaos.relay.api.http import BadRequest
from pytest_netchaos.relay.api.responses import JSON, Response, encode, encode_refusal, text


def test_a_response_is_written():
    said = encode(Response(201, b"{}", JSON), "now", is_1_0=False, keeps_alive=True)
    assert said == (
        b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nDate: now\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_what_isnt_the_versions_default_is_said():
    assert b"\r\nConnection: close\r\n" in encode(Response(200), "", is_1_0=False, keeps_alive=False)
    assert b"HTTP/1.0 200 OK\r\n" in (kept := encode(Response(200), "", is_1_0=True, keeps_alive=True))
    assert b"\r\nConnection: keep-alive\r\n" in kept
    assert b"Connection" not in encode(Response(200), "", is_1_0=True, keeps_alive=False)


def test_no_content_has_no_length():
    assert b"Length" not in encode(Response(204), "", is_1_0=False, keeps_alive=True)


def test_a_head_has_no_body():
    said = encode(text(200, "hello"), "", is_1_0=False, keeps_alive=True, to_head=True)
    assert said.endswith(b"Content-Length: 6\r\n\r\n")


def test_a_refusal_ends_the_connection_and_says_why():
    said = encode_refusal(BadRequest(400, "why"))
    assert said.startswith(b"HTTP/1.1 400 Bad Request: why\r\n")
    assert said.endswith(b"Connection: close\r\n\r\n400 Bad Request: why")


def test_no_header_can_be_smuggled_in():
    assert b"\r\nX:" not in encode(text(404, "a\r\nX: b"), "", is_1_0=False, keeps_alive=True).partition(b"\r\n\r\n")[0]
