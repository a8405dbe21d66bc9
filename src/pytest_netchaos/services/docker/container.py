"""A container that a test may pause, kill and restart."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Self

from ...errors import PortInUse, ServiceError, hide_own_errors
from ..kernel import left
from ..launch import await_refusal
from . import inspection
from .sweep import remove_container
from .trouble import asking, explain
from .view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from docker.models.containers import Container as Handle

__tracebackhide__ = hide_own_errors

#: Seconds between two looks at a container that starts: nothing tells other processes that it serves now.
_LOOK_AGAIN = 0.005
#: Seconds for a container that was killed to end.
_KILL_TIMEOUT = 20.0
#: Seconds for the program of a container that runs to listen, where it is one that does at once: so many, or so many
#: times what its start took, if that is more. A busy machine takes longer for both.
_LISTEN, _LISTEN_PER_START = 5.0, 10.0


class NobodyThere(Exception):
    """A probe's word for a port that nobody serves: Docker refuses, or accepts in its place and hangs up."""


class Container(View):
    """A container, on ports that it keeps for life. Made by `Docker.run`, which also removes it at the end.

    Calls are synchronous and safe from any thread. Those that change the container's state return the
    ``time.monotonic()`` at which the change was confirmed.

    Args:
        handle: The daemon's.
        image: What it was made of.
        host: Where its ports are dialled.
        ports: Where each of its published ports is; ``None`` for a container in the machine's own network.
        release: Called once, when it has been removed.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        image: str,
        host: str,
        ports: Mapping[int, int] | None,
        release: Callable[[Container], None],
    ) -> None:
        super().__init__(handle, image=image, host=host, ports=ports)
        self._release = release
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._start_took = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def pause(self) -> float:
        """Freeze all of its processes. What is frozen already stays so. The system still accepts connections for it.

        Raises:
            ServiceError: It is down.
        """
        with self._lock:
            if self._running("paused") == "running":
                with asking(f"pause {self.name}"):
                    self._handle.pause()
            return time.monotonic()

    def resume(self) -> float:
        """Let a frozen container go on.

        Raises:
            ServiceError: It is down.
        """
        with self._lock:
            if self._running("resumed") == "paused":
                with asking(f"resume {self.name}"):
                    self._handle.unpause()
            return time.monotonic()

    def kill(self) -> float:
        """Kill it with SIGKILL, paused or not, and return when its ports refuse.

        Raises:
            ServiceError: It is down already.
        """
        with self._lock:
            self._running("killed")
            with asking(f"kill {self.name}"):
                self._handle.kill()
            return self._await_end(_KILL_TIMEOUT)

    def stop(self, timeout: float = 10.0) -> float:
        """Ask it to end, after a resumption if it is paused; return when its ports refuse.

        Args:
            timeout: Seconds after which it is killed.

        Raises:
            ServiceError: It is down already.
        """
        with self._lock:
            self._running("stopped")
            self.resume()
            with asking(f"stop {self.name}"):
                self._handle.stop(timeout=round(timeout))
            return self._await_end(_KILL_TIMEOUT)

    def start(self) -> float:
        """Start it again, with the files that it left. Returns when its program runs, not when it is ready.

        Raises:
            ServiceError: It runs already, or can't be started.
            PortInUse: Somebody has taken one of its ports.
        """
        with self._lock:
            found = self._inspect()
            if inspection.state(found) != "down":
                raise self._refusal(inspection.state(found), "it can't be started")
            self._since = inspection.finished_at(found)
            began = time.monotonic()
            try:
                with asking(f"start {self.name} ({self._image})"):
                    self._handle.start()
            except ServiceError as error:
                raise PortInUse(str(error)) if is_port_in_use(error) else error from None
            self._start_took = time.monotonic() - began
            return began + self._start_took

    def restart(self, timeout: float = 10.0) -> float:
        """Stop it if it runs, and start it again. Arguments and errors as for `stop` and `start`."""
        with self._lock:
            if self.is_running:
                self.stop(timeout)
            return self.start()

    def wait(self, timeout: float) -> int | None:
        """Wait for its end.

        Args:
            timeout: Seconds.

        Returns:
            Its exit code; ``None`` if it still runs.
        """
        from docker.errors import NotFound  # noqa: PLC0415
        from requests.exceptions import ConnectionError as Disconnected  # noqa: PLC0415
        from requests.exceptions import Timeout  # noqa: PLC0415

        try:
            with asking(f"wait for the end of {self.name}"):
                return int(self._handle.wait(timeout=timeout)["StatusCode"])
        except ServiceError as error:
            if isinstance(error.__context__, (Disconnected, Timeout, NotFound)):
                return self.exit_code
            raise

    def wait_ready(self, probe: Callable[[], bool], timeout: float = 20.0) -> float:
        """Ask again and again whether it serves; fail at once when it has ended.

        Args:
            probe: Asks it, in its own protocol: that a port accepts proves nothing, since Docker does that. For a
                server that listens as soon as it runs, it may raise `NobodyThere`: while it does nothing else, 5 s are
                enough on a machine that isn't busy.
            timeout: Seconds.

        Returns:
            When it was ready, on ``time.monotonic()``.

        Raises:
            ServiceError: It ended, or isn't ready in time; with its log's last lines.
        """
        began = time.monotonic()
        alone = min(timeout, max(_LISTEN, self._start_took * _LISTEN_PER_START))
        while True:
            allowed, why = timeout, ""
            try:
                if probe():
                    return time.monotonic()
                alone = timeout  # somebody is there, and not ready
            except NobodyThere as error:
                allowed, why = alone, f" ({error})"
            if not self.is_running:
                raise self.failure("did not start")
            if time.monotonic() > began + allowed:
                raise self.failure(f"is not ready after {allowed:.3g} s{why}")
            time.sleep(_LOOK_AGAIN)

    def close(self) -> None:
        """Remove it with its files and give its ports back; fine if it is gone. A forked process only lets go of it.

        Raises:
            ServiceError: The daemon can't be asked.
        """
        with self._lock:
            if self._closed or os.getpid() != self._owner:
                return
            with asking(f"remove {self.name}"):
                remove_container(self._handle)
            self._closed = True
        self._release(self)

    def _running(self, wish: str) -> str:
        state = self.state
        if state not in {"running", "paused"}:
            raise self._refusal(state, f"it can't be {wish}")
        return state

    def _refusal(self, state: str, what: str) -> ServiceError:
        return ServiceError(f"the container {self.name} is {state}, so {what}: {_WAY_OUT[state]}")

    def _await_end(self, timeout: float) -> float:
        """Wait until it has ended and its ports refuse: Docker's own proxy accepts for a moment longer."""
        deadline = time.monotonic() + timeout
        if self.wait(timeout) is None and self.is_running:
            raise self.failure(f"still runs after {timeout:g} s")
        for port in (self._ports or {}).values():
            await_refusal((self._host, port), left(deadline) or _LOOK_AGAIN, f"the container {self.name}")
        return time.monotonic()


def is_port_in_use(error: BaseException) -> bool:
    """Whether that is why a container can't be started."""
    text = explain(error).lower() + str(error).lower()
    return any(words in text for words in ("already allocated", "address already in use", "ports are not available"))


_WAY_OUT = {
    "running": "call restart(), or stop() or kill() first",
    "paused": "call resume() first",
    "down": "call start() or restart() first",
    "gone": "somebody has removed it",
}
