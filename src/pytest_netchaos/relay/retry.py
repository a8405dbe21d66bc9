"""What a port that accepts does when the descriptors have run out: it tries again, until everybody is accepted."""

from __future__ import annotations

from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop, Timer

#: Seconds before the next try to accept, after the descriptors ran out: no edge will say when there are some again.
ACCEPT_PAUSE = 0.05


class Retry:
    """Tries again after a pause, with one timer however often it is asked to.

    Args:
        loop: Where it runs.
        call: What to try.
    """

    __slots__ = ("_call", "_loop", "_timer")

    def __init__(self, loop: Loop, call: Callable[[], None]) -> None:
        self._loop = loop
        self._call = call
        self._timer: Timer | None = None

    def later(self) -> bool:
        """Try again after the pause; say whether this is the first time since `over`."""
        now = monotonic()
        is_first = self._timer is None
        if self._timer is None or self._timer.when <= now:
            self._timer = self._loop.call_at(now + ACCEPT_PAUSE, self._call)
        return is_first

    def over(self) -> None:
        """Try no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
