from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.relay.api import http
from pytest_netchaos.relay.api.http import BadRequest, Parser

GET = b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /proxies?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: x\r\n\r\n"


def parse(*pieces):
    parser, found = Parser(), []
    for piece in pieces:
        parser.feed(piece)
        while (request := parser.next()) is not None:
            found.append(request)
    return found, parser


def refusal(data):
    with pytest.raises(BadRequest) as caught:
        parse(data)
    return caught.value.status, caught.value.text


def test_a_request_is_read():
    (request,), parser = parse(POST)
    assert (request.method, request.path, request.query, request.body) == ("POST", "/proxies", "x=1", b"abc")
    assert request.headers[b"host"] == b"a"
    assert request.keeps_alive
    assert parser.is_idle


def test_requests_in_one_piece_are_told_apart():
    found, _ = parse(GET + POST + CHUNKED + GET)
    assert [(r.path, r.body) for r in found] == [
        ("/version", b""),
        ("/proxies", b"abc"),
        ("/p", b"abc"),
        ("/version", b""),
    ]


@given(st.lists(st.integers(0, len(GET + POST + CHUNKED)), max_size=12))
def test_it_is_the_same_wherever_the_reads_end(cuts):
    data = GET + POST + CHUNKED
    edges = [0, *sorted(cuts), len(data)]
    found, _ = parse(*(data[a:b] for a, b in itertools.pairwise(edges)))
    assert [(r.path, r.body) for r in found] == [("/version", b""), ("/proxies", b"abc"), ("/p", b"abc")]


@given(st.binary(max_size=300))
def test_no_bytes_do_worse_than_be_refused(data):
    for around in (data, CHUNKED[:60] + data, b"GET / HTTP/1.1\r\n" + data + b"\r\n\r\n"):
        with contextlib.suppress(BadRequest):
            parse(around)


def test_half_a_request_is_none_yet():
    found, parser = parse(POST[:-1])
    assert found == []
    assert not parser.is_idle


@pytest.mark.parametrize(
    ("headers", "version", "keeps"),
    [
        (b"", b"1.1", True),
        (b"Connection: close\r\n", b"1.1", False),
        (b"Connection: x, Close\r\n", b"1.1", False),
        (b"", b"1.0", False),
        (b"Connection: Keep-Alive\r\n", b"1.0", True),
    ],
)
def test_whether_the_connection_is_kept(headers, version, keeps):
    (request,), _ = parse(b"GET / HTTP/" + version + b"\r\nHost: a\r\n" + headers + b"\r\n")
    assert request.keeps_alive is keeps


def test_a_client_that_waits_for_it_is_told_to_go_on():
    parser = Parser()
    parser.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
    assert parser.next() is None
    assert parser.wants_continue
    parser.feed(b"[]")
    assert parser.next().body == b"[]"
    assert not parser.wants_continue


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"hello\r\n\r\n", (400, "")),
        (b"GET / HTTP/1.1\r\n\r\n", (400, "missing required Host header")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", (400, "too many Host headers")),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", (400, "malformed Host header")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n", (400, "invalid header name")),
        (b"GET / HTTP/1.1\r\n x\r\n\r\n", (400, "")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", (400, "")),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", (505, "unsupported protocol version")),
        (b"GET / HTTP/1.x\r\nHost: a\r\n\r\n", (400, "")),
        (b"GET /%g0 HTTP/1.1\r\nHost: a\r\n\r\n", (400, "")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", (400, "")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", (400, "")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", (501, "Unsupported transfer encoding")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", (417, "")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", (400, "invalid chunk length")),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            (400, "a chunk is longer than it said"),
        ),
    ],
)
def test_what_is_malformed_is_refused(data, expected):
    assert refusal(data) == expected


def test_headers_have_a_limit_even_without_an_end():
    assert refusal(b"GET /" + b"a" * http.MOST_HEADERS)[0] == 431
    assert refusal(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (http.MOST_HEADERS // 6))[0] == 431


def test_bodies_have_a_limit_before_they_arrive():
    assert refusal(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (http.MOST_BODY + 1))[0] == 413
    chunk = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (http.MOST_BODY + 1)
    assert refusal(chunk)[0] == 413
