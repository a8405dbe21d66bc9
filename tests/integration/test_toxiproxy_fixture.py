"""The fixture `toxiproxy`, as a user's suite has it, on each engine that needs no container."""

from __future__ import annotations

import pytest
from tests import needs

SUITE = """
import socket
import pytest
from toxiproxy import Toxiproxy

@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(20)
        yield made

@pytest.fixture
def proxy(toxiproxy, server):
    return toxiproxy.create(upstream="%s:%d" % server.getsockname(), name="db")

def dial(proxy):
    host, port = proxy.listen.rsplit(":", 1)
    return socket.create_connection((host, int(port)), 20)

@pytest.mark.parametrize("n", range(2))
def test_a_toxic_strikes(proxy, server, n):
    proxy.add_toxic(type="limit_data", stream="upstream", attributes={"bytes": 3})
    with dial(proxy) as client, server.accept()[0] as peer:
        peer.settimeout(20)
        client.sendall(b"abcdef")
        assert peer.recv(9, socket.MSG_WAITALL) == b"abc"

def test_down_is_refused_and_comes_back_at_the_same_port(proxy, server):
    with proxy.down():
        with pytest.raises(ConnectionRefusedError):
            dial(proxy)
    dial(proxy).close()

def test_nothing_is_left_of_other_tests(toxiproxy):
    assert toxiproxy.proxies() == {}

def test_the_code_under_test_may_have_a_client_of_its_own(toxiproxy):
    Toxiproxy().create(upstream="127.0.0.1:1", name="of its own")
    assert list(toxiproxy.proxies()) == ["of its own"]

def test_again_nothing_is_left(toxiproxy):
    assert toxiproxy.proxies() == {}
    assert toxiproxy.running()

def test_links_are_not_touched(toxiproxy, netchaos, server):
    link = netchaos.link(server.getsockname())
    with socket.create_connection(link.address, 20) as client, server.accept()[0] as peer:
        client.sendall(b"x")
        assert peer.recv(1) == b"x"
        assert all("netchaos" in name for name in toxiproxy.proxies())
"""


@pytest.fixture(params=["embedded", "toxiproxy"])
def engine(request):
    if request.param == "toxiproxy":
        needs.toxiproxy()
    return request.param


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_the_client_drives_the_running_engine(pytester, engine, workers):
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess("-q", f"--netchaos-engine={engine}", "-W", "error", *workers, timeout=90)
    result.assert_outcomes(passed=7)


def test_an_engine_that_is_dead_is_followed_by_another_with_an_api_of_its_own(pytester):
    pytester.makepyfile(
        """
        import os, signal

        def test_kill(toxiproxy, _netchaos_resources):
            toxiproxy.create(upstream="127.0.0.1:1", name="mine")
            engine = _netchaos_resources.engine()
            os.kill(engine.pid, signal.SIGKILL)
            engine._process.wait(10)

        def test_next(toxiproxy):
            assert toxiproxy.proxies() == {}
        """
    )
    result = pytester.runpytest_subprocess("-q", timeout=60)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*EngineDied: the relay ended*", "*killed by SIGKILL*"])


def test_a_proxy_for_the_web_is_none_for_the_client(pytester, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    pytester.makepyfile("""
        import os

        def test_it(toxiproxy):
            assert toxiproxy.proxies() == {}

        def test_then():
            assert "NO_PROXY" not in os.environ
    """)
    pytester.runpytest_subprocess("-q", timeout=60).assert_outcomes(passed=2)
