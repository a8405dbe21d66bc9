"""A primary, its replicas, and the sentinels that watch them, each behind a link of its own."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

from ..errors import hide_own_errors
from ..waiting import in_thread
from . import sentinel_files as files
from .sentinel_view import View, hasten, offset_of
from .topology import TIMEOUT, Member, Topology, ask, check_count, start_member, together, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..network import Network
    from .topology import MakeServer, Place

__tracebackhide__ = hide_own_errors


class RedisSentinel(Topology):
    """A primary with replicas, and sentinels that put a replica in its place when it fails.

    **Everybody is where his link is.** The servers announce their links' addresses, so that sentinels name these to
    clients, and clients never leave the links. Servers and sentinels dial each other through the links too: cut the
    primary's link, and it is gone for everybody, as a machine with its cable cut; but it still runs, and takes itself
    for a primary until the link is whole again and the sentinels tell it. A link stops who dials *in*: what its own
    member dials goes through the other members' links. The links' dials, connections and hits are those of clients.

    A failure is noticed after ``down_after`` seconds; some 0.8 s later clients are told of another primary, and within
    1 s more the failover is over. It needs Redis 7 or Valkey. Links have names of their own in a test: give a second
    topology another ``name``.

    Calls are synchronous and safe from any thread; those that wait have an async twin. They ask the servers past
    the links. Start sentinels again with `restart`: on its own, one has the periods of an installation (10 s for INFO).

    Args:
        network: Where the links are made: the ``netchaos`` fixture.
        make: Makes the servers.
        replicas: How many.
        sentinels: How many.
        quorum: How many sentinels have to miss the primary; ``None``: more than half.
        service_name: What the sentinels call the primary.
        down_after: Seconds for which sentinels have to miss it.
        options: Further settings of the primary and the replicas.
        name: What the members' names begin with: ``"redis-1"``, ``"redis-sentinel-1"``.
        timeout: Seconds that waits wait by default, and that the start may take.
    """

    def __init__(
        self,
        network: Network,
        make: MakeServer,
        *,
        replicas: int = 2,
        sentinels: int = 3,
        quorum: int | None = None,
        service_name: str = "mymaster",
        down_after: float = 0.5,
        options: Mapping[str, str] | None = None,
        name: str = "redis",
        timeout: float = TIMEOUT,
    ) -> None:
        check_count("replicas", replicas)
        check_count("sentinels", sentinels)
        super().__init__(network, make, name, timeout)
        #: What sentinels call the primary: ``Sentinel(…).master_for(service_name)``.
        self.service_name = service_name
        self._options = dict(options or {})
        self._down_after = down_after
        self._quorum = sentinels // 2 + 1 if quorum is None else quorum
        with self._closed_on_error():
            self._servers_at = [self._place(f"{name}-{n}") for n in range(1, replicas + 2)]
            self._sentinels_at = [self._place(f"{name}-sentinel-{n}") for n in range(1, sentinels + 1)]
            first = self._servers_at[0]
            self.servers = tuple(self._make_server(at, None if at is first else first) for at in self._servers_at)
            self.sentinels = self._make_sentinels()
        self._view = View(service_name, self.servers, self.sentinels)
        #: Whom the test was last told to be the primary: `wait_for_failover` waits for another.
        self._known = self.servers[0]

    def __repr__(self) -> str:
        return f"<sentinel topology {self.name!r}: {', '.join(f'{m.name} {m.server.state}' for m in self._all)}>"

    @property
    def _all(self) -> tuple[Member, ...]:
        return *self.servers, *self.sentinels

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The links of the sentinels, for ``redis.sentinel.Sentinel(addresses)``."""
        return [member.address for member in self.sentinels]

    @property
    def primary(self) -> Member:
        """Whom all the sentinels that run take for the primary. While they disagree, it waits for the end of that.

        Raises:
            WaitTimeout: They went on disagreeing, or none of them runs.
        """
        found: list[Member] = []

        def agreed() -> bool:
            found[:] = filter(None, [self._view.primary()])
            return bool(found)

        wait_until(agreed, self._timeout, lambda: f"the sentinels to agree: {self._view.describe()}")
        self._known = found[0]
        return found[0]

    @property
    def replicas(self) -> tuple[Member, ...]:
        """The servers that aren't the primary, whether they run or not. Errors as for `primary`."""
        primary = self.primary
        return tuple(member for member in self.servers if member is not primary)

    def start(self) -> float:
        """Start everybody, and return when the replicas are in step and the sentinels know it.

        Raises:
            ServiceError: A member doesn't start; with its name, and the last lines of its log.
            WaitTimeout: They don't find each other.
        """
        # Not all at once: a replica that finds no primary tries again after 1 s, and a sentinel that finds a replica
        # out of step asks it again after 1 s.
        primary, *replicas = self.servers
        start_member(primary)
        together(partial(start_member, member) for member in replicas)
        self._await_ready(lambda: self._in_step(primary))
        together(partial(self._start_sentinel, member) for member in self.sentinels)
        return self._await_ready(self._view.is_complete)

    def failover(self, timeout: float | None = None) -> float:
        """Have the sentinels put a replica in the primary's place, although nothing is wrong with it.

        Args:
            timeout: Seconds; by default the topology's.

        Returns:
            The monotonic time when all sentinels had agreed on the new primary, and it knew.

        Raises:
            WaitTimeout: It didn't happen; says what the sentinels and the servers say.
        """
        return self._fail_over(timeout, lambda: False)

    async def failover_async(self, timeout: float | None = None) -> float:  # noqa: ASYNC109 - as the sync twin
        """Fail over like `failover`, without stopping the event loop."""
        return await in_thread(lambda cancelled: self._fail_over(timeout, cancelled), lambda: None)

    def kill_primary(self) -> float:
        """Kill the primary with SIGKILL; return the monotonic time when it had ended.

        Clients find out at once, the sentinels after ``down_after`` seconds: `wait_for_failover` waits for that.
        """
        return self.primary.server.kill()

    def wait_for_failover(self, old: Member | None = None, timeout: float | None = None) -> float:
        """Wait until all sentinels that run agree on another primary, and it knows that it is one.

        Args:
            old: Another than this one; by default than the one that `primary`, `kill_primary` or a failover last
                told of.
            timeout: Seconds; by default the topology's.

        Returns:
            The monotonic time when it was found so.

        Raises:
            WaitTimeout: It didn't happen; says what the sentinels and the servers say.
        """
        return self._await_failover(old or self._known, timeout, lambda: False)

    async def wait_for_failover_async(self, old: Member | None = None, timeout: float | None = None) -> float:  # noqa: ASYNC109
        """Wait like `wait_for_failover`, without stopping the event loop."""
        old = old or self._known
        return await in_thread(lambda cancelled: self._await_failover(old, timeout, cancelled), lambda: None)

    def wait_for_replicas(self, timeout: float | None = None) -> float:
        """Wait until every other server that runs follows the primary and has all that it has written until now.

        Args:
            timeout: Seconds; by default the topology's.

        Raises:
            WaitTimeout: One doesn't; says what the sentinels and the servers say.
        """
        return self._await_replicas(timeout, lambda: False)

    async def wait_for_replicas_async(self, timeout: float | None = None) -> float:  # noqa: ASYNC109
        """Wait like `wait_for_replicas`, without stopping the event loop."""
        return await in_thread(lambda cancelled: self._await_replicas(timeout, cancelled), lambda: None)

    def restart(self, member: Member, *, keep_data: bool = True, timeout: float | None = None) -> float:
        """Start a member again, and return when it has its place: an old primary as a replica of the new one.

        Args:
            member: Which.
            keep_data: With the data that it had, or empty.
            timeout: Seconds to find its place; by default the topology's.

        Raises:
            ServiceError: It doesn't start.
            WaitTimeout: It doesn't find its place.
        """
        return self._restart(member, timeout, lambda: False, keep_data=keep_data)

    async def restart_async(self, member: Member, *, keep_data: bool = True, timeout: float | None = None) -> float:  # noqa: ASYNC109
        """Restart like `restart`, without stopping the event loop."""
        return await in_thread(
            lambda cancelled: self._restart(member, timeout, cancelled, keep_data=keep_data), lambda: None
        )

    # Waits.

    def _await_ready(self, met: Callable[[], bool]) -> float:
        return wait_until(met, self._timeout, lambda: f"{self.name} to be ready: {self._view.describe()}")

    def _fail_over(self, timeout: float | None, cancelled: Callable[[], bool]) -> float:
        old = self.primary

        def is_over() -> bool:
            if self._has_new_primary(old):
                return True
            sentinel = next((each for each in self.sentinels if each.server.state == "running"), None)
            # One that finds no replica fit for it refuses, and one that takes too long gives up: again, then.
            if sentinel and not self._view.is_failing_over(sentinel) and self._view.primary() is old:
                ask(sentinel, "SENTINEL", "FAILOVER", self.service_name)
            return False

        return wait_until(is_over, self._patience(timeout), self._lack_of_failover(old), cancelled)

    def _await_failover(self, old: Member, timeout: float | None, cancelled: Callable[[], bool]) -> float:
        return wait_until(
            lambda: self._has_new_primary(old), self._patience(timeout), self._lack_of_failover(old), cancelled
        )

    def _has_new_primary(self, old: Member) -> bool:
        now = self._view.primary()
        if now is None or now is old or offset_of(now) is None:
            return False
        self._known = now
        return True

    def _lack_of_failover(self, old: Member) -> Callable[[], str]:
        return lambda: f"another primary than {old.name}: {self._view.describe()}"

    def _await_replicas(self, timeout: float | None, cancelled: Callable[[], bool]) -> float:
        return wait_until(
            lambda: (now := self._view.primary()) is not None and self._in_step(now),
            self._patience(timeout),
            lambda: f"the replicas to follow: {self._view.describe()}",
            cancelled,
        )

    def _in_step(self, primary: Member) -> bool:
        offset = offset_of(primary)
        return offset is not None and not self._view.stragglers(primary, offset)

    def _restart(
        self, member: Member, timeout: float | None, cancelled: Callable[[], bool], *, keep_data: bool
    ) -> float:
        member.server.restart(keep_data=keep_data)
        if member in self.sentinels:
            hasten(member)
        return self._await_replicas(timeout, cancelled)

    # Members.

    def _make_server(self, at: Place, primary: Place | None) -> Member:
        options = {**files.server_options(at), **self._options}
        return Member(at.name, self._server(at, options, {"redis.conf": files.server_file(primary)}), at.link)

    def _make_sentinels(self) -> tuple[Member, ...]:
        ids = [secrets.token_hex(20) for _ in self._sentinels_at]
        return tuple(self._make_sentinel(index, ids) for index in range(len(ids)))

    def _make_sentinel(self, index: int, ids: list[str]) -> Member:
        at = self._sentinels_at[index]
        text = files.sentinel_file(
            index,
            ids,
            self._sentinels_at,
            self._servers_at,
            service=self.service_name,
            quorum=self._quorum,
            down_after=self._down_after,
        )
        return Member(at.name, self._server(at, files.sentinel_options(), {"sentinel.conf": text}), at.link)

    def _start_sentinel(self, member: Member) -> None:
        start_member(member)
        hasten(member)
