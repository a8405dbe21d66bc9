"""A Redis server of our own, whatever it runs in."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Self

from ..errors import ServiceError, hide_own_errors
from . import pristine
from .asking import Askable
from .downtime import Downtimes
from .launch import await_refusal
from .resp import ProtocolError

if TYPE_CHECKING:
    from types import TracebackType

    from ..history import Outage
    from .machine import Machine

__tracebackhide__ = hide_own_errors

#: Seconds for a server to obey, or to answer a command that it answers in µs.
_OBEY_TIMEOUT = 5.0
#: Seconds after which `ManagedRedis.restore` takes a server that runs but does not answer for one to be replaced.
_RESTORE_TIMEOUT = 0.5


class ManagedRedis(Askable):
    """What can be done to a Redis server that runs in a `Machine`: one that can be paused, killed and started again."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._machine: Machine | None = None
        self._baseline: pristine.Baseline | None = None
        self._downtimes = Downtimes()
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
        return f"<{type(self).__name__}{self._where()} {self.state}>"

    @property
    def state(self) -> str:
        """``"running"``, ``"paused"``, ``"down"``, ``"closed"`` or ``"not started"``, as it really is now."""
        machine = self._machine
        if self._closed:
            return "closed"
        if machine is None:
            return "not started"
        if not machine.is_running:
            return "down"
        return "paused" if machine.is_paused else "running"

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
        address = self._address
        if address is None:
            raise self._refusal("it has no address yet")
        return address

    @property
    def outages(self) -> tuple[Outage, ...]:
        """When it was paused, killed or stopped since `restore`, each until it answered again.

        A kill or a stop counts from when it was asked for: clients dial again before it has ended whole. What is taken
        while it is away has no end yet: ask again when it is back.
        A matcher takes one where it takes a fault: ``lost_only_during(*redis_server.outages)``.
        """
        return self._downtimes.spans()

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it logged since it was last started."""
        return self._machine.log_tail(lines) if self._machine else ""

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
            paused_at = time.monotonic()
            self._downtimes.began("pause", paused_at)
            return paused_at

    def resume(self) -> float:
        """Let a paused server go on, and return when it answers. It obeys what was sent to it meanwhile.

        Raises:
            ServiceError: It is down, or does not answer within 5 s.
        """
        with self._lock:
            machine = self._running("resumed")
            machine.resume()
            if not self.is_ready(_OBEY_TIMEOUT):
                raise machine.failure("does not answer after its resumption")
            return self._ended(time.monotonic())

    def kill(self) -> float:
        """Kill it with SIGKILL, paused or not, and return when its port refuses. `start` or `restart` bring it back.

        Raises:
            ServiceError: It is down already.
        """
        with self._lock:
            machine, asked_at = self._running("killed"), time.monotonic()
            machine.kill()
            self._downtimes.began("kill", asked_at)
            return await_refusal(self.address)

    def stop(self) -> float:
        """Shut it down in good order, after a resumption if it is paused; return when its port refuses.

        A server that doesn't obey within 5 s is killed.

        Raises:
            ServiceError: It is down already.
        """
        with self._lock:
            machine, asked_at = self._running("stopped"), time.monotonic()
            machine.resume()
            # Not SIGTERM: the server's timer would look at that up to 0.1 s later.
            with contextlib.suppress(ServiceError):
                self.execute("SHUTDOWN", "NOSAVE")
            if machine.wait(_OBEY_TIMEOUT) is None:
                machine.kill()
            self._downtimes.began("stop", asked_at)
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
            if self._closed or self._machine is None:
                raise self._refusal("it can't be restored")
            if not self._restored_in_place(self._machine):
                if self._machine.is_running:
                    self._machine.kill()
                self._launch(empty=True)
            self._downtimes.forget()
            return time.monotonic()

    def close(self) -> None:
        """Kill it if it runs, delete its files and give its port back. A forked process only lets go of it."""
        with self._lock:
            self._closed = True
            self._release()

    @property
    @abstractmethod
    def _address(self) -> tuple[str, int] | None:
        """Where it is; ``None`` before the first start."""

    @abstractmethod
    def _start_machine(self, *, empty: bool) -> Machine:
        """Run the server, which is down, and return when it answers; without the data that it had if ``empty``."""

    @abstractmethod
    def _release(self) -> None:
        """End it, and give back what it has."""

    def _launch(self, *, empty: bool = False) -> float:
        self._machine = self._start_machine(empty=empty)
        if self._baseline is None:
            with self._connect(_OBEY_TIMEOUT) as connection:
                self._baseline = pristine.observe(connection)
        return self._ended(time.monotonic())

    def _ended(self, at: float) -> float:
        self._downtimes.ended(at)
        return at

    def _restored_in_place(self, machine: Machine) -> bool:
        if self._baseline is None or not machine.is_running:
            return False
        try:
            machine.resume()
            with self._connect(_RESTORE_TIMEOUT) as connection:
                return pristine.restore(connection, self._baseline)
        except (OSError, ProtocolError, ServiceError):
            return False

    def _running(self, wish: str) -> Machine:
        if self._machine is None or not self.is_running:
            raise self._refusal(f"it can't be {wish}")
        return self._machine

    def _refusal(self, what: str) -> ServiceError:
        state = self.state
        return ServiceError(f"the Redis server{self._where()} is {state}, so {what}: {_WAY_OUT[state]}")

    def _where(self) -> str:
        address = self._address
        return f" at {address[0]}:{address[1]}" if address else ""


_WAY_OUT = {
    "running": "call restart(), or stop() or kill() first",
    "paused": "call resume() first",
    "down": "call start() or restart() first",
    "not started": "call start() first",
    "closed": "make a new one",
}
