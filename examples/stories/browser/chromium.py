"""A headless Chromium that shows one page, and is gone afterwards, with all its processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from pytest_netchaos import eventually_async

FLAGS = [
    "--headless=new",
    "--no-sandbox",  # root, as in a container, has none
    "--disable-gpu",
    "--disable-dev-shm-usage",  # in a container, /dev/shm may be too small
    "--no-first-run",
    # It is to ask nobody but the test's own server.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@contextlib.asynccontextmanager
async def showing(program: str, url: str) -> AsyncIterator[None]:
    """Show a page until the end of the block."""
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(  # noqa: ASYNC220 - takes a millisecond
            [program, *FLAGS, f"--user-data-dir={home}", url],
            env={**os.environ, "HOME": home, "TMPDIR": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a group of its own, to find its processes by
        )
        try:
            yield
        finally:
            process.terminate()
            await eventually_async(lambda: process.poll() is not None, within=20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await eventually_async(lambda: not _has_members(process.pid) and not _has_children(home), within=20)


def _has_children(home: str) -> bool:
    """Whether a process runs that was started with this home: the reporter of crashes leaves its group. Linux only."""
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if home.encode() in environment.read_bytes():
                return True
    return False


def _has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
