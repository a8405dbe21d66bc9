from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_netchaos import addresses
from pytest_netchaos.addresses import loopback, numeric_hosts, upstream
from pytest_netchaos.errors import UpstreamError


@dataclass
class Server:
    host: object
    port: object


@pytest.fixture(autouse=True)
def hosts(monkeypatch):
    """A name service of our own: what tests look up mustn't depend on the machine."""
    known = {
        "127.0.0.1": [(socket.AF_INET, "127.0.0.1")],
        "127.0.0.9": [(socket.AF_INET, "127.0.0.9")],
        "10.0.0.1": [(socket.AF_INET, "10.0.0.1")],
        "::1": [(socket.AF_INET6, "::1")],
        "localhost": [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")],
        "db": [(socket.AF_INET, "10.0.0.1"), (socket.AF_UNIX, "x"), (socket.AF_INET6, "fd00::1")],
        "twice": [(socket.AF_INET, "10.0.0.1")] * 2,
    }

    def look_up(host, port, *, type):  # noqa: A002 - its name
        assert type == socket.SOCK_STREAM
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(family, type, 6, "", (address, port)) for family, address in known[host]]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    ("written", "name", "numeric"),
    [
        ("127.0.0.1:5432", "127.0.0.1:5432", [("4", "127.0.0.1", 5432)]),
        ("db:1", "db:1", [("4", "10.0.0.1", 1), ("6", "fd00::1", 1)]),
        ("[::1]:65535", "[::1]:65535", [("6", "::1", 65535)]),
        (5432, "127.0.0.1:5432", [("4", "127.0.0.1", 5432)]),
        (("localhost", 80), "localhost:80", [("6", "::1", 80), ("4", "127.0.0.1", 80)]),
        (("::1", 80), "[::1]:80", [("6", "::1", 80)]),
        (Server("10.0.0.1", 80), "10.0.0.1:80", [("4", "10.0.0.1", 80)]),
        (("twice", 80), "twice:80", [("4", "10.0.0.1", 80)]),
        ("redis://db:6379/0", "db:6379", [("4", "10.0.0.1", 6379), ("6", "fd00::1", 6379)]),
        ("redis://user:secret@10.0.0.1:6379?x=1", "10.0.0.1:6379", [("4", "10.0.0.1", 6379)]),
        ("HTTP://[::1]:8080#a", "[::1]:8080", [("6", "::1", 8080)]),
        ("postgresql+psycopg://@127.0.0.1:5432/db", "127.0.0.1:5432", [("4", "127.0.0.1", 5432)]),
        ("/run/db.sock", "/run/db.sock", [("u", "/run/db.sock", 0)]),
        ("unix:/run/db.sock", "/run/db.sock", [("u", "/run/db.sock", 0)]),
        ("unix:///run/db.sock", "/run/db.sock", [("u", "/run/db.sock", 0)]),
        (Path("/run/db.sock"), "/run/db.sock", [("u", "/run/db.sock", 0)]),
        ("/" + "x" * 106, "/" + "x" * 106, [("u", "/" + "x" * 106, 0)]),
    ],
)
def test_an_upstream_can_be_written_in_many_ways(written, name, numeric):
    found = upstream(written)
    assert found.name == name
    assert list(found.numeric) == numeric


@pytest.mark.parametrize(
    "written",
    [
        "", "db", "db:", ":80", "db:http", "db:-1", "::1:80", "[::1]", "redis://db", "redis://db/5432", "db:1:2",
        "db:80/x",
        None, 1.5, b"db:80", ["db", 80], ("db",), ("db", 80, 1), (80, "db"), (), object(),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_with_what_can(written):
    with pytest.raises(UpstreamError, match=r'^upstream must be "host:port", \("host", port\), a port, ') as caught:
        upstream(written)
    assert str(caught.value).endswith(f"not {written!r}")


@pytest.mark.parametrize(
    ("written", "port"),
    [
        (0, 0), (-1, -1), (65536, 65536), (True, True), ("db:0", 0), ("db:65536", 65536), (("db", "80"), "80"),
        (("db", None), None), (("db", 80.0), 80.0), (("db", False), False), ("http://db:0/", 0),
    ],
)  # fmt: skip
def test_a_port_that_cannot_be_is_refused(written, port):
    with pytest.raises(UpstreamError) as caught:
        upstream(written)
    assert str(caught.value) == f"upstream {written!r}: the port must be a whole number from 1 to 65535, not {port!r}"


def test_a_server_with_an_impossible_address_is_refused():
    with pytest.raises(UpstreamError, match="the port must be a whole number from 1 to 65535, not None"):
        upstream(Server("db", None))
    with pytest.raises(UpstreamError, match="the host is missing"):
        upstream(Server("", 80))


def test_a_missing_host_is_refused():
    with pytest.raises(UpstreamError, match=r"^upstream \('', 80\): the host is missing$"):
        upstream(("", 80))


@pytest.mark.parametrize("written", ["nobody:80", ("nobody", 80), "http://nobody:80"])
def test_an_unknown_host_is_refused(written):
    with pytest.raises(UpstreamError, match=r"nobody knows the host 'nobody' \(.*Name or service") as caught:
        upstream(written)
    assert repr(written) in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_a_host_that_cannot_be_a_name_is_refused(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(UpstreamError, match=r"nobody knows the host 'a\.\.b'"):
        upstream("a..b:80")


@pytest.mark.parametrize("written", [Path("db.sock"), "unix:db.sock", "unix:", "/" + "x" * 107, "/" + "é" * 54])
def test_a_unix_path_that_no_socket_can_have_is_refused(written):
    with pytest.raises(UpstreamError, match=r"^a Unix socket's path must be absolute and at most 107 bytes long, not "):
        upstream(written)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", (socket.AF_INET, "127.0.0.1")),
        ("127.0.0.9", (socket.AF_INET, "127.0.0.9")),
        ("::1", (socket.AF_INET6, "::1")),
        ("localhost", (socket.AF_INET6, "::1")),
    ],
)
def test_links_listen_at_the_loopback(host, expected):
    assert loopback(host) == expected


@pytest.mark.parametrize("host", ["10.0.0.1", "db"])
def test_links_listen_nowhere_else(host):
    with pytest.raises(ValueError, match=rf"^host must be a loopback address such as .*, not {host!r}$"):
        loopback(host)


def test_an_unknown_host_to_listen_at_is_not_called_an_upstream():
    with pytest.raises(ValueError, match=r"^host .*'nobody'"):
        loopback("nobody")


@pytest.mark.parametrize("end", ["10.0.0.1", "nobody:1", "10.0.0.1:0", "10.0.0.1:x"])
def test_a_password_is_not_shown(end):
    with pytest.raises(UpstreamError, match=r"redis://u:\*\*\*@") as caught:
        upstream(f"redis://u:p:ss@w@{end}")
    assert "ss" not in str(caught.value)


def test_a_password_with_an_at_sign_is_no_host():
    assert upstream("redis://:p@ss@10.0.0.1:6379").name == "10.0.0.1:6379"


def test_numeric_hosts_are_spelled_as_the_system_does():
    assert numeric_hosts("hosts", ["127.0.0.2", "0::1", "FE80::1"]) == ("127.0.0.2", "::1", "fe80::1")
    assert numeric_hosts("hosts", ()) == ()


@pytest.mark.parametrize("host", ["localhost", "", "127.0.0.256", "127.0.0.2:80", "[::1]", None, 7])
def test_what_is_no_numeric_host_is_refused(host):
    with pytest.raises(ValueError, match=r"^hosts must be IP addresses such as '127\.0\.0\.2', not ") as caught:
        numeric_hosts("hosts", ["::1", host])
    assert str(caught.value).endswith(repr(host))


def test_one_host_as_a_text_is_refused():
    with pytest.raises(ValueError, match=r"^hosts must be a list of IP addresses, .*: write \['127.0.0.2'\]$"):
        numeric_hosts("hosts", "127.0.0.2")
