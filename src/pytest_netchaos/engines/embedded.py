"""The default engine: our own relay, in a process of its own, with nothing to install.

A process and not a thread: in a busy test process the interpreter's lock made a relay's round trip 20.6 ms, against
19 µs in its own process.
"""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager

from ..addresses import Upstream
from ..errors import hide_own_errors
from ..linklog import LinkLog
from .base import ApiAddress
from .channel import Channel
from .embedded_link import EmbeddedLink
from .ports import HandedPorts, OrderedPorts, Reserved
from .relay_process import RelayProcess, relay_kind

__tracebackhide__ = hide_own_errors


_RAW_SOCKET = "without the right to open a raw socket (root, or CAP_NET_RAW)"


class EmbeddedEngine:
    """Runs the relay and speaks with it."""

    name = "embedded"

    def __init__(self) -> None:
        """Start the relay. On Linux it boots while the test goes on: links can be made, and dialled, at once.

        Raises:
            EngineError: it has not started, or ``NETCHAOS_RELAY`` has a wrong value.
        """
        kind = relay_kind()
        self._links: dict[int, EmbeddedLink] = {}
        self._ids = itertools.count(1)
        self._api: ApiAddress | None = None
        #: Whether the relay sees dials to a closed port; ``None`` until it has said so.
        self._sees_all: bool | None = None
        self._process = RelayProcess(kind)
        self.channel = Channel(self._process.sock, self._event, self._process.obituary)
        self._ports = HandedPorts() if kind == "linux" else OrderedPorts(self.channel)
        #: What it takes to see them, and is lacking where the relay does not.
        self.lacks = _RAW_SOCKET if kind == "linux" else "on any system but Linux"
        self.channel.post("hello")

    def __repr__(self) -> str:
        """Say which process it is."""
        return f"<embedded engine, process {self._process.pid}>"

    @property
    def pid(self) -> int:
        """The relay's process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can carry links."""
        return self.channel.is_open and self._process.is_alive

    def open(
        self, name: str, upstream: Upstream, host: str, port: int, seed: int, background: tuple[str, ...] = ()
    ) -> EmbeddedLink:
        """Make a link. It can be dialled when this returns.

        Args:
            name: What errors and reports call it.
            upstream: Where it leads.
            host: The loopback address to listen at.
            port: The port, or 0 for a free one.
            seed: What the random decisions of its faults are drawn from.
            background: The hosts whose dials are served like any other, and not logged.

        Raises:
            PortInUse: somebody else has the port.
            EngineDied: the relay is dead.
        """
        self.channel.raise_failures()
        with self.reserve(host, port) as reserved:
            link = EmbeddedLink(self, reserved.id, LinkLog(name), reserved.address, seed, background)
            arguments = (",".join(background), *spell_addresses(upstream.numeric))
            self.carry(link, "link", arguments, reserved.sockets)
        return link

    def api(self, seed: int = 0) -> ApiAddress:
        """Say where its Toxiproxy API listens, on loopback; start it with the first call. Its proxies end with us.

        Args:
            seed: What its proxies draw their random decisions from; the one of the first call stays.

        Raises:
            EngineDied: the relay is dead.
            EngineError: it can't serve an API.
        """
        self.check()
        if self._api is None:
            with self._ports.reserve_one("api") as reserved:
                self.channel.post("api", seed, fds=[sock.fileno() for sock in reserved.sockets])
                self._api = ApiAddress(*reserved.address, is_shared=False)
        return self._api

    def reserve(self, host: str, port: int, inner: str | None = None) -> AbstractContextManager[Reserved]:
        """Number a link and reserve its port, until it is carried: see `HandedPorts.reserve`."""
        return self._ports.reserve(next(self._ids), host, port, inner)

    def carry(
        self, link: EmbeddedLink, command: str, arguments: Iterable[object], sockets: Iterable[socket.socket]
    ) -> None:
        """Hand a link to the relay, with the sockets that are to be handed over; ours may be closed afterwards."""
        with self.channel.locked():
            self._links[link.id] = link
        self.channel.post(command, link.id, *arguments, fds=[sock.fileno() for sock in sockets])

    def forget(self, link: EmbeddedLink) -> None:
        """Take a closed link off the books."""
        with self.channel.locked():
            self._links.pop(link.id, None)

    def sees_all_dials(self) -> bool:
        """Whether the relay sees dials to a closed port."""
        if self._sees_all is None:
            self.channel.request("sync")
        return bool(self._sees_all)

    def check(self) -> None:
        """Raise what went wrong since the last call.

        Raises:
            EngineDied: the relay is dead.
            EngineError: it refused a command.
        """
        if self.channel.is_open and not self._process.is_alive:
            self.channel.wait(lambda: False, time.monotonic() + 1.0)  # reads the end of the channel, and raises
        self.channel.raise_failures()

    def stop(self) -> None:
        """Hang up, and see the relay end."""
        self.channel.close()
        self._process.stop()

    def _event(self, event: list[str]) -> None:
        """Take one event from the relay. Called under the channel's lock."""
        kind = event[0]
        if self._ports.told(event):
            return
        if kind == "hello":
            self._sees_all = event[1] == "1"
        elif kind == "count":
            if link := self._links.get(int(event[1])):
                link.log.counted(*(int(number) for number in event[2:]))
        elif link := self._links.get(int(event[2])):
            link.event(kind, float(event[1]), *event[3:])


def spell_addresses(numeric: Iterable[tuple[str, str, int]]) -> tuple[object, ...]:
    """Write addresses as the relay's commands have them, one after the other."""
    return tuple(part for family_host_port in numeric for part in family_host_port)
