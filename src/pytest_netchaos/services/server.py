"""Any server in a container, behind links: what ``netchaos.container(…)`` gives."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..errors import ServiceError, hide_own_errors
from .downtime import Downtimes

if TYPE_CHECKING:
    from ..history import Outage
    from ..link import Link
    from .docker.container import Container
    from .docker.session import Docker
    from .wishes import Ready, Wishes

__tracebackhide__ = hide_own_errors

#: Seconds in which a port that nobody serves is closed again by what Docker has in front of it.
_HANG_UP = 0.05
#: Lines of a log in which a text is looked for.
_LOG = 1000


class ContainerServer:
    """A server in a container of its own, with a link in front of each of its ports.

    It can be paused, killed and restarted like ``redis_server``. Each verb returns the ``time.monotonic()`` at which
    its effect was confirmed. The container and its links end with the test.
    """

    def __init__(
        self, container: Container, links: Mapping[int, Link], is_ready: Callable[[], bool], timeout: float
    ) -> None:
        self._container = container
        self._links = dict(links)
        self._is_ready = is_ready
        self._timeout = timeout
        self._downtimes = Downtimes()

    def __repr__(self) -> str:
        """Say what it is and how it is."""
        return f"<server {self._container.name} of {self._container.image}: {self.state}>"

    @property
    def link(self) -> Link:
        """The link in front of its first port: what clients are to dial.

        Raises:
            ServiceError: It has no port.
        """
        if not self._links:
            raise ServiceError(f"{self._container.name} has no link: netchaos.container(…, port=…) makes one")
        return next(iter(self._links.values()))

    @property
    def links(self) -> Mapping[int, Link]:
        """All of its links, by the port inside the container."""
        return MappingProxyType(self._links)

    @property
    def name(self) -> str:
        """Its name, by which other containers of the run reach it."""
        return self._container.name

    @property
    def state(self) -> str:
        """``"running"``, ``"paused"``, ``"down"`` or ``"gone"``, as it really is now."""
        return self._container.state

    @property
    def outages(self) -> tuple[Outage, ...]:
        """When it was paused, killed or stopped, each until it was ready again. A matcher takes one as a fault.

        A kill or a stop counts from when it was asked for: clients dial again before it has ended whole.
        """
        return self._downtimes.spans()

    def address(self, port: int) -> tuple[str, int]:
        """Where one of its ports is dialled from here without a link: the same for life.

        Raises:
            ServiceError: It isn't one of its ports.
        """
        return self._container.address(port)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it wrote since it was last started."""
        return self._container.log_tail(lines)

    def pause(self) -> float:
        """Freeze it, as a machine that hangs. Connections stay open, and new ones are accepted by the system.

        Raises:
            ServiceError: It is down.
        """
        paused_at = self._container.pause()
        self._downtimes.began("pause", paused_at)
        return paused_at

    def resume(self) -> float:
        """Let it go on, and return when it is ready.

        Raises:
            ServiceError: It is down, or not ready in time.
        """
        self._container.resume()
        return self.wait_ready()

    def kill(self) -> float:
        """Kill it with SIGKILL, paused or not, and return when its ports refuse.

        Raises:
            ServiceError: It is down already.
        """
        return self._ended_by("kill", self._container.kill)

    def stop(self, timeout: float = 10.0) -> float:
        """Ask it to end; return when its ports refuse.

        Args:
            timeout: Seconds after which it is killed.

        Raises:
            ServiceError: It is down already.
        """
        return self._ended_by("stop", lambda: self._container.stop(timeout))

    def start(self) -> float:
        """Start it again, on the same ports and with the files that it left; return when it is ready.

        Raises:
            ServiceError: It runs already, or fails; with its log.
        """
        self._container.start()
        return self.wait_ready()

    def restart(self, timeout: float = 10.0) -> float:
        """Stop it if it runs, and start it again. Arguments and errors as for `stop` and `start`."""
        if self._container.is_running:
            self.stop(timeout)
        return self.start()

    def wait_ready(self) -> float:
        """Wait until it is ready.

        Raises:
            ServiceError: It has ended, or isn't ready in time; with its log.
        """
        ready_at = self._container.wait_ready(self._is_ready, self._timeout)
        if self.state == "running":  # the system of one that is paused accepts connections all the same
            self._downtimes.ended(ready_at)
        return ready_at

    def close(self) -> None:
        """Remove the container."""
        self._container.close()

    def _ended_by(self, kind: str, end: Callable[[], float]) -> float:
        asked_at = time.monotonic()
        refused_at = end()
        self._downtimes.began(kind, asked_at)
        return refused_at


def start_server(
    docker: Docker, wishes: Wishes, *, link: Callable[[tuple[str, int], str], Link], name: str, link_name: str
) -> ContainerServer:
    """Start a container, wait until it is ready, and put links in front of its ports.

    Args:
        docker: Starts it.
        wishes: What is to be started, and what proves that it is ready.
        link: Puts a link of a name in front of an address.
        name: What other containers find it by; may be empty.
        link_name: The first link's name, and what those of the others begin with.

    Raises:
        ServiceError: It can't be started, ends, or isn't ready in time; nothing of it is left then.
    """
    ports = wishes.ports
    container = docker.run(wishes.image, command=wishes.command, env=wishes.env, ports=ports, name=name, alias=name)
    try:
        is_ready = probe(container, wishes.ready, ports[0] if ports else None)
        container.wait_ready(is_ready, wishes.timeout)
        links = {p: link(container.address(p), link_name if p == ports[0] else f"{link_name}:{p}") for p in ports}
    except BaseException:
        container.close()
        raise
    return ContainerServer(container, links, is_ready, wishes.timeout)


def probe(container: Container, ready: Ready, port: int | None) -> Callable[[], bool]:
    """Make the question whether a server serves.

    Args:
        container: What it runs in.
        ready: A text in its log; a function of host and port that is true, and may raise ``OSError`` while it isn't; or
            ``None``: that somebody inside accepts connections, and keeps them.
        port: The port inside; ``None`` if it has none.
    """
    if isinstance(ready, str):
        return lambda: ready in container.log_tail(_LOG)
    if port is None:
        return lambda: container.is_running
    address = container.address(port)
    ask = ready or _keeps
    return lambda: _is_true(ask, *address)


def _is_true(ask: Callable[[str, int], object], host: str, port: int) -> bool:
    try:
        return bool(ask(host, port))
    except OSError:
        return False


def _keeps(host: str, port: int) -> bool:
    """Whether somebody accepts a connection and keeps it. Docker accepts for one that isn't there, and hangs up."""
    with socket.create_connection((host, port), _HANG_UP * 20) as connection:
        connection.settimeout(_HANG_UP)
        try:
            return bool(connection.recv(1))
        except TimeoutError:
            return True
