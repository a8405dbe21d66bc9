from __future__ import annotations

import socket

import pytest

from pytest_netchaos.relay.api import client, server

GET = b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n"


def read_all(sock):
    data = b""
    while more := sock.recv(65536):
        data += more
    return data


def test_pipelined_requests_are_answered_in_order(dial):
    sock = dial()
    sock.sendall(GET + b"GET /nope HTTP/1.1\r\nHost: a\r\n\r\n" + GET.replace(b"Host", b"Connection: close\r\nHost"))
    answers = read_all(sock)
    assert answers.count(b"200 OK") == 2
    assert answers.index(b"200 OK") < answers.index(b"404 Not Found") < answers.rindex(b"200 OK")


def test_many_pipelined_requests_are_all_answered(dial):
    sock = dial()
    sock.sendall(GET * 500)
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock).count(b"HTTP/1.1 200 OK") == 500


def test_a_request_whose_client_has_finished_sending_is_answered(dial):
    sock = dial()
    sock.sendall(GET)
    sock.shutdown(socket.SHUT_WR)
    assert b"200 OK" in read_all(sock)


def test_a_client_that_waits_for_it_is_told_to_send_its_body(dial):
    sock = dial()
    sock.sendall(b"POST /populate HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert sock.recv(999) == b"HTTP/1.1 100 Continue\r\n\r\n"
    sock.sendall(b"[]")
    assert sock.recv(999).startswith(b"HTTP/1.1 201 Created")


def test_a_request_that_doesnt_arrive_is_given_up(monkeypatch, dial):
    monkeypatch.setattr(client, "REQUEST", 0.1)
    sock = dial()
    sock.sendall(b"GET /ver")
    assert sock.recv(1) == b""


def test_each_byte_doesnt_give_a_slow_request_more_time(monkeypatch, dial):
    monkeypatch.setattr(client, "REQUEST", 0.3)
    sock = dial()
    sock.settimeout(0.02)
    with pytest.raises(ConnectionError):
        for _ in range(500):
            sock.sendall(b"G")
            try:
                if sock.recv(1) == b"":
                    raise ConnectionError
            except TimeoutError:
                continue


def test_an_idle_connection_is_closed(monkeypatch, dial):
    monkeypatch.setattr(client, "IDLE", 0.1)
    sock = dial()
    sock.sendall(GET)
    assert read_all(sock).endswith(b'{"version": "2.12.0"}\n')


def test_a_client_that_doesnt_read_is_dropped_and_keeps_nobody_waiting(monkeypatch, api, dial):
    monkeypatch.setattr(client, "UNREAD", 0.5)
    for i in range(200):
        api.call("POST", "/proxies", {"name": f"proxy {i:0999}", "upstream": "u:1", "enabled": False})
    deaf = dial()
    deaf.setblocking(False)
    with pytest.raises((BlockingIOError, ConnectionError)):
        while True:
            deaf.send(b"GET /proxies HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
    assert api.call("GET", "/version")[0] == 200
    deaf.settimeout(10)
    with pytest.raises(ConnectionError):
        while deaf.send(GET):
            pass


def test_one_client_too_many_is_told_so(monkeypatch, api, dial, capsys):
    monkeypatch.setattr(server, "MOST_CLIENTS", 1)
    api.call("GET", "/version")
    assert b"503 Service Unavailable: 1 clients are connected, and no more may be" in read_all(dial())
    assert api.call("GET", "/version")[0] == 200
    assert "no more may be" in capsys.readouterr().err


def test_a_defect_is_a_500_and_not_the_end(monkeypatch, api, capsys):
    monkeypatch.setattr(api.application, "_version", lambda _: 1 / 0)
    status, said = api.call("GET", "/version")
    assert (status, said["error"]) == (500, "ZeroDivisionError: division by zero")
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert api.call("GET", "/proxies")[0] == 200
