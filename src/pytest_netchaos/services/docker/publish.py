"""The ports on which a container's are published."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ..ports import Reservation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .route import Route

#: Ports on a remote daemon's machine: under those that its system gives out by itself.
_REMOTE_PORTS = range(20000, 32000)


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

    def choose(self) -> tuple[dict[int, int], list[Reservation]]:
        """Where each is published, and what keeps these ports for us, also while the container is down.

        Raises:
            PortInUse: A fixed one is taken.
        """
        if not self.published:
            return {}, []
        if not self._route.is_local:
            draw = random.SystemRandom().sample(_REMOTE_PORTS, len(self._free))
            return {**self._fixed, **dict(zip(self._free, draw, strict=True))}, []
        wanted = {**dict.fromkeys(self._free, 0), **self._fixed}
        reservations: list[Reservation] = []
        try:
            reservations.extend(Reservation(port, self._route.dial_host) for port in wanted.values())
        except BaseException:
            give_back(reservations)
            raise
        return {port: kept.port for port, kept in zip(wanted, reservations, strict=True)}, reservations

    def bindings(self, ports: Mapping[int, int]) -> dict[str, tuple[str, int]]:
        """As the SDK has them."""
        return {f"{port}/tcp": (self._route.publish_at, at) for port, at in ports.items()}


def give_back(reservations: Iterable[Reservation]) -> None:
    """Let others have these ports."""
    for reservation in reservations:
        reservation.close()
