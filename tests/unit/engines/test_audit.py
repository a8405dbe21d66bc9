from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest
import trio

from pytest_netchaos.engines.audit import listen_in, stop_listening


@pytest.fixture
def port():
    """A port that nobody listens at, and that nobody else can have."""
    with socket.socket() as keeper:
        keeper.bind(("127.0.0.1", 0))
        number = keeper.getsockname()[1]
        yield number
        stop_listening("127.0.0.1", number)


def dial_with_socket(port):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 10.0)


def dial_with_asyncio(port):
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(asyncio.open_connection("127.0.0.1", port))


def dial_with_trio(port):
    with pytest.raises(OSError, match="all attempts to connect"):
        trio.run(trio.open_tcp_stream, "127.0.0.1", port)


@pytest.mark.parametrize("dial", [dial_with_socket, dial_with_asyncio, dial_with_trio])
def test_a_dial_of_this_process_is_overheard_before_it_happens(port, dial):
    heard = []
    listen_in("127.0.0.1", port, lambda at, source: heard.append((at, source)))
    before = time.monotonic()
    dial(port)
    ((at, source),) = heard
    assert before <= at <= time.monotonic()
    assert source in ("", "0.0.0.0")


def test_the_source_of_a_dial_is_told_where_it_is_bound(port):
    sources = []
    listen_in("127.0.0.1", port, lambda _, source: sources.append(source))
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
        sock.bind(("127.0.0.2", 0))
        sock.connect(("127.0.0.1", port))
    assert sources == ["127.0.0.2"]


def test_each_dial_is_told_to_who_asked_for_its_port(port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        mine, theirs = [], []
        listen_in("127.0.0.1", port, lambda at, _: mine.append(at))
        listen_in("127.0.0.1", other.getsockname()[1], lambda at, _: theirs.append(at))
        dial_with_socket(port)
        dial_with_socket(port)
        dial_with_socket(other.getsockname()[1])
        stop_listening("127.0.0.1", other.getsockname()[1])
    assert (len(mine), len(theirs)) == (2, 1)


def test_who_asks_again_takes_the_place_of_who_asked_before(port):
    first, second = [], []
    listen_in("127.0.0.1", port, lambda at, _: first.append(at))
    listen_in("127.0.0.1", port, lambda at, _: second.append(at))
    dial_with_socket(port)
    assert (len(first), len(second)) == (0, 1)


def test_nobody_is_told_any_more_afterwards(port):
    heard = []
    listen_in("127.0.0.1", port, lambda at, _: heard.append(at))
    stop_listening("127.0.0.1", port)
    stop_listening("127.0.0.1", port)
    dial_with_socket(port)
    assert heard == []


def test_other_addresses_and_other_calls_are_none_of_our_business(port, tmp_path):
    heard = []
    listen_in("127.0.0.1", port, lambda at, _: heard.append(at))
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(FileNotFoundError):
        sock.connect(str(tmp_path / "none"))
    with socket.socket() as sock, contextlib.suppress(OSError):
        sock.bind(("127.0.0.1", port))
    assert heard == []


def dial_v6(host, port):
    with socket.socket(socket.AF_INET6) as sock, contextlib.suppress(OSError):
        sock.connect((host, port))


def test_an_ipv6_dial_is_overheard_too(port):
    heard = []
    listen_in("::1", port, lambda at, _: heard.append(at))
    dial_v6("::1", port)
    stop_listening("::1", port)
    dial_v6("::1", port)
    assert len(heard) == 1


def test_the_same_port_of_another_address_is_somebody_elses(port):
    heard = []
    listen_in("127.0.0.1", port, lambda at, _: heard.append(at))
    dial_v6("::1", port)
    assert heard == []


def test_a_name_stands_for_both_loopback_addresses(port):
    heard = []
    listen_in("127.0.0.1", port, lambda at, _: heard.append(at))
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
        sock.connect(("localhost", port))
    assert len(heard) == 1
