"""The last second of a connection that a fault has closed: its peers don't know yet, and may still be sending."""

from __future__ import annotations

from time import monotonic

from . import sockets
from .flow import TURN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .end import End
    from .loop import Loop

#: Seconds that a peer has to take note of a FIN that a fault sent. A close with unread bytes would send an RST, which
#: could destroy what the peer has not yet read.
LINGER = 1.0


class Lingering:
    """Sends a FIN to both peers, and reads and forgets what they still say, until both have hung up or the time is up.

    Args:
        loop: Where it runs.
        ends: Those that have a socket.
        over: Closes them.
    """

    __slots__ = ("_ends", "_loop", "_over")

    def __init__(self, loop: Loop, ends: list[End], over: Callable[[], None]) -> None:
        self._loop = loop
        self._ends = ends
        self._over: Callable[[], None] | None = over

    def begin(self) -> None:
        """Send the FINs."""
        for end in self._ends:
            assert end.sock is not None
            sockets.send_fin(end.sock)
        self._loop.call_at(monotonic() + LINGER, self._stop)
        self.go_on()

    def go_on(self) -> None:
        """Read what has come."""
        if self._over is None:
            return
        said = {self._discard(end) for end in self._ends}
        if "more" in said:
            self._loop.soon(self.go_on)
        elif "empty" not in said:
            self._stop()

    @staticmethod
    def _discard(end: End) -> str:
        assert end.sock is not None
        said = sockets.discard(end.sock, TURN)
        end.readable = said != "empty"
        end.finished |= said == "gone"
        return said

    def _stop(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            over()
