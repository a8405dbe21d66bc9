"""What some stories need beside Python: without it they are skipped, or fail where ``NETCHAOS_DOCKER=require``."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

_INSTALL_CLIENT = "npm install --global socket.io-client@4.8.4"


@functools.cache
def node_modules() -> Path:
    """Where npm has put Socket.IO's JavaScript client: what ``NODE_PATH`` is to be."""
    npm = shutil.which("npm") if shutil.which("node") else None
    if npm is None:
        missing(f"there is no Node: install it, then run `{_INSTALL_CLIENT}`")
    said = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=True)
    modules = Path(said.stdout.strip())
    if not (modules / "socket.io-client").is_dir():
        missing(f"there is no socket.io-client: run `{_INSTALL_CLIENT}`")
    return modules


def chromium() -> str:
    """The path of a Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        missing("there is no Chromium: on Debian, run `apt-get install chromium`")
    return found


def missing(why: str) -> NoReturn:
    """Skip the test, or fail it.

    Args:
        why: What isn't there, and what to do about it.
    """
    if os.environ.get("NETCHAOS_DOCKER") == "require":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)
