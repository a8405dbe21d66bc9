"""``--netchaos-redis=redis://…``: a server that is somebody else's, used with its own credentials and databases."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from tests.integration.redis_programs import MISSING

from pytest_netchaos.services.redis import RedisServer
from pytest_netchaos.services.resp import Connection

pytest.importorskip("redis")
pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(MISSING["redis-server"]), reason=MISSING["redis-server"]),
]

PASSWORD = "p:a/s@s"  # each of these means something else in a URL
SUITE = """
import pathlib, pytest, redis

def write(link, server, key):
    with redis.Redis.from_url(link.url("redis"), socket_timeout=20) as client:
        assert client.dbsize() == 0
        client.set(key, "written")
        with pathlib.Path("dbs").open("a") as file:
            file.write(f"{client.client_info()['db']}\\n")
    assert server.execute("GET", key) == b"written"

@pytest.mark.parametrize("n", range(4))
def test_the_links_url(redis_link, redis_server, n):
    write(redis_link, redis_server, n)

def test_a_link_of_ones_own(netchaos, redis_server):
    write(netchaos.link(redis_server, name="mine"), redis_server, "mine")

def test_a_path_that_is_given_wins(redis_link):
    with redis.Redis.from_url(redis_link.url("redis", "/15"), socket_timeout=20) as client:
        assert client.client_info()["db"] == 15
"""


@pytest.fixture
def port():
    """A server with a password, and with data of somebody else's in database 0."""
    with RedisServer(binary="redis-server") as server:
        server.execute("SET", "theirs", "precious")
        server.execute("CONFIG", "SET", "requirepass", PASSWORD)
        yield server.port


@pytest.mark.parametrize(("workers", "used"), [((), {"3"}), (("-n2",), {"3", "4"})], ids=["alone", "n2"])
def test_clients_use_its_password_and_the_database_of_their_worker(pytester, port, workers, used):
    pytester.makepyfile(SUITE)
    url = f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/3"
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", f"--netchaos-redis={url}", *workers, timeout=120)
    result.assert_outcomes(passed=6)
    assert set((pytester.path / "dbs").read_text().split()) == used
    with Connection(("127.0.0.1", port)) as connection:
        replies = connection.pipeline([("AUTH", PASSWORD), ("DBSIZE",), ("GET", "theirs")])
    assert replies == ["OK", 1, b"precious"]
