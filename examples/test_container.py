"""A server in a container, behind a link: it is killed, comes back, and its client sees both."""

import pytest

redis = pytest.importorskip("redis")
retry = pytest.importorskip("redis.retry")
backoff = pytest.importorskip("redis.backoff")

#: Anybody may connect, and what was written survives.
SETTINGS = ["--protected-mode", "no", "--appendonly", "yes"]


def test_a_client_outlives_its_server(netchaos):
    server = netchaos.container("redis:7", port=6379, name="cache", command=["redis-server", *SETTINGS])
    once = retry.Retry(backoff.NoBackoff(), 0)
    with redis.Redis(*server.link.address, socket_timeout=5.0, retry=once) as cache:
        cache.set("tea", "green")

        server.kill()
        with pytest.raises(redis.ConnectionError):
            cache.get("tea")

        server.start()  # on the same port, with the files that it left
        assert cache.get("tea") == b"green"

    first, _ = server.link.connections
    assert first.closed_by == "server"
