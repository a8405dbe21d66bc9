"""Where a proxy listens: an address that was looked up, and what holds it."""

from __future__ import annotations

import _socket
import errno

from .. import keeper, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from typing import TypeAlias

    from ..keeper import Keeper, LoneKeeper
    from ..sockets import Address

    Taken: TypeAlias = tuple[Socket, Keeper | LoneKeeper]

_WITHOUT_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class ListenFailed(Exception):
    """A port can't be had, and why, as Go says it."""


class Place:
    """An address to listen at.

    Args:
        port: The port; 0 for a free one.
        addresses: What its host was looked up to; none for every interface, IPv4 and IPv6.
    """

    __slots__ = ("address", "family", "is_everywhere", "port")

    def __init__(self, port: int, addresses: list[tuple[int, Address]]) -> None:
        self.port = port
        self.is_everywhere = not addresses
        # The first of IPv4, as Go does: `localhost` is 127.0.0.1.
        self.family, self.address = min(
            addresses, key=lambda found: found[0] != _socket.AF_INET, default=(_socket.AF_INET6, ("::", port))
        )

    def __str__(self) -> str:
        """Write it as people do."""
        return sockets.name(self.address)

    def take(self) -> Taken:
        """Return a socket that listens there, and what keeps the port.

        Raises:
            ListenFailed: It can't be had.
        """
        try:
            return keeper.take(self.family, self.address, dual=self.is_everywhere and self.family == _socket.AF_INET6)
        except OSError as error:
            failed = error
        if self.is_everywhere and failed.errno in _WITHOUT_IPV6:
            try:
                return keeper.take(_socket.AF_INET, ("0.0.0.0", self.port))  # noqa: S104 - asked for
            except OSError as error:
                failed = error
        raise ListenFailed(explain(str(self), failed))


def explain(where: str, error: OSError) -> str:
    """Say why a port can't be had, in Go's words."""
    return f"listen tcp {where}: bind: {(error.strerror or str(error)).lower()}"


def is_same(listen: str, place: Place) -> bool:
    """Whether a proxy that listens at ``listen`` is at that place already."""
    said = [str(place), f"0.0.0.0:{place.port}"] if place.is_everywhere else [str(place)]
    return place.port != 0 and listen in said
