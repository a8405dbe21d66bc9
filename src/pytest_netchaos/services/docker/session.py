"""The containers of one pytest process."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from ...errors import PortInUse, ServiceError, hide_own_errors
from . import daemon, images
from .container import Container
from .guarding import Reaper
from .network import create, membership
from .owner import Owner
from .publish import Publication, give_back, reserve
from .route import Route, gateway_of, survey
from .sweep import remove_owned, sweep
from .trouble import asking, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    from docker.models.networks import Network

    from ..ports import Kept

__tracebackhide__ = hide_own_errors

_PORT_ATTEMPTS = 5
_ATTEMPTS_TO_REMOVE = 3
_CONFLICT = 409
#: Seconds that `Docker.close` waits for containers that other threads are about to start.
_START_TIMEOUT = 30.0


def _silent(_line: str) -> None:
    """Tell nobody."""


class Docker:
    """Starts containers, and removes them all when it is closed, or when this process ends, however it ends.

    The first container also removes what dead runs have left, and starts a `reaper` that stands by. Containers join a
    network of their own, where they reach each other by name, unless they are told otherwise. Safe from any thread:
    containers that are started by two of them start side by side.

    Args:
        run: The id of the test run.
        worker: The xdist worker: ``"gw0"``, or ``"main"``.
        report: Told what takes long, a line at a time: an image that is pulled.
        host: How containers reach this machine, if that can't be found out, see `Route`.

    Raises:
        DockerUnavailable: There is no daemon to use; says what was tried and what to do.
    """

    def __init__(self, run: str, worker: str, *, report: Callable[[str], None] = _silent, host: str = "") -> None:
        self.owner = Owner.here(run, worker)
        self._report = report
        self._host = host
        self._lock = threading.RLock()
        #: How many containers are being made and started now; notified when there are fewer.
        self._starting = 0
        self._started = threading.Condition(self._lock)
        self._images: dict[str, threading.Lock] = {}
        self._containers: dict[Container, list[Kept]] = {}
        self._count = 0
        self._reaper: Reaper | None = None
        self._network: Network | None = None
        self._closed = False
        self._daemon = daemon.find()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Docker at {self._daemon.place.url}, {len(self._containers)} containers>"

    @property
    def client(self) -> Any:  # noqa: ANN401 - a DockerClient: it has no types
        """The SDK's client, for what isn't here."""
        return self._daemon.client

    @property
    def version(self) -> str:
        """The daemon's version, and the system that it runs on, for a report's header."""
        info = self._daemon.info
        return f"{info.get('ServerVersion', '?')}, {info.get('OperatingSystem', '?')}"

    @cached_property
    def route(self) -> Route:
        """The ways between this machine and its containers.

        Raises:
            ServiceError: The daemon can't be asked.
        """
        # Our own network's gateway, and not the default bridge's: a daemon may have none (--bridge=none).
        gateway = gateway_of(self.network.attrs)
        return Route(survey(self._daemon.place.url, self._daemon.info, gateway), self._host)

    @property
    def network(self) -> Any:  # noqa: ANN401 - a Network: it has no types
        """The containers' own network, made on first use.

        Raises:
            ServiceError: The daemon can't make one.
        """
        with self._lock:
            self._prepare()
            if self._network is None:
                self._network = create(self.client, self.owner, self._name(f"net-{secrets.token_hex(3)}"))
            return self._network

    def run(
        self,
        image: str,
        *,
        command: list[str] | None = None,
        entrypoint: list[str] | None = None,
        env: Mapping[str, str] | None = None,
        ports: Iterable[int] = (),
        fixed_ports: Mapping[int, int] | None = None,
        name: str = "",
        alias: str = "",
        network: str | None = None,
        volumes: Mapping[str, Mapping[str, str]] | None = None,
        tmpfs: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> Container:
        """Start a container. It runs then, but need not be ready: see `Container.wait_ready`.

        Args:
            image: Pulled if it isn't there.
            command: In place of the image's own.
            entrypoint: In place of the image's own.
            env: Its environment, over the image's.
            ports: The ports inside it that are published, each at a free port that it keeps for life.
            fixed_ports: Further ones, each with the port on which it is published.
            name: What its name begins with, after the run and the worker; the image's if empty.
            alias: A second name for it on its network, which unlike the first may be given again.
            network: ``"host"``, or a network's name; ``None`` for the one of our own.
            volumes: As the SDK has them: ``{"/here": {"bind": "/there", "mode": "ro"}}``.
            tmpfs: As the SDK has them: ``{"/data": "size=10m"}``.
            user: As ``"UID:GID"``, in place of the image's own.

        Raises:
            ServiceError: The image can't be had, or the container not be started.
            PortInUse: A fixed port is taken.
        """
        self._ensure(image)
        self._prepare()
        publish = Publication(self.route, ports, fixed_ports or {}, published=network != "host")
        options = {
            "command": command,
            "entrypoint": entrypoint,
            "environment": dict(env or {}),
            **membership(self.client, network or self.network.name, alias),
            "volumes": dict(volumes or {}),
            "tmpfs": dict(tmpfs or {}),
            "extra_hosts": self.route.extra_hosts,
            "user": user,
        }
        for attempt in range(_PORT_ATTEMPTS):
            try:
                with self._one_more():
                    return self._start(image, name or images.basename(image), options, publish)
            except PortInUse:
                if publish.is_users_choice or attempt == _PORT_ATTEMPTS - 1:
                    raise
        raise AssertionError

    def reserve(self, port: int = 0) -> Kept:
        """A port for ``fixed_ports``, ours until it is closed.

        Args:
            port: The port wanted; 0 for any free one.

        Raises:
            PortInUse: Somebody has it.
        """
        return reserve(self.route, port)

    def close(self) -> None:
        """Remove all of it, side by side. Twice is once. A forked process only lets go of it.

        If the daemon can't be asked, this says so and leaves it to the reaper, which tries for a minute.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if os.getpid() == self.owner.pid:  # a thread that pulls finds it closed; one that starts is on the way
                self._started.wait_for(lambda: not self._starting, _START_TIMEOUT)
        try:
            if os.getpid() != self.owner.pid:
                if self._reaper:
                    self._reaper.hand_over()
            elif self._reaper:
                self._remove_all(self._reaper)
        finally:
            for reservations in self._containers.values():
                give_back(reservations)
            self._containers.clear()
            self.client.close()

    def _ensure(self, image: str) -> None:
        """Have the image; one pull for all who want it."""
        with self._lock:
            lock = self._images.setdefault(image, threading.Lock())
        with lock:
            images.ensure(self._daemon, image, report=self._report)

    def _prepare(self) -> None:
        """On first use: remove what dead runs have left, and have somebody stand by."""
        with self._lock:
            self._still_open()
            if self._reaper:
                return
            self._reaper = Reaper(self.owner, self._daemon.place)
            try:
                with asking("remove what earlier runs have left"):
                    sweep(self.client)
            except ServiceError as error:
                self._report(str(error))

    def _still_open(self) -> None:
        if self._closed:
            raise ServiceError("this Docker is closed: make a new one")

    @contextlib.contextmanager
    def _one_more(self) -> Iterator[None]:
        """Have `close` wait for a container that is being started: it would not be there yet to be removed."""
        with self._lock:
            self._still_open()
            self._starting += 1
        try:
            yield
        finally:
            with self._started:
                self._starting -= 1
                self._started.notify_all()

    def _start(self, image: str, name: str, options: dict[str, Any], publish: Publication) -> Container:
        ports, reservations = publish.choose()
        try:
            handle = self._create(image, name, {**options, "ports": publish.bindings(ports)})
        except BaseException:
            give_back(reservations)
            raise
        container = Container(
            handle,
            image=image,
            host=self.route.dial_host,
            ports=ports if publish.published else None,
            release=self._forget,
        )
        with self._lock:
            self._containers[container] = reservations
        try:
            container.start()
            self._still_open()
        except BaseException:
            container.close()
            raise
        return container

    def _create(self, image: str, name: str, options: dict[str, Any]) -> Any:  # noqa: ANN401
        from docker.errors import APIError  # noqa: PLC0415

        with asking(f"make a container of {image}"):
            while True:
                full_name = self._name(name)
                try:
                    return self.client.containers.create(
                        image, name=full_name, labels=self.owner.labels_now(), detach=True, **options
                    )
                except APIError as error:
                    if error.status_code != _CONFLICT or full_name not in explain(error):
                        raise

    def _forget(self, container: Container) -> None:
        with self._lock:
            give_back(self._containers.pop(container, []))

    def _name(self, of: str) -> str:
        """A name that nobody else has, fit for DNS: ``netchaos-RUN-gw0-redis-1``."""
        with self._lock:
            self._count += 1
        words = ["netchaos", self.owner.run, self.owner.worker, of[:20], str(self._count)]
        return re.sub(r"[^a-z0-9-]+", "-", "-".join(words).lower())

    def _remove_all(self, reaper: Reaper) -> None:
        from docker.errors import DockerException  # noqa: PLC0415
        from requests.exceptions import RequestException  # noqa: PLC0415

        for attempt in range(_ATTEMPTS_TO_REMOVE):
            try:
                remove_owned(self.client, self.owner)
            except (DockerException, RequestException) as error:  # it was restarted, or is about to be
                if attempt == _ATTEMPTS_TO_REMOVE - 1:
                    reaper.hand_over()
                    self._report(f"Docker did not remove the containers: {explain(error)}; tried on for a minute")
            else:
                reaper.dismiss()
                return
