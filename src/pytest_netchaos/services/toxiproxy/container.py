"""Toxiproxy in containers: one, and more when there are more links than it has ports published."""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING

from ...errors import EngineError, ServiceError, hide_own_errors
from ..docker.container import NobodyThere
from .api import Api, NotToxiproxy
from .server import Seat

if TYPE_CHECKING:
    from ..docker.container import Container
    from ..docker.route import WayBack
    from ..docker.session import Docker

__tracebackhide__ = hide_own_errors

_API_PORT = 8474
#: The first port that proxies have, as in the modules that people know from Testcontainers.
_FIRST_PORT = 8666
#: Ports of the first container, and of each further one. Docker starts a process for each published port: 33 of them
#: take 0.7 s to start and 1.8 to end, where 9 take 0.4 and 0.6.
_FIRST_ROOM, _MORE_ROOM = 8, 32
#: Seconds for the first answer; it takes 0.02 once the container runs.
_READY = 20.0


class ContainerToxiproxy:
    """Runs Toxiproxy in containers that end with their Docker session, or with this process, however it ends.

    Args:
        docker: Starts them.
        image: The image.

    Raises:
        ServiceError: The image can't be had, or the container doesn't start; with its log.
    """

    name = "docker"
    is_shared = False

    def __init__(self, docker: Docker, image: str) -> None:
        self._docker = docker
        self._image = image
        self._lock = threading.Lock()
        self.way_back: WayBack = docker.route.way_back
        self._boxes = [_Box(docker, image, _FIRST_ROOM)]

    def __repr__(self) -> str:
        """Say where it is."""
        return f"<Toxiproxy in {len(self._boxes)} containers of {self._image}>"

    @property
    def api(self) -> Api:
        """The API of the first container."""
        return self._boxes[0].api

    @property
    def containers(self) -> tuple[Container, ...]:
        """All of them."""
        return tuple(box.container for box in self._boxes)

    def seat(self) -> Seat:
        """Find a place for one more proxy, in one more container if need be.

        Raises:
            ServiceError: It can't be started.
        """
        with self._lock:
            box = next((box for box in self._boxes if box.free), None)
            if box is None:
                box = _Box(self._docker, self._image, _MORE_ROOM)
                self._boxes.append(box)
            return box.seat(self._lock)

    @property
    def is_alive(self) -> bool:
        """Whether each container is there, running or paused: calls to one that is paused time out, and say so."""
        return all(box.is_alive for box in self._boxes)

    def obituary(self) -> str:
        """Say how one of them ended, and what it logged last."""
        for box in self._boxes:
            if not box.is_alive:
                return str(box.container.failure("ended in the middle of the run"))
        return ""

    def stop(self) -> None:
        """Hang up. `Docker.close` removes the containers, all of a session side by side."""
        for box in self._boxes:
            box.api.close()


class _Box:
    """One container with its ports."""

    def __init__(self, docker: Docker, image: str, room: int) -> None:
        ports = range(_FIRST_PORT, _FIRST_PORT + room)
        self.container = docker.run(image, ports=[_API_PORT, *ports], name="toxiproxy")
        with contextlib.ExitStack() as undo:
            undo.callback(self.container.close)
            self.api = Api(*self.container.address(_API_PORT))
            undo.callback(self.api.close)
            self.container.wait_ready(self._answers, _READY)
            undo.pop_all()
        self.free = list(ports)

    @property
    def is_alive(self) -> bool:
        """Whether it is there: an idle connection tells in 3 µs, Docker in 3 ms. One that is paused is."""
        if self.api.is_connected:
            return True
        try:
            return self.container.is_running
        except ServiceError:
            return False

    def seat(self, lock: threading.Lock) -> Seat:
        port = self.free.pop(0)
        return Seat(self.api, f"0.0.0.0:{port}", *self.container.address(port), partial(self._leave, port, lock))

    def _leave(self, port: int, lock: threading.Lock) -> None:
        with lock:
            self.free.append(port)

    def _answers(self) -> bool:
        try:
            self.api.version()
        except NotToxiproxy as error:
            raise self.container.failure(f"is no Toxiproxy that will do ({error})") from None
        except EngineError as error:
            if isinstance(error.__context__, ConnectionError):
                raise NobodyThere(f"port {_API_PORT} refuses, or hangs up") from None
            return False
        return True
