"""The network of one test: its links, its timeline, and the promise that all of it is healed at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from . import addresses
from .addresses import UpstreamLike
from .engines.base import Engine
from .errors import DockerUnavailable, EngineError, LinkClosed, NetchaosError, hide_own_errors
from .link import MARKER, Link
from .marking.marker import Standing, faults_on
from .observed_network import ObservedNetwork
from .plans.plan_runs import PlanRuns
from .seeds import derive_seed
from .settling import QUIET, settle, settle_async

if TYPE_CHECKING:
    from .plan import Plan
    from .plans.plan_run import PlanRun
    from .replaying import ReplayOfTest
    from .services.docker.session import Docker
    from .services.server import ContainerServer
    from .services.wishes import Ready

__tracebackhide__ = hide_own_errors

#: Seconds that the waiting methods wait where nobody says how long.
TIMEOUT = 5.0


class Network(ObservedNetwork):
    """Makes links, and takes every fault back. The ``netchaos`` fixture is one.

    Args:
        engine: Gives the engine that carries the links, when the first link is made.
        seed: What every random decision in this network is drawn from.
        timeout: Seconds that waiting methods wait by default.
        standing: Faults that are in force on every link, or on some, from the moment it is made.
        docker: Gives the Docker daemon, when the first container is made.
        of_run: Faults that every link of the run is under, beside those.
        replay: What was recorded, where the test is to run again like that.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        seed: int = 0,
        timeout: float = TIMEOUT,
        standing: tuple[Standing, ...] = (),
        docker: Callable[[], Docker] | None = None,
        of_run: tuple[Standing, ...] = (),
        replay: ReplayOfTest | None = None,
    ) -> None:
        super().__init__()
        self.seed = seed
        self._docker_source = docker
        self._servers: list[ContainerServer] = []
        self._engine_source = engine
        self._engine: Engine | None = None
        self._timeout = timeout
        self._standing = standing
        self._of_run = of_run
        #: The plans of the test, for the plugin.
        self.plans = PlanRuns(self._links, timeout, standing)
        self._replay = replay
        self._unnamed = 0
        self._is_closed = False

    def __repr__(self) -> str:
        """Say which links there are."""
        return f"<network with {', '.join(map(repr, self._links)) or 'no links'}, seed {self.seed}>"

    def link(
        self,
        upstream: UpstreamLike,
        *,
        name: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        background: Iterable[str] = (),
    ) -> Link:
        """Put a link in front of a server. Clients that dial it can be dialled at once, and cut off at will.

        Args:
            upstream: The server: ``"host:port"``, ``("host", port)``, a port of 127.0.0.1, a URL with a port,
                ``"unix:/path"``, a ``Path``, or anything with ``.host`` and ``.port``. It need not listen yet.
            name: What errors and reports call it, and its seed is derived from; by default the upstream as it is
                written, and the seed is that of the first, second, … link without a name.
            host: The loopback address to listen at: ``"::1"`` for IPv6.
            port: The port to listen at; 0 takes a free one.
            background: The IP addresses of those that dial through the link and aren't clients: replicas, monitors.
                They are served, and hit by faults, like anybody else; but the link's dials, connections and hits are
                of the others only. On the loopback, give them a source address of their own: ``["127.0.0.2"]``.

        Raises:
            UpstreamError: the upstream can't be understood, or nobody knows the host.
            PortInUse: somebody else has the port.
            ValueError: the name is taken, the host isn't this machine's loopback, or ``background`` isn't IP addresses.
        """
        if self._is_closed:
            raise LinkClosed("netchaos.link() after the end of the test that owned this network")
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:  # noqa: PLR2004 - TCP's range
            raise ValueError(f"port must be a whole number from 0 (a free one) to 65535, not {port!r}")
        found = addresses.upstream(upstream)
        hosts = addresses.numeric_hosts("background", background)
        given, name = name, self._name(name, found.name)
        replay = None if self._replay is None else self._replay.link(name, is_named=given is not None)
        self._engine = self._engine_source()
        made = self._engine.open(name, found, host, port, self._link_seed(given), hosts)
        link = self._links[name] = Link(name, found.name, made, self._timeout, found.url_defaults, self._lag_monitor)
        link.replay = replay
        self._lag_monitor.watch()
        for fault in faults_on(name, self._standing, self._of_run):
            link.inject_by(MARKER, fault)
        self.plans.linked(link)
        return link

    def container(
        self,
        image: str,
        *,
        port: int | Iterable[int] = (),
        name: str | None = None,
        command: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        ready: Ready = None,
        timeout: float = 60.0,
    ) -> ContainerServer:
        """Start a server in a container, with a link in front of each of its ports; return when it is ready.

        ::

            db = netchaos.container("postgres:17", port=5432, env={"POSTGRES_PASSWORD": "x"}, name="db")
            with db.link.cut(): ...
            db.kill(); db.start()

        Args:
            image: Pulled if it isn't there; pin its version.
            port: The port inside it, or several.
            name: What its links are called (the second and further ones with ``:port`` after it); by default the
                image's, without its version. One that is given is also what other containers of the run find it by.
            command: In place of the image's own.
            env: Its environment, over the image's.
            ready: What proves that it serves: a text in its log, or a function of host and port that is true then (and
                may raise ``OSError`` before). By default: somebody inside accepts a connection and keeps it.
            timeout: Seconds for that, once the image is there.

        Raises:
            TypeError: An argument is of the wrong kind; nothing has been started then.
            ValueError: An argument is none that can be, or the name is taken; likewise.
            DockerUnavailable: There is no Docker daemon.
            ServiceError: The image can't be had, or the server ends, or isn't ready in time; with its log.
        """
        from .services.docker.images import basename  # noqa: PLC0415
        from .services.server import start_server  # noqa: PLC0415 - only where a container is wanted
        from .services.wishes import Wishes  # noqa: PLC0415 - the same

        if self._is_closed:
            raise LinkClosed("netchaos.container() after the end of the test that owned this network")
        wishes = Wishes.check(image, port, command, env, ready, timeout)
        # Not the container's name, which is another one in each run: seeds hang on a link's.
        link_name = self._name(name, basename(image))
        for further in wishes.ports[1:]:
            if name:
                self._name(f"{name}:{further}", "")
        if self._docker_source is None:
            raise DockerUnavailable("this network was made without a way to Docker: Network(…, docker=…)")
        server = start_server(
            self._docker_source(),
            wishes,
            link=lambda address, called: self.link(address, name=called if name else self._name(None, called)),
            name=name or "",
            link_name=link_name,
        )
        self._servers.append(server)
        self.attend(link_name, lambda: server.outages)
        return server

    def run(self, plan: Plan) -> PlanRun:
        """Begin a plan, and return at once; its steps come by themselves, until `heal` or the end of the test.

        ::

            run = netchaos.run(Plan(Step(Cut(), at=0.5, for_=0.2), Step(Reset(), on=OnConnection(3))))
            ...
            run.wait()

        Raises:
            TypeError: it isn't a plan.
            ValueError: a step is for a link that isn't there, or the links have seen what its trigger waits for.
            UnsupportedFault: the engine of this run can't do what is due at once.
        """
        if self._is_closed:
            raise LinkClosed("netchaos.run() after the end of the test that owned this network")
        return self.plans.start(plan)

    def end_test(self) -> None:
        """End what goes on by itself: the test is over. For the plugin."""
        self.plans.end("the test was over")
        self.stop_watch()

    def remarks(self) -> list[str]:
        """Say what may explain a failure beside the network: lags, plans that were late, a replay that diverged."""
        return [*super().remarks(), *self.plans.remarks(), *self.divergences()]

    def divergences(self) -> list[str]:
        """Say what came otherwise than in the recording that is replayed, a line each."""
        return [] if self._replay is None else self._replay.remarks(self.histories())

    def heal(self) -> float:
        """Take every fault of every link back, and end the plans; return the time when none was in force any more."""
        self.plans.end("netchaos was healed")
        return max((link.heal() for link in self._links.values()), default=time.monotonic())

    def settle(self, quiet: float = QUIET, within: float | None = None, *, heartbeat_bytes: int = 0) -> float:
        """Heal, and wait until all is quiet: no dial, connection opened or closed, byte, send or delivery.

        Returns since when. A client that waits before it dials again is quiet: first assert that it ``reconnected``.

        Args:
            quiet: Seconds without anything.
            within: Seconds for all of it; by default the option ``--netchaos-timeout``.
            heartbeat_bytes: What each connection may carry in ``quiet`` seconds, for clients with faster heartbeats.

        Raises:
            WaitTimeout: It wasn't in time; says what went on, and where.
        """
        return settle(self, quiet, self._timeout if within is None else within, heartbeat_bytes)

    async def settle_async(
        self, quiet: float = QUIET, within: float | None = None, *, heartbeat_bytes: int = 0
    ) -> float:
        """Settle like `settle`, without stopping the event loop (asyncio or trio)."""
        return await settle_async(self, quiet, self._timeout if within is None else within, heartbeat_bytes)

    def close(self, *, passed: bool = True) -> None:
        """Heal and close every link. What they saw stays readable.

        Args:
            passed: Whether the test has passed; one that failed or was skipped on its way need not have made all the
                links that its marker names.

        Raises:
            EngineDied: the engine died during the test; its log's tail is in the message.
            EngineError: a link could not do what it was told, and the test couldn't know.
            NetchaosError: a marker names a link that there never was.
        """
        self._is_closed = True
        self.stop_watch()
        failures: list[NetchaosError] = []
        try:
            self.plans.finish()
        except NetchaosError as error:
            failures.append(error)
        for link in self._links.values():
            try:
                link.shut()
            except NetchaosError as error:  # the other links are to be closed all the same
                failures.append(error)
        for server in self._servers:
            try:
                server.close()
            except NetchaosError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        if self._engine is not None:
            self._engine.check()
        if passed:
            self._check_standing()
        troubles = [f"link {link.name!r}: {text}" for link in self._links.values() for text in link.troubles]
        if troubles:
            raise EngineError("; ".join(troubles))

    def _check_standing(self) -> None:
        if self._replay is not None and (missing := self._replay.missing):
            raise NetchaosError(
                f"--netchaos-replay: the recording has a link {missing[0]!r}, which this test never made"
            )
        named = {name for standing in self._standing for name in standing.names}
        if missing := sorted(named - set(self._links)):
            known = ", ".join(map(repr, self._links)) or "none"
            raise NetchaosError(
                f"@pytest.mark.flaky_network names the link {missing[0]!r}, which this test never made: it made {known}"
            )

    def _link_seed(self, name: str | None) -> int:
        """Derive a link's seed; one without a name has an upstream's port in it, which is another one in each run."""
        if name is not None:
            return derive_seed(self.seed, name)
        self._unnamed += 1
        return derive_seed(self.seed, "", str(self._unnamed))

    def _name(self, name: str | None, default: str) -> str:
        if name is None:
            name = default
            count = 1
            while name in self._links:
                count += 1
                name = f"{default} #{count}"
        if not name or not isinstance(name, str):
            raise ValueError(f"name must be a text that tells links apart, not {name!r}")
        if name in self._links:
            raise ValueError(f"name must be unique in a test, and there is a link {name!r} already")
        return name
