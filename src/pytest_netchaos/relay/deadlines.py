"""The times at which faults end a connection; loaded when a fault has one."""

from __future__ import annotations

from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .connection import Connection
    from .fault import Fault
    from .loop import Loop, Timer


#: An idle connection is looked at so often within its time: a byte that passes has nothing to tell anybody then.
LOOKS = 16


class Deadlines:
    """One connection's timers, by the id of the fault.

    They run from the moment when the fault met the connection, and no byte starts them anew, except those of an
    ``idle_timeout``: an idle connection is reset like a busy one.
    """

    __slots__ = ("_connection", "_loop", "_timers")

    def __init__(self, loop: Loop, connection: Connection) -> None:
        self._loop = loop
        self._connection = connection
        self._timers: dict[int, Timer | None] = {}

    def adopt(self, wanted: dict[int, Fault]) -> None:
        """Forget the timers of other faults, and start those that are new."""
        for key in [key for key in self._timers if key not in wanted]:
            self._stop(self._timers.pop(key))
        for key, fault in wanted.items():
            if key not in self._timers and not self._connection.is_over:
                self.restart(fault)

    def restart(self, fault: Fault) -> None:
        """Count a fault's time from now on."""
        self._stop(self._timers.get(fault.id))
        self._timers[fault.id] = self._start(fault)

    def cancel(self) -> None:
        """Stop them all: the connection is over."""
        self.adopt({})

    def _start(self, fault: Fault) -> Timer | None:
        (seconds,) = fault.values
        if fault.kind == "idle_timeout":
            return self._look_again(fault, self._connection.moved(), monotonic())
        if fault.kind == "reset_peer":
            if not seconds:  # now: a timer comes after the next events, and the fault may be taken back by one of them
                self._connection.reset("fault", fault.kind)
                return None
            return self._loop.call_at(monotonic() + seconds, lambda: self._connection.reset("fault", fault.kind))
        if seconds:
            return self._loop.call_at(monotonic() + seconds, lambda: self._connection.sever(fault))
        return None  # a timeout of 0 never closes

    def _look_again(self, fault: Fault, moved: tuple[int, ...], since: float) -> Timer:
        """Look later whether anything has passed since a time; until then, nothing has."""
        (seconds,) = fault.values
        return self._loop.call_at(monotonic() + seconds / LOOKS, lambda: self._look(fault, moved, since))

    def _look(self, fault: Fault, before: tuple[int, ...], since: float) -> None:
        now, moved = monotonic(), self._connection.moved()
        if moved != before:
            since = now  # it may have come just now
        if now >= since + fault.values[0]:
            self._connection.close("fault", fault.kind)
        else:
            self._timers[fault.id] = self._look_again(fault, moved, since)

    @staticmethod
    def _stop(timer: Timer | None) -> None:
        if timer is not None:
            timer.cancel()
