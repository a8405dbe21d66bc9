"""Where the tests may not open a raw socket, as on most desks and hosted CI machines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

SUITE = """
import asyncio, socket, subprocess, sys
import pytest
from pytest_netchaos import backoff

@pytest.fixture
def link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = netchaos.link(server.getsockname(), name="db")
        with socket.create_connection(made.address):
            made.wait_for_connection()
            yield made

def dial_in_vain(link):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(link.address)

def test_dials_of_this_process_are_seen(link):
    assert not link._engine_link._engine.sees_all_dials()
    with link.cut():
        dial_in_vain(link)
        dial_in_vain(link)
        assert link.wait_for_dial(3).outcome == "refused"
    socket.create_connection(link.address).close()
    link.wait_for_connection(2)
    assert [dial.outcome for dial in link.dials] == ["served", "refused", "refused", "served"]
    assert [dial.number for dial in link.dials] == [1, 2, 3, 4]
    assert link.connections[1].dial == 4
    assert "root, or CAP_NET_RAW" in link.dials.blind
    assert link.dials[1:] == backoff(first=0, cap=0, late=5)

def test_dials_of_an_event_loop_are_seen(link):
    async def dial():
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*link.address)
        await link.wait_for_dial_async(2)
    with link.refuse():
        asyncio.run(dial())
    assert [dial.outcome for dial in link.dials] == ["served", "refused"]

def test_dials_of_another_process_are_not_and_the_matcher_says_so(link):
    with link.cut():
        code = f"import socket; socket.create_connection({link.address!r})"
        assert subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode == 1
    socket.create_connection(link.address).close()
    link.wait_for_connection(2)
    assert len(link.dials) == 2
    verdict, why = backoff(first=0, late=5).explain(link)
    assert verdict.startswith("no refused dial was seen, and not all could be")
    assert why.startswith("dials that were refused to other processes can't be seen")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a right that can be taken away")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) takes the right away")
def test_refused_dials_are_overheard(tmp_path):
    (tmp_path / "test_suite.py").write_text(SUITE)
    without = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    done = subprocess.run(
        [*without, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_suite.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "3 passed" in done.stdout, done.stdout + done.stderr
