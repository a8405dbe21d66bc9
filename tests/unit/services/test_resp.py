from __future__ import annotations

import socket
import threading

import pytest

from pytest_netchaos.services.resp import Connection, ErrorReply, Incomplete, ProtocolError, decode, encode

REPLIES = [
    (b"+OK\r\n", "OK"),
    (b"+\r\n", ""),
    (b"-ERR no\r\n", ErrorReply("ERR no")),
    (b":42\r\n", 42),
    (b":-1\r\n", -1),
    (b"$5\r\na\r\nbc\r\n", b"a\r\nbc"),
    (b"$0\r\n\r\n", b""),
    (b"$-1\r\n", None),
    (b"*0\r\n", []),
    (b"*-1\r\n", None),
    (b"*3\r\n$1\r\na\r\n:1\r\n*1\r\n$-1\r\n", [b"a", 1, [None]]),
]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (("PING",), b"*1\r\n$4\r\nPING\r\n"),
        (("SET", b"k\xff", 1, 2.5), b"*4\r\n$3\r\nSET\r\n$2\r\nk\xff\r\n$1\r\n1\r\n$3\r\n2.5\r\n"),
        (("ECHO", "é"), b"*2\r\n$4\r\nECHO\r\n$2\r\n\xc3\xa9\r\n"),
    ],
)
def test_commands(arguments, sent):
    assert encode(*arguments) == sent


@pytest.mark.parametrize(("data", "reply"), REPLIES)
def test_replies(data, reply):
    assert decode(data) == (reply, len(data))
    assert decode(b"xx" + data + b"+next\r\n", 2) == (reply, len(data) + 2)


@pytest.mark.parametrize(("data", "reply"), REPLIES)
def test_a_reply_may_arrive_in_pieces(data, reply):
    for size in range(len(data)):
        with pytest.raises(Incomplete):
            decode(data[:size])


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b"H", b":one\r\n", b"$x\r\n"])
def test_what_is_no_redis(data):
    with pytest.raises(ProtocolError):
        decode(data)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_pipeline(listener):
    def serve():
        peer, _ = listener.accept()
        with peer:
            for piece in (b"+PO", b"NG\r\n:", b"7\r\n-ERR x\r\n+late\r\n"):
                peer.sendall(piece)
            peer.recv(1000)

    server = threading.Thread(target=serve)
    server.start()
    with Connection(listener.getsockname(), 5) as connection:
        assert connection.pipeline([("PING",), ("INCR", "n"), ("BAD",)]) == ["PONG", 7, ErrorReply("ERR x")]
        assert connection.call("PING") == "late"
    server.join(5)


def test_no_reply_in_time(listener):
    """The system accepts for a server that never looks."""
    with Connection(listener.getsockname(), 0.05) as connection, pytest.raises(TimeoutError):
        connection.call("PING")


def test_drops_do_not_prolong_the_wait(listener):
    """The timeout is for the whole reply."""
    enough = threading.Event()

    def drip():
        peer, _ = listener.accept()
        with peer:
            while not enough.wait(0.01):
                peer.sendall(b":")

    server = threading.Thread(target=drip)
    server.start()
    try:
        with Connection(listener.getsockname(), 0.1) as connection, pytest.raises(TimeoutError):
            connection.call("PING")
    finally:
        enough.set()
        server.join(5)


def test_a_server_that_hangs_up(listener):
    def serve():
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)

    server = threading.Thread(target=serve)
    server.start()
    with Connection(listener.getsockname(), 5) as connection, pytest.raises(ConnectionResetError):
        connection.call("PING")
    server.join(5)
