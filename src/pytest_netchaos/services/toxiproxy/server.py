"""What an engine needs of a Toxiproxy server, wherever it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..docker.route import WayBack
from ..ports import Reservation
from .api import Api

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Seat:
    """A place for one proxy on a server."""

    api: Api
    #: What the proxy is told to listen at.
    listen: str
    #: Where to dial it from here.
    host: str
    #: The port to dial; ``None`` for the one that it reports.
    port: int | None
    #: Gives the place back.
    leave: Callable[[], None]

    def address(self, reported: str) -> tuple[str, int]:
        """Return where to dial a proxy that reports to listen there."""
        return self.host, int(reported.rpartition(":")[2]) if self.port is None else self.port


class ToxiproxyServer(Protocol):
    """A Toxiproxy that answers, and has room for proxies."""

    #: What ``--netchaos-engine`` calls it.
    name: str
    #: Others use it too.
    is_shared: bool

    @property
    def api(self) -> Api:
        """Its API."""

    @property
    def way_back(self) -> WayBack:
        """How it reaches us.

        Raises:
            NetchaosError: That can't be known; says how to set it.
        """

    def seat(self) -> Seat:
        """Find a place for one more proxy.

        Raises:
            NetchaosError: There is none, and none can be made.
        """

    @property
    def is_alive(self) -> bool:
        """Whether it still runs, as far as can be said at once."""

    def obituary(self) -> str:
        """Say how it ended, and what it logged last."""

    def stop(self) -> None:
        """End it, where it is ours to end."""


def stay() -> None:
    """Give no place back: there are as many as anybody wants."""


def local_seat(api: Api) -> Seat:
    """Find a free port of this machine's loopback, and keep it until the seat is left.

    Toxiproxy lets a port go when its proxy is disabled. In a long cut it could become the very port that a client of
    somebody else dials from, and the heal would fail.

    Raises:
        PortInUse: There is none.
    """
    kept = Reservation()
    return Seat(api, f"{LOOPBACK}:{kept.port}", LOOPBACK, kept.port, kept.close)
