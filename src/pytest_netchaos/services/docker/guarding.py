"""The owner's end of the `reaper`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .daemon import Place
    from .owner import Owner

_PROGRAM = Path(__file__).with_name("reaper.py")
#: Seconds for a reaper that has nothing to do to end.
_END_TIMEOUT = 5.0


class Reaper:
    """A process that removes an owner's containers when the owner ends without saying that it did.

    Args:
        owner: This process.
        place: Where the daemon is.
    """

    def __init__(self, owner: Owner, place: Place) -> None:
        task = {
            "owner": asdict(owner),
            "place": asdict(place),
            "path": [os.path.abspath(path) for path in sys.path if path],  # noqa: PTH100 - no need to resolve links
        }
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_PROGRAM), str(owner.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",  # a directory that is deleted, or unmounted, is not held
            # Ctrl-C, and a kill of the run's process group, are not for it.
            start_new_session=True,
        )
        self._say(json.dumps(task).encode() + b"\n")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def dismiss(self) -> None:
        """Say that nothing is left to do, and see it end."""
        self._say(b"clean\n")
        self.let_go()
        try:
            self._process.wait(_END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def hand_over(self) -> None:
        """Leave the rest to it: it tries for a minute, and may outlive this process."""
        self.let_go()
        self._process.returncode = self._process.poll() or 0  # it isn't ours to wait for any more

    def let_go(self) -> None:
        """Close this process's end. If it is a forked copy, the owner still has its own."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody has killed it
            self._process.stdin.write(line)
