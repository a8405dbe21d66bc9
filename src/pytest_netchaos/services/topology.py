"""Several Redis servers that know each other by the addresses of their links."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from ..errors import NetchaosError, ServiceError, WaitTimeout, hide_own_errors
from .ports import Reservation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    from ..history import Outage
    from ..link import Link
    from ..network import Network
    from .resp import Argument, Reply

__tracebackhide__ = hide_own_errors

T = TypeVar("T")

#: Where servers dial each other from, so that links can tell them from clients (see `Network.link`).
BACKGROUND = "127.0.0.2"
#: Seconds between two looks at what no event tells of.
_LOOK_AGAIN = 0.005
#: Seconds that waits wait by default. A failover takes 1 s, and one that has to be tried again 3.
TIMEOUT = 60.0


class Machine(Protocol):
    """What runs one member: a process, or a container. `RedisServer` is one."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server itself, behind its link."""

    @property
    def state(self) -> str:
        """``"running"``, ``"paused"``, ``"down"``, ``"closed"`` or ``"not started"``."""

    @property
    def outages(self) -> tuple[Outage, ...]:
        """When it was paused, killed or stopped."""

    def start(self) -> float:
        """Start it, and return when it answers."""

    def restart(self, *, keep_data: bool = True) -> float:
        """Start it again, with its data or without."""

    def kill(self) -> float:
        """Kill it, and return when it has ended."""

    def pause(self) -> float:
        """Stop it in its tracks."""

    def resume(self) -> float:
        """Let it go on."""

    def execute(self, *arguments: Argument, timeout: float = 5.0) -> Reply:
        """Send it one command, past its link."""

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it logged."""

    def close(self) -> None:
        """End it and delete what it left."""


class MakeServer(Protocol):
    """Makes the server of one member, which isn't started yet: where and how it runs is decided here."""

    def __call__(self, *, name: str, port: int, options: Mapping[str, str], files: Mapping[str, str]) -> Machine:
        """Make a server.

        Args:
            name: What the member is called: ``"redis-1"``.
            port: Where it is to listen, on 127.0.0.1. The port is reserved for it.
            options: Its settings.
            files: The text of files that it may rewrite, see `RedisServer`.
        """


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member is going to be: known before any server starts, since they are told of each other."""

    name: str
    port: int
    link: Link


@dataclass(frozen=True, eq=False, slots=True)
class Member:
    """One server of a topology, and the link in front of it."""

    name: str
    #: The server itself: kill, pause, resume, restart, execute.
    server: Machine
    #: Where clients and the other members dial it.
    link: Link

    def __repr__(self) -> str:
        """Say who it is, and how it is."""
        return (
            f"<{type(self).__name__.lower()} {self.name!r} at {self.link.host}:{self.link.port}: {self.server.state}>"
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of its link: where it is, for everybody else."""
        return self.link.address

    def url(self, db: int = 0) -> str:
        """For a client, through its link: ``redis://127.0.0.1:PORT/0``."""
        return self.link.url("redis", str(db))


class Topology:
    """Starts members side by side, waits for them, and leaves nothing of them behind.

    Args:
        network: Makes the links, and closes them.
        make: Makes the servers.
        name: What the members' names begin with.
        timeout: Seconds that waits wait by default, and that the start may take.
    """

    def __init__(self, network: Network, make: MakeServer, name: str, timeout: float) -> None:
        self.name = name
        self._network = network
        self._make = make
        self._timeout = timeout
        self._reservations: list[Reservation] = []
        self._servers: list[Machine] = []

    def __enter__(self) -> Self:
        with self._closed_on_error():
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> float:
        """Start every member; return the monotonic time when all of them had found each other."""
        raise NotImplementedError

    def close(self) -> None:
        """Kill every member and delete its files. The links are the network's."""
        servers, self._servers = self._servers, []
        try:
            together(server.close for server in servers)
        finally:
            for reservation in self._reservations:
                reservation.close()

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _reserve(self) -> int:
        """Choose a port that nobody else gets until this is closed."""
        self._reservations.append(Reservation())
        return self._reservations[-1].port

    def _place(self, name: str) -> Place:
        port = self._reserve()
        return Place(name, port, self._network.link(port, name=name, background=[BACKGROUND]))

    def _server(self, place: Place, options: Mapping[str, str], files: Mapping[str, str]) -> Machine:
        server = self._make(name=place.name, port=place.port, options=options, files=files)
        self._servers.append(server)
        self._network.attend(place.name, lambda: server.outages)
        return server

    def _patience(self, timeout: float | None) -> float:
        return self._timeout if timeout is None else timeout


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make calls at the same time, each in a thread. Raises the first error, after all of them are over."""
    with ThreadPoolExecutor(16, "netchaos-together") as pool:
        running = [pool.submit(call) for call in calls]
    return [each.result() for each in running]


def start_member(member: Member) -> None:
    """Start a member's server. An error says which member it is about."""
    try:
        member.server.start()
    except NetchaosError as error:
        raise type(error)(f"{member.name}: {error}") from None


def check_count(name: str, count: object) -> None:
    """Refuse what is no number of members with a ``ValueError``."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"{name} must be a whole number from 1, not {count!r}")


def wait_until(
    met: Callable[[], bool],
    timeout: float,
    explain: Callable[[], str],
    cancelled: Callable[[], bool] = lambda: False,
) -> float:
    """Wait for what no event tells of; return the monotonic time when it was there.

    Raises:
        WaitTimeout: It didn't come in time; ``explain()`` says what was waited for, and how things are.
    """
    deadline = time.monotonic() + timeout
    while not met():
        if time.monotonic() > deadline or cancelled():
            raise WaitTimeout(f"waited {timeout:g} s for {explain()}")
        time.sleep(_LOOK_AGAIN)
    return time.monotonic()


def ask(member: Member, *arguments: Argument) -> Reply:
    """Ask a member's server, past its link. ``None`` if it can't answer."""
    with contextlib.suppress(ServiceError):
        return member.server.execute(*arguments, timeout=2.0)
    return None
