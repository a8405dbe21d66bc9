"""The released SDK itself, in an environment of its own: it needs websockets 11, and this suite a newer one."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from pytest_netchaos import check, waits

PROGRAM = Path(__file__).with_name("released_sdk.py")
PYTHON = os.environ.get("E2B_PYTHON")


@pytest.mark.skipif(
    PYTHON is None,
    reason="needs E2B's SDK: python -m venv e2b; e2b/bin/pip install e2b==0.13.4; E2B_PYTHON=e2b/bin/python pytest …",
)
def test_the_released_sdk_waits_twice_as_long_as_it_should(netchaos, page):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, but nobody listens: the sandbox isn't up yet
        link = netchaos.link(nobody.getsockname())
        with subprocess.Popen([str(PYTHON), str(PROGRAM), link.url("ws"), "23"]) as sdk:
            link.wait_for_dial(31, timeout=60)
            sdk.kill()
    with pytest.raises(AssertionError) as failure:
        check(link.dials[:31], waits(mean=0.1, samples=30, late=0.15))
    assert page.shows(failure)
