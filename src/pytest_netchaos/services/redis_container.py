"""A Redis server in a container, that a test may pause, kill and restart."""

from __future__ import annotations

import itertools
import os
import secrets
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ..errors import PortInUse, ServiceError, hide_own_errors
from .docker.container import NobodyThere
from .launch import Setup, command_line
from .managed import ManagedRedis
from .ports import LastingAddress
from .resp import Connection, ProtocolError
from .site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .docker.container import Container
    from .docker.session import Docker

__tracebackhide__ = hide_own_errors

IMAGE = "redis:7"
#: Inside the container.
_PORT = 6379
#: Where a container finds the files that were made for it.
_HOME = PurePosixPath("/netchaos")
#: Seconds for one look; a server that loads its data answers "LOADING" at once.
_LOOK = 0.2
_numbers = itertools.count(1)


class RedisContainer(ManagedRedis):
    """A Redis server in a container, on a port that it keeps for life. Nothing runs before `start`.

    It is to tests what `RedisServer` is, with the same verbs: the port stays reserved while the server is down, every
    acknowledged write survives `kill`, and a restart without the data makes a new container on the same port.

    Args:
        docker: Where containers come from; it also removes this one when the process ends.
        image: Any image with a ``redis-server`` on its ``PATH`` and a working directory that it may write to; a
            ``valkey-server``, if the image is called so.
        port: The port; 0 for a free one, which the first `start` chooses.
        network: ``"bridge"``: on the containers' own network, its port published on this machine. ``"host"``: in this
            machine's network, where it listens itself, as on Linux only.
        options: Further settings by name: ``{"maxmemory": "10mb"}``. Not ``requirepass``: the server has to answer us.
        env: The container's environment, over the image's.
        timeout: Seconds for a start, once the image is there. It takes some 0.5 s.
        files: As for `RedisServer`. They are kept in a directory of this machine, so ``network`` has to be ``"host"``.
    """

    def __init__(
        self,
        docker: Docker,
        *,
        image: str = IMAGE,
        port: int = 0,
        network: str = "bridge",
        options: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 20.0,
        files: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        if files and network != "host":
            raise ValueError("files need network='host': only a daemon on this machine can show them to a container")
        if network not in {"bridge", "host"}:
            raise ValueError(f"network must be 'bridge' or 'host', not {network!r}")
        self._docker = docker
        self._image = image
        self._wanted_port = port
        self._in_host_network = network == "host"
        self._setup = Setup(dict(options or {}), dict(files or {}), timeout)
        self._site: Site | None = None
        self._env = dict(env or {})
        self._timeout = timeout
        self._lasting: LastingAddress | None = None
        self._container: Container | None = None
        self._alias = f"redis-{next(_numbers)}"
        # A setting that nobody else's server has, and that does nothing: it proves who answers.
        self._proof = f"netchaos-{secrets.token_hex(8)}.rdb"

    @property
    def container(self) -> Container:
        """What it runs in, another one after a restart without the data. ``ServiceError`` before the first `start`."""
        if self._container is None:
            raise self._refusal("it has no container yet")
        return self._container

    @property
    def inside(self) -> tuple[str, int]:
        """Host and port by which other containers of the same `Docker` reach it, the same for life.

        Raises:
            ServiceError: It is in this machine's own network, where only containers of that network reach it.
        """
        if self._in_host_network:
            raise ServiceError('with network="host" only containers of that network reach it, at its address')
        return self._alias, _PORT

    @property
    def _address(self) -> tuple[str, int] | None:
        return self._lasting.address if self._lasting else None

    def _start_machine(self, *, empty: bool) -> Container:
        old = self._container
        if old and not empty:
            old.start()
            return self._await_ready(old)
        self._lasting = self._lasting or self._new_address()
        # The new one first: while neither is, its port would be nobody's.
        self._container = self._lasting.start(self._make)
        if old:
            old.close()
        return self._container

    def _new_address(self) -> LastingAddress:
        route = self._docker.route
        if self._in_host_network and not route.is_native:
            raise ServiceError(
                'network="host" needs a Docker daemon whose containers share this machine\'s network: Linux, not '
                "rootless, not remote, and not Docker Desktop"
            )
        return LastingAddress(route.dial_host, self._wanted_port, lambda port, _host: self._docker.reserve(port))

    def _make(self, address: tuple[str, int]) -> Container:
        port = address[1]
        # A container's own network is its fence; loopback, in it, would be out of everybody's reach.
        listen = (
            {"bind": address[0], "port": str(port)}
            if self._in_host_network
            else {"bind": "0.0.0.0", "port": str(_PORT), "protected-mode": "no"}  # noqa: S104 - as said
        )
        if "sentinel.conf" not in self._setup.files:
            listen["dbfilename"] = self._proof
        if self._setup.files:
            listen["dir"] = str(_HOME / "data")
        container = self._docker.run(
            self._image,
            command=[self._program, *command_line(listen, _HOME, self._setup)],
            **self._home(),
            env=self._env,
            fixed_ports=None if self._in_host_network else {_PORT: port},
            name="redis",
            alias=self._alias,
            network="host" if self._in_host_network else None,
        )
        try:
            return self._await_ready(container, address)
        except BaseException:
            container.close()
            raise

    def _home(self) -> dict[str, Any]:
        """Show it the directory of its files, if it has some."""
        if not self._setup.files:
            return {}
        self._site = self._site or Site(self._docker.route.dial_host, 0, "redis")
        self._site.empty()
        self._setup.write_files(self._site.home)
        return {
            "volumes": {str(self._site.home): {"bind": str(_HOME), "mode": "rw"}},
            "user": f"{os.getuid()}:{os.getgid()}",
            "entrypoint": [],  # the image's own would become a user that can't write there
        }

    @property
    def _program(self) -> str:
        directory, slash, name = self._image.partition("@")[0].rpartition("/")
        return "valkey-server" if "valkey" in directory + slash + name.partition(":")[0] else "redis-server"

    def _await_ready(self, container: Container, address: tuple[str, int] | None = None) -> Container:
        where = address or self.address
        try:
            container.wait_ready(lambda: self._answers(container, where), self._timeout)
        except ServiceError:
            if "already in use" in container.log_tail().lower():
                raise PortInUse(f"{where[0]}:{where[1]} is taken by another program: {container.log_tail(1)}") from None
            raise
        return container

    def _answers(self, container: Container, address: tuple[str, int]) -> bool:
        """Whether it serves; an error if what is in the container is no Redis."""
        try:
            return self._serves(address)
        except ProtocolError as error:
            if self._in_host_network:  # another program has the port, and this one is about to find out
                return False
            raise container.failure(f"is no Redis ({error})") from None
        except ConnectionError:
            port = address[1] if self._in_host_network else _PORT
            raise NobodyThere(f"port {port} refuses, or hangs up") from None
        except OSError:
            return False

    def _serves(self, address: tuple[str, int]) -> bool:
        """Whether that very server answers there: in the machine's network, another one could."""
        with Connection(address, _LOOK) as connection:
            if "sentinel.conf" in self._setup.files:  # a sentinel has no such setting; its port is reserved for it
                return connection.call("PING") == "PONG"
            pong, proof = connection.pipeline([("PING",), ("CONFIG", "GET", "dbfilename")])
        mine = self._setup.options.get("dbfilename", self._proof).encode()
        return pong == "PONG" and isinstance(proof, list) and proof[-1:] == [mine]

    def _release(self) -> None:
        try:
            if self._container:
                self._container.close()
        finally:
            if self._lasting:
                self._lasting.close()
            if self._site:
                self._site.close()
