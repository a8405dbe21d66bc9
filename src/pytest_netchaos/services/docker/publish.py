"""The ports on which a container's are published."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ..ports import Reservation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..ports import Kept
    from .route import Route

#: Ports on a remote daemon's machine: under those that its system gives out by itself.
_REMOTE_PORTS = range(20000, 32000)


class RemotePort:
    """A port of another machine, where nobody can keep it for us: it is likely to be free.

    Args:
        port: The port wanted; 0 for any.
    """

    def __init__(self, port: int = 0) -> None:
        self.port: int = port or random.SystemRandom().choice(_REMOTE_PORTS)

    def close(self) -> None:
        """Nothing is held."""


def reserve(route: Route, port: int = 0) -> Kept:
    """A port for publishing, ours also while its container is down.

    Args:
        route: The way there.
        port: The port wanted; 0 for any free one.

    Raises:
        PortInUse: Somebody has it.
    """
    return Reservation(port, route.dial_host) if route.is_local else RemotePort(port)


class Publication:
    """Which ports of a container are published where.

    Args:
        route: The way there.
        free: Those that may be published anywhere.
        fixed: Those with a port of somebody's choice.
        published: Whether any are: in the machine's own network there is nothing to publish.
    """

    def __init__(self, route: Route, free: Iterable[int], fixed: Mapping[int, int], *, published: bool) -> None:
        self._route = route
        self._free = list(free)
        self._fixed = dict(fixed)
        self.published = published

    @property
    def is_users_choice(self) -> bool:
        """Whether another attempt would want the same ports again."""
        return not self._free

    def choose(self) -> tuple[dict[int, int], list[Kept]]:
        """Where each is published, and what keeps these ports for us, also while the container is down.

        Raises:
            PortInUse: A fixed one is taken.
        """
        if not self.published:
            return {}, []
        wanted = {**dict.fromkeys(self._free, 0), **self._fixed}
        reservations: list[Kept] = []
        try:
            reservations.extend(reserve(self._route, port) for port in wanted.values())
        except BaseException:
            give_back(reservations)
            raise
        return {port: kept.port for port, kept in zip(wanted, reservations, strict=True)}, reservations

    def bindings(self, ports: Mapping[int, int]) -> dict[str, tuple[str, int]]:
        """As the SDK has them."""
        return {f"{port}/tcp": (self._route.publish_at, at) for port, at in ports.items()}


def give_back(reservations: Iterable[Kept]) -> None:
    """Let others have these ports."""
    for reservation in reservations:
        reservation.close()
