"""The ports of links: bound here and handed to the relay (Linux), or bound by the relay, as every system allows."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..addresses import loopback
from ..errors import EngineDied, EngineError, PortInUse, hide_own_errors

if TYPE_CHECKING:
    from .channel import Channel

__tracebackhide__ = hide_own_errors


@dataclass(frozen=True, slots=True)
class Reserved:
    """A port for a link that is about to be made."""

    #: The link's number.
    id: int
    #: Where clients dial.
    address: tuple[str, int]
    #: Where a proxy behind the link dials the relay; 0 where there is none.
    inner_port: int = 0
    #: What is to be handed over with the command that makes the link.
    sockets: tuple[socket.socket, ...] = ()


class HandedPorts:
    """Binds ports here: a link can be dialled at once, even while the relay still boots."""

    @contextlib.contextmanager
    def reserve(self, id_: int, host: str, port: int, inner: str | None = None) -> Iterator[Reserved]:
        """Reserve a port until the link is handed over.

        Args:
            id_: The link's number.
            host: The loopback address to listen at.
            port: The port, or 0 for a free one.
            inner: Where a proxy behind the link is to find the relay, if there is one.

        Raises:
            PortInUse: somebody else has the port.
            EngineError: ``inner`` is no address of this machine.
        """
        with contextlib.ExitStack() as ours:
            sockets = [ours.enter_context(sock) for sock in listen(host, port)]
            inner_port = 0
            if inner is not None:
                sockets.append(ours.enter_context(_listen_inside(inner)))
                inner_port = sockets[-1].getsockname()[1]
            yield Reserved(id_, sockets[0].getsockname(), inner_port, tuple(sockets))

    @contextlib.contextmanager
    def reserve_one(self, role: str) -> Iterator[Reserved]:  # noqa: ARG002 - see `OrderedPorts`
        """Reserve a free port of 127.0.0.1 for something of the relay's that is no link."""
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            yield Reserved(0, listener.getsockname(), sockets=(listener,))

    def told(self, event: list[str]) -> bool:  # noqa: ARG002 - see `OrderedPorts`
        """Take an event of the relay's, if it is about ports; say whether it is."""
        return False


class OrderedPorts:
    """Has the relay bind ports.

    Args:
        channel: Leads to the relay.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        #: What the relay said, by link and role: where it listens, or why it can't.
        self._answers: dict[tuple[int, str], tuple[str, int] | str] = {}

    @contextlib.contextmanager
    def reserve(self, id_: int, host: str, port: int, inner: str | None = None) -> Iterator[Reserved]:
        """Reserve a port until the link is made, as `HandedPorts.reserve` says."""
        try:
            yield Reserved(id_, self._bind_front(id_, host, port), 0 if inner is None else self._bind_inner(id_, inner))
        except BaseException:
            with contextlib.suppress(EngineDied):
                self._channel.post("drop", id_)
            raise

    @contextlib.contextmanager
    def reserve_one(self, role: str) -> Iterator[Reserved]:
        """Reserve a free port of 127.0.0.1 for something of the relay's that is no link."""
        bound = self._bind(0, role, socket.AF_INET, "127.0.0.1", 0)
        if isinstance(bound, str):
            raise _in_use("127.0.0.1", 0, bound)
        yield Reserved(0, bound)

    def told(self, event: list[str]) -> bool:
        """Take an event of the relay's, if it is about ports; say whether it is."""
        if event[0] == "bound":
            self._answers[int(event[2]), event[3]] = (event[4], int(event[5]))
        elif event[0] == "unbound":
            self._answers[int(event[2]), event[3]] = event[4]
        else:
            return False
        return True

    def _bind_front(self, id_: int, host: str, port: int) -> tuple[str, int]:
        family, address = loopback(host)
        bound = self._bind(id_, "front", family, address, port)
        if isinstance(bound, str):
            raise _in_use(address, port, bound)
        return bound

    def _bind_inner(self, id_: int, address: str) -> int:
        bound = self._bind(id_, "inner", socket.AF_INET, address, 0)
        if isinstance(bound, str):
            raise _no_way_back(address, bound)
        return bound[1]

    def _bind(self, id_: int, role: str, family: int, address: str, port: int) -> tuple[str, int] | str:
        self._channel.request("bind", id_, role, "6" if family == socket.AF_INET6 else "4", address, port)
        with self._channel.locked():
            return self._answers.pop((id_, role))


def listen(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Return a listening socket, and one that is bound beside it and keeps the port while the other is closed.

    Raises:
        PortInUse: somebody else has the port.
    """
    family, address = loopback(host)
    keeper, listener = socket.socket(family), socket.socket(family)
    try:
        for sock in (keeper, listener):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address, port))
            port = sock.getsockname()[1]
        listener.listen(4096)
    except OSError as error:
        keeper.close()
        listener.close()
        raise _in_use(address, port, error.strerror) from None
    return listener, keeper


def _listen_inside(address: str) -> socket.socket:
    try:
        return socket.create_server((address, 0), backlog=4096)
    except OSError as error:
        raise _no_way_back(address, error.strerror or str(error)) from None


def _in_use(address: str, port: int, why: str | None) -> PortInUse:
    return PortInUse(f"can't listen at {address} port {port}: {why}; port=0 takes a free one")


def _no_way_back(address: str, why: str) -> EngineError:
    return EngineError(f"can't listen at {address}, where the Toxiproxy is to find this machine: {why}")
