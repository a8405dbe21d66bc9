"""Put a link's faults in force and take them back, each at the times of its rhythm."""

from __future__ import annotations

from time import monotonic

from .fault import INSTANT
from .rhythm import FOREVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .fault import Fault
    from .loop import Loop, Timer
    from .proxy import Proxy
    from .trigger import Trigger


class Schedule:
    """One fault on its way through its windows."""

    __slots__ = ("_began", "_emit", "_fault", "_is_armed", "_loop", "_on_over", "_proxy", "_timer")

    def __init__(
        self, loop: Loop, emit: Callable[..., None], proxy: Proxy, fault: Fault, on_over: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._emit = emit
        self._proxy = proxy
        self._fault = fault
        self._on_over = on_over
        self._began = monotonic()
        self._timer: Timer | None = None
        self._is_armed = False  # waits for a trigger

    def begin(self) -> None:
        """Enter the first window. A window at time 0 is in force when this returns.

        Raises:
            OSError: it can't be put in force.
        """
        self._began = monotonic()
        self._next_window(self._enter)

    def arm(self, trigger: Trigger) -> None:
        """Enter the first window when the trigger comes.

        Raises:
            Passed: it can't come any more.
        """
        self._proxy.arm(self._fault, trigger, self._fire)
        self._is_armed = True

    def _fire(self) -> None:
        self._is_armed = False
        self._began = monotonic()
        self._next_window(self._enter_by_itself)

    def cancel(self) -> None:
        """Take the fault back, for good; one that waits for a trigger never comes.

        Raises:
            OSError: the port of the link was to be opened again, and somebody else has it.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self._is_armed:
            self._proxy.disarm(self._fault)
        try:
            self._leave()
        finally:
            self._over()

    def _next_window(self, enter: Callable[[float], None]) -> None:
        start, end = next(self._fault.windows, (FOREVER, FOREVER))
        if start == FOREVER:
            self._over()
        elif (at := self._began + start) <= monotonic():
            enter(end)
        else:
            self._timer = self._loop.call_at(at, lambda: self._enter_by_itself(end))

    def _enter_by_itself(self, end: float) -> None:
        """Enter a window when nobody is there to hear of a failure: it is told, and the next window has its turn."""
        try:
            self._enter(end)
        except OSError as error:
            self._trouble(f"{self._fault.kind} can't be put in force: {error}")
            self._end_window()

    def _enter(self, end: float) -> None:
        self._proxy.start(self._fault)
        if self._fault.cycle == 1:
            self._began = monotonic()  # now that it is in force: no fault ends before its time
        if self._fault.kind in INSTANT and end == FOREVER:
            self._over()
        elif end != FOREVER:
            self._timer = self._loop.call_at(self._began + end, self._end_window)

    def _end_window(self) -> None:
        try:
            self._leave()
        except OSError as error:
            self._trouble(f"the port can't be opened again: {error}")
        self._next_window(self._enter_by_itself)

    def _leave(self) -> None:
        if self._fault.on:
            self._proxy.end(self._fault)
            self._emit("off", monotonic(), self._proxy.id, self._fault.id, self._fault.cycle)

    def _trouble(self, text: str) -> None:
        self._emit("trouble", monotonic(), self._proxy.id, text)

    def _over(self) -> None:
        self._emit("over", monotonic(), self._proxy.id, self._fault.id)
        self._on_over()
