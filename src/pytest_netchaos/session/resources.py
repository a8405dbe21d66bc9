"""What the tests of one process share: an engine, a Docker daemon, a Redis server; each made when it is first used."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ..errors import EngineError, NetchaosError, PortInUse, ServiceError, hide_own_errors
from .choices import PLUGIN
from .early import Early

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..engines.base import Engine
    from ..history import Outage
    from ..options import Settings
    from ..services.docker.session import Docker
    from ..services.managed import ManagedRedis
    from ..services.redis_at import RedisAt
    from ..services.topology import MakeServer
    from ..services.toxiproxy.server import ToxiproxyServer
    from .choices import Choice

    Redis: TypeAlias = ManagedRedis | RedisAt

__tracebackhide__ = hide_own_errors

T = TypeVar("T")

#: Seconds for a start that nobody waits for any more to notice that.
_LAST_WORD = 1.0
#: What a start fails with.
_FAILURES = (ServiceError, EngineError, PortInUse)


class Resources:
    """Makes what the settings ask for, once, and ends it.

    A start that has failed (no Docker daemon, a wrong image, a program that isn't there) is final for the session: who
    asks again is told the same at once, rather than that each test waits for it. An engine that has died is another
    matter: it is followed by a new one.

    Args:
        settings: The options of the run.
        run: The run's id, the same in all of its processes.
        worker: This process's name among them: ``"gw0"``, or ``"main"``.
        report: Told in words what takes long: an image that is pulled.
        engines: Gives what makes the engines of plugins, by name.
    """

    def __init__(
        self,
        settings: Settings,
        run: str,
        worker: str,
        report: Callable[[str], None],
        engines: Callable[[], Mapping[str, Callable[[], Engine]]] = dict,
    ) -> None:
        self._settings = settings
        self._run = run
        self._worker = worker
        self._report = report
        self._plugged = engines
        self._engines: list[Engine] = []
        self._docker: Docker | None = None
        self._redis: Redis | None = None
        self._early: Early[Engine] | None = None
        #: What has failed to start, with the error.
        self._failures: dict[str, tuple[type[NetchaosError], tuple[object, ...]]] = {}
        self._ends = contextlib.ExitStack()

    def engine(self) -> Engine:
        """Give the engine: started on first use, and anew when it has died.

        Raises:
            NetchaosError: It can't be started, or could not be before.
        """
        if not self._engines or not self._engines[-1].is_alive:
            engine = self._once("engine", self._next_engine)
            self._engines.append(engine)
            self._ends.callback(engine.stop)
        return self._engines[-1]

    def docker(self) -> Docker:
        """Give the connection to the Docker daemon.

        Raises:
            DockerUnavailable: There is none, or there was none before.
        """
        if self._docker is None:
            self._docker = self._once("docker", self._find_docker)
            self._ends.callback(self._docker.close)
        return self._docker

    def redis(self) -> Redis:
        """Give the Redis server, running.

        Raises:
            NetchaosError: It can't be started, or could not be before.
        """
        if self._redis is None:
            self._redis = self._once("redis", self._start_redis)
        return self._redis

    def redis_outages(self) -> tuple[Outage, ...]:
        """Say when the Redis server was paused or down; nothing where there is none, or none that tests may break."""
        return () if self._redis is None else self._redis.outages

    def redis_factory(self) -> MakeServer:
        """Give what makes the members of a Redis topology.

        Raises:
            ServiceError: A server that runs elsewhere can't be made into one.
        """
        from ..services.local import container_servers, local_servers  # noqa: PLC0415 - only where a test uses it

        choice = self._settings.redis
        if choice.kind == "docker":
            return container_servers(self.docker(), choice.what)
        if choice.kind == "url":
            raise ServiceError(
                f"--netchaos-redis={choice} is one server, and a topology needs several of its own: choose embedded, "
                "local or docker"
            )
        return local_servers(choice.what or None)

    def close(self) -> None:
        """End all of it, the latest first."""
        try:
            self._ends.close()
        finally:
            if self._early is not None:
                self._early.join(_LAST_WORD)  # not for a pull: that ends with the process

    def _once(self, what: str, start: Callable[[], T]) -> T:
        """Start something, unless that has failed before."""
        if what in self._failures:
            kind, said = self._failures[what]
            raise kind(*said)  # a new one: the first has gathered the traceback of its test
        try:
            return start()
        except _FAILURES as error:
            self._failures[what] = type(error), error.args
            raise

    def _find_docker(self) -> Docker:
        from ..services.docker.session import Docker  # noqa: PLC0415 - only where a container is wanted

        return Docker(self._run, self._worker, report=self._report, host=self._settings.docker_host)

    def _start_redis(self) -> Redis:
        server = self._make_redis(self._settings.redis)
        self._ends.callback(server.close)
        self._start_engine_beside()
        server.start()
        return server

    def _start_engine_beside(self) -> None:
        """Start the engine at the same time where both are containers: who has a Redis puts a link in front of it."""
        if self._engines or "engine" in self._failures:
            return
        if self._settings.engine.kind == self._settings.redis.kind == "docker":
            self._early = Early(lambda: self._start_engine(self._settings.engine), lambda engine: engine.stop())
            self._ends.callback(self._early.drop)

    def _next_engine(self) -> Engine:
        """Take the one that was started beside Redis, or start one."""
        if self._early is not None and not self._engines:
            return self._early.take()
        return self._start_engine(self._settings.engine)

    def _make_redis(self, choice: Choice) -> Redis:
        if choice.kind == "docker":
            from ..services.redis_container import RedisContainer  # noqa: PLC0415

            return RedisContainer(self.docker(), image=choice.what)
        if choice.kind == "url":
            from ..services.redis_at import RedisAt  # noqa: PLC0415

            return RedisAt(choice.what, worker=self._number)
        from ..services.redis import RedisServer  # noqa: PLC0415

        return RedisServer(binary=choice.what or None)

    @property
    def _number(self) -> int:
        """Which of the workers this process is: 0 for the first, and for one that is alone."""
        number = self._worker.removeprefix("gw")
        return int(number) if number.isdigit() else 0

    def _start_engine(self, choice: Choice) -> Engine:
        if choice.kind == "embedded":
            from ..engines.embedded import EmbeddedEngine  # noqa: PLC0415 - only where a link is made

            return EmbeddedEngine()
        if choice.kind == PLUGIN:
            return self._plugged()[choice.what]()
        from ..engines.toxiproxy import ToxiproxyEngine  # noqa: PLC0415 - the same
        from ..services.docker.owner import Owner  # noqa: PLC0415

        server = self._start_toxiproxy(choice)
        try:
            return ToxiproxyEngine(server, Owner.here(self._run, self._worker))
        except BaseException:
            server.stop()
            raise

    def _start_toxiproxy(self, choice: Choice) -> ToxiproxyServer:
        if choice.kind == "toxiproxy":
            from ..services.toxiproxy.local import LocalToxiproxy  # noqa: PLC0415

            return LocalToxiproxy(choice.what)
        if choice.kind == "url":
            from ..services.toxiproxy.remote import RemoteToxiproxy  # noqa: PLC0415

            return RemoteToxiproxy(choice.what)
        from ..services.toxiproxy.container import ContainerToxiproxy  # noqa: PLC0415

        return ContainerToxiproxy(self.docker(), choice.what)
