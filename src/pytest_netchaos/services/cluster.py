"""A Redis cluster, each node of which is behind a link of its own."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..errors import ServiceError, hide_own_errors
from ..waiting import in_thread
from .cluster_files import Seat, Seen, node_file, node_options, parse_nodes, settings_file, share_out
from .topology import TIMEOUT, Member, Topology, ask, check_count, start_member, together, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..network import Network
    from .resp import Argument
    from .topology import MakeServer

__tracebackhide__ = hide_own_errors


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Node(Member):
    """One node of a cluster."""

    #: What the cluster calls it.
    id: str
    #: The slots that it has at the start.
    slots: range


class RedisCluster(Topology):
    """A cluster of primaries, without replicas, that share the keys out.

    The nodes announce their links' addresses: what a client is told (``CLUSTER SLOTS``, ``MOVED``) are links, and it
    never leaves them. Among themselves the nodes speak past the links: a node whose link is cut is gone for clients,
    while the cluster thinks that all is well. To take it from the cluster too, `kill` or pause it. It needs Redis 7 or
    Valkey.

    Calls are synchronous and safe from any thread; those that wait have an async twin.

    Args:
        network: Where the links are made: the ``netchaos`` fixture.
        make: Makes the servers.
        nodes: How many.
        node_timeout: Seconds after which a node that doesn't answer the others counts as failed.
        options: Further settings of the nodes. By default, as everywhere, a cluster that lacks a node serves no key at
            all: ``{"cluster-require-full-coverage": "no"}`` is for one that goes on.
        name: What the nodes' names begin with: ``"cluster-1"``.
        timeout: Seconds that waits wait by default, and that the start may take.
    """

    def __init__(
        self,
        network: Network,
        make: MakeServer,
        *,
        nodes: int = 3,
        node_timeout: float = 1.0,
        options: Mapping[str, str] | None = None,
        name: str = "cluster",
        timeout: float = TIMEOUT,
    ) -> None:
        check_count("nodes", nodes)
        super().__init__(network, make, name, timeout)
        self._node_timeout = node_timeout
        self._options = dict(options or {})
        with self._closed_on_error():
            self._seats = [self._seat(n, slots) for n, slots in enumerate(share_out(nodes), 1)]
            self._void = self._reserve()
            self.nodes = tuple(map(self._make_node, range(nodes)))

    def __repr__(self) -> str:
        return f"<cluster {self.name!r}: {', '.join(f'{node.name} {node.server.state}' for node in self.nodes)}>"

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The links of the nodes, for a client to start with."""
        return [node.address for node in self.nodes]

    def url(self) -> str:
        """The first node, through its link: for a client that asks there for the others."""
        return self.nodes[0].url()

    def start(self) -> float:
        """Start every node, and return when each serves its slots and knows the others.

        Raises:
            ServiceError: A node doesn't start; with its name, and the last lines of its log.
            WaitTimeout: They don't find each other.
        """
        together(partial(start_member, node) for node in self.nodes)
        self._await_ready(self._may_take_over)
        for node in self.nodes:
            node.server.execute("CLUSTER", "FAILOVER", "TAKEOVER")
        self._await_ready(lambda: all(map(self._has_its_slots, self.nodes)))
        together(partial(self._settle, node) for node in self.nodes)
        return self._await_ready(self._is_ok)

    def owner(self, key: str | bytes) -> Node:
        """Which node has a key, or would have it.

        Raises:
            ServiceError: No node answers, or none has it.
        """
        slot = self._ask_any("CLUSTER", "KEYSLOT", key)
        ranges = self._ask_any("CLUSTER", "SLOTS")
        assert isinstance(slot, int)
        assert isinstance(ranges, list)
        ids = [each[2][2] for each in ranges if each[0] <= slot <= each[1]]
        for node in self.nodes:
            if node.id.encode() in ids:
                return node
        raise ServiceError(f"no node of the cluster {self.name!r} has slot {slot}, that of {key!r}")

    def kill(self, node: Node) -> float:
        """Kill a node with SIGKILL; return the monotonic time when it had ended.

        Clients find out at once, the other nodes after ``node_timeout``.
        """
        return node.server.kill()

    def restart(self, node: Node, *, keep_data: bool = True, timeout: float | None = None) -> float:
        """Start a node again, and return when the cluster is whole: a node that comes back serves nothing for 2 s.

        Args:
            node: Which.
            keep_data: With the keys that it had, or without; it has the same slots in either case.
            timeout: Seconds for the cluster to become whole; by default the topology's.

        Raises:
            ServiceError: It doesn't start.
            WaitTimeout: The cluster isn't whole in time.
        """
        return self._restart(node, timeout, lambda: False, keep_data=keep_data)

    async def restart_async(self, node: Node, *, keep_data: bool = True, timeout: float | None = None) -> float:  # noqa: ASYNC109 - as the sync twin
        """Restart like `restart`, without stopping the event loop."""
        return await in_thread(
            lambda cancelled: self._restart(node, timeout, cancelled, keep_data=keep_data), lambda: None
        )

    def wait_until_ok(self, timeout: float | None = None) -> float:
        """Wait until every node that runs says that the cluster is well, and sees each other one that runs.

        Args:
            timeout: Seconds; by default the topology's.

        Raises:
            WaitTimeout: It didn't happen; says what each node says.
        """
        return self._await_ok(timeout, lambda: False)

    async def wait_until_ok_async(self, timeout: float | None = None) -> float:  # noqa: ASYNC109 - as the sync twin
        """Wait like `wait_until_ok`, without stopping the event loop."""
        return await in_thread(lambda cancelled: self._await_ok(timeout, cancelled), lambda: None)

    def _restart(self, node: Node, timeout: float | None, cancelled: Callable[[], bool], *, keep_data: bool) -> float:
        node.server.restart(keep_data=keep_data)
        return self._await_ok(timeout, cancelled)

    def _await_ok(self, timeout: float | None, cancelled: Callable[[], bool]) -> float:
        return wait_until(self._is_ok, self._patience(timeout), self._lack, cancelled)

    def _await_ready(self, met: Callable[[], bool]) -> float:
        return wait_until(met, self._timeout, self._lack)

    def _lack(self) -> str:
        return f"the cluster {self.name!r} to be whole: " + "; ".join(map(self._describe, self.nodes))

    def _settle(self, node: Node) -> None:
        for seat in self._seats:
            node.server.execute("CLUSTER", "FORGET", seat.predecessor)
        if "cluster-node-timeout" not in self._options:
            node.server.execute("CONFIG", "SET", "cluster-node-timeout", round(self._node_timeout * 1000))
        node.server.execute("CONFIG", "REWRITE")

    # What the nodes say.

    def _running(self) -> list[Node]:
        return [node for node in self.nodes if node.server.state == "running"]

    def _is_ok(self) -> bool:
        running = self._running()
        return bool(running) and all(_state(node) == "ok" and self._sees(node, running) for node in running)

    @staticmethod
    def _sees(node: Node, others: list[Node]) -> bool:
        seen = _seen(node)
        return all(other.id in seen and seen[other.id].is_well for other in others)

    def _may_take_over(self) -> bool:
        """Whether each is content with its predecessors, and can tell each other node at once what happens to them."""
        views = [_seen(node) for node in self.nodes if _state(node) == "ok"]
        return len(views) == len(self.nodes) and all(
            node.id in seen and seen[node.id].is_connected for seen in views for node in self.nodes
        )

    def _has_its_slots(self, node: Node) -> bool:
        """Whether everybody knows that this node has its slots."""
        return all(node.id in seen and seen[node.id].slots == len(node.slots) for seen in map(_seen, self.nodes))

    def _ask_any(self, *question: Argument) -> object:
        for node in self._running():
            if (answer := ask(node, *question)) is not None:
                return answer
        raise ServiceError(f"no node of the cluster {self.name!r} answers: {self!r}")

    def _describe(self, node: Node) -> str:
        if node.server.state != "running":
            return f"{node.name} is {node.server.state}"
        names = {each.id: each.name for each in self.nodes}
        ill = [names.get(id_, id_) for id_, seen in _seen(node).items() if not seen.is_well]
        return f"{node.name} says {_state(node)}" + (f", and misses {', '.join(ill)}" if ill else "")

    # Nodes.

    def _seat(self, number: int, slots: range) -> Seat:
        place = self._place(f"{self.name}-{number}")
        return Seat(place, self._reserve(), secrets.token_hex(20), secrets.token_hex(20), slots)

    def _make_node(self, index: int) -> Node:
        seat = self._seats[index]
        options = {**node_options(seat), **self._options}
        files = {"redis.conf": settings_file(), "nodes.conf": node_file(index, self._seats, self._void)}
        server = self._server(seat.place, options, files)
        return Node(seat.place.name, server, seat.place.link, seat.id, seat.slots)


def _state(node: Node) -> str:
    """What the node says of the cluster: ``"ok"``, ``"fail"``, or ``"nothing"``."""
    info = ask(node, "CLUSTER", "INFO")
    if not isinstance(info, bytes):
        return "nothing"
    return info.decode().partition("cluster_state:")[2].split("\r\n")[0]


def _seen(node: Node) -> dict[str, Seen]:
    nodes = ask(node, "CLUSTER", "NODES")
    return parse_nodes(nodes.decode()) if isinstance(nodes, bytes) else {}
