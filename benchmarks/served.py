"""The embedded engine with Toxiproxy's API in front, in a process of its own: ``python -m pytest_netchaos serve``."""

from __future__ import annotations

import importlib.util
import re
import socket
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

from .tcp import PATIENCE

_MODULE = "pytest_netchaos"
_ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")


def why_not_served() -> str:
    """Say why there is no such command; nothing if there is."""
    if importlib.util.find_spec(f"{_MODULE}.__main__") is None:
        return f"this version has no `python -m {_MODULE} serve`"
    return ""


class Served:
    """One server, at a free port. Ended at the end."""

    def __init__(self) -> None:
        with socket.socket() as keeper:  # nobody else has the port until the server has bound it, too
            keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            keeper.bind(("127.0.0.1", 0))
            self.address: tuple[str, int] = keeper.getsockname()
            command = [sys.executable, "-m", _MODULE, "serve", "--listen", "{}:{}".format(*self.address)]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            try:
                self._await_ready()
            except BaseException:
                self._end()
                raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _await_ready(self) -> None:
        """Read the line that says where it listens."""
        watch = threading.Timer(PATIENCE, self._process.kill)
        watch.start()
        try:
            assert self._process.stdout is not None
            said = []
            for line in self._process.stdout:
                said.append(line)
                if (found := _ADDRESS.search(line)) and int(found[1]) == self.address[1]:
                    return
        finally:
            watch.cancel()
        raise RuntimeError(f"`serve` has not said that it listens at {self.address}: {''.join(said)!r}")

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
