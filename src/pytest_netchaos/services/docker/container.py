"""A container that a test may pause, kill and restart."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from ...errors import PortInUse, ServiceError
from ..kernel import left
from ..launch import await_refusal
from . import inspection
from .sweep import remove_container
from .trouble import asking, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from docker.models.containers import Container as Handle

#: Seconds between two looks at a container that starts: nothing tells other processes that it serves now.
_LOOK_AGAIN = 0.005
#: Seconds for a container that was killed to end.
_KILL_TIMEOUT = 20.0


class Container:
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
        self._handle = handle
        self._image = image
        self._host = host
        self._ports = ports
        self._release = release
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._closed = False
        # The end before the last start, from which on its log is of interest. Not the start itself: the daemon takes
        # note of that when the program may have written, and failed, already.
        self._since: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Container {self.name} {'closed' if self._closed else self.state}>"

    @property
    def id(self) -> str:
        """The daemon's id for it."""
        return str(self._handle.id)

    @property
    def name(self) -> str:
        """Its name, by which other containers on its network reach it as well."""
        return str(self._handle.name)

    @property
    def image(self) -> str:
        """What it was made of."""
        return self._image

    @property
    def state(self) -> str:
        """``"running"``, ``"paused"``, ``"down"`` or ``"gone"``, as it really is now."""
        return inspection.state(self._inspect())

    @property
    def is_running(self) -> bool:
        """Whether its program is there, paused or not."""
        return self.state in {"running", "paused"}

    @property
    def is_paused(self) -> bool:
        """Whether it is frozen, by `pause` or by somebody else."""
        return self.state == "paused"

    @property
    def exit_code(self) -> int | None:
        """The exit code of its program, 128 and more for a signal; ``None`` while it runs, and when it is gone."""
        return inspection.exit_code(self._inspect())

    def address(self, port: int) -> tuple[str, int]:
        """Where one of its ports is dialled from here: the same for life, also while it is down.

        Args:
            port: The port inside the container.

        Raises:
            ServiceError: It isn't published.
        """
        if self._ports is None:
            return self._host, port
        if port not in self._ports:
            published = ", ".join(map(str, self._ports)) or "none"
            raise ServiceError(f"port {port} of the container {self.name} isn't published; these are: {published}")
        return self._host, self._ports[port]

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it wrote since it was last started."""
        options: dict[str, Any] = {"tail": lines}
        if self._since is not None:
            options["since"] = self._since
        try:
            with asking(f"give the log of {self.name}"):
                return str(self._handle.logs(**options).decode(errors="replace")).rstrip("\n")
        except ServiceError as error:  # removed, or a log driver that only writes
            return f"({error})"

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
            try:
                with asking(f"start {self.name} ({self._image})"):
                    self._handle.start()
            except ServiceError as error:
                raise PortInUse(str(error)) if is_port_in_use(error) else error from error.__cause__
            return time.monotonic()

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
            if isinstance(error.__cause__, (Disconnected, Timeout, NotFound)):
                return self.exit_code
            raise

    def wait_ready(self, probe: Callable[[], bool], timeout: float = 20.0) -> float:
        """Ask again and again whether it serves; fail at once when it has ended.

        Args:
            probe: Asks it, in its own protocol: that a port accepts proves nothing, since Docker does that.
            timeout: Seconds.

        Returns:
            When it was ready, on ``time.monotonic()``.

        Raises:
            ServiceError: It ended, or isn't ready in time; with its log's last lines.
        """
        deadline = time.monotonic() + timeout
        while not probe():
            if not self.is_running:
                raise self.failure("did not start")
            if time.monotonic() > deadline:
                raise self.failure(f"is not ready after {timeout:g} s")
            time.sleep(_LOOK_AGAIN)
        return time.monotonic()

    def failure(self, what: str) -> ServiceError:
        """An error that says what was run, how it ended, and what it wrote last."""
        found = self._inspect()
        log = self.log_tail() or "(nothing)"
        return ServiceError(
            f"the container {self.name} {what}: {inspection.ending(found)}.\n"
            f"  run as: {self._image} {inspection.command(found)}\n  last lines of its log:\n"
            + "\n".join(f"    {line}" for line in log.splitlines())
        )

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

    def _inspect(self) -> dict[str, Any]:
        """What the daemon knows of it; empty if it is gone."""
        from docker.errors import NotFound  # noqa: PLC0415

        with asking(f"look at {self.name}"):
            try:
                found: dict[str, Any] = self._handle.client.api.inspect_container(self.id)
            except NotFound:
                return {}
        return found

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
