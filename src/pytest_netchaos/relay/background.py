"""Connections that are served and broken like any other, and told to nobody.

What isn't a client dials through a link too: a replica its primary, a sentinel everybody. A cut has to meet them, or
the machine behind the link wouldn't be gone; but a link's log is of its clients.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .connection import Connection


class Background:
    """Knows such connections by the host that dialled, and watches them in silence.

    Args:
        hosts: The hosts, as the system writes them: ``127.0.0.2``.
        connections: The proxy's, by the number of the dial.
    """

    def __init__(self, hosts: frozenset[str], connections: dict[int, Connection]) -> None:
        self._hosts = hosts
        self._connections = connections
        self._dials = 0

    def __contains__(self, peer: str) -> bool:
        """Whether ``peer``, a host and a port, is one of them."""
        return bool(self._hosts) and peer.rpartition(":")[0].strip("[]") in self._hosts

    def number(self) -> int:
        """Number one more dial: -1, -2, …. Faults draw by these numbers, and those of clients are not to shift."""
        self._dials -= 1
        return self._dials

    def opened(self, connection: Connection) -> None:
        """Tell nobody. It keeps 0 as its number: no count and no hit of a fault names it."""

    def hung_up(self, connection: Connection, by: str) -> None:
        """Tell nobody."""

    def unreachable(self, connection: Connection, _: str) -> None:
        """Forget it."""
        self._connections.pop(connection.dial, None)

    def ended(self, connection: Connection, by: str, how: str, reason: str) -> None:  # noqa: ARG002 - as a Watcher
        """Forget it."""
        self._connections.pop(connection.dial, None)
