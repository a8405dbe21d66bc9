"""A fault whose windows begin where they began in an earlier run, and not at their times. Loaded for a replay."""

from __future__ import annotations

from time import monotonic

from .place import Place
from .rhythm import FOREVER
from .schedule import Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .fault import Fault
    from .loop import Loop
    from .marks import Mark
    from .proxy import Proxy


class Replay(Schedule):
    """One fault on its way through windows that were recorded. Behind those there are none.

    A window begins when its mark is reached, and not before the one before it is over. Where the mark isn't reached in
    its time and ``patience``, it begins all the same. One that met no connection begins at the next dial, or in its
    time.

    Args:
        loop: Where it runs.
        emit: Sends events.
        proxy: The link's.
        fault: Which.
        on_over: Called when it is over.
        marks: Of each window, in order; ``None`` for one that begins at once.
        patience: Seconds.
    """

    __slots__ = ("_index", "_length", "_marks", "_patience", "_place")

    def __init__(
        self,
        loop: Loop,
        emit: Callable[..., None],
        proxy: Proxy,
        fault: Fault,
        on_over: Callable[[], None],
        marks: list[Mark | None],
        patience: float,
    ) -> None:
        super().__init__(loop, emit, proxy, fault, on_over)
        self._marks = marks
        self._patience = patience
        self._index = 0  # of the next window
        self._length = FOREVER  # of the one that is waited for
        self._place: Place | None = None

    def cancel(self) -> None:
        """Take the fault back, for good."""
        place, self._place = self._place, None
        try:
            super().cancel()
        finally:
            if place is not None:
                place.end()

    def _next_window(self, enter: Callable[[float], None]) -> None:
        start, end = next(self._fault.windows, (FOREVER, FOREVER))
        if start == FOREVER:
            self._over()
            return
        if self._index >= len(self._marks):
            return  # the recording ends here: a test that takes longer this time is hit no more often
        mark = self._marks[self._index]
        self._index += 1
        self._length = end - start if mark is None or mark.length is None else mark.length
        if mark is None:
            self._began = monotonic()
            enter(self._length)
        else:
            self._wait(mark)

    def _wait(self, mark: Mark) -> None:
        place = self._place = self._place or self._go_to(mark, self._index - 1)
        place.is_due = True
        if place.is_reached:
            self._strike()
        else:
            self._timer = self._loop.call_at(monotonic() + mark.gap, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = self._loop.call_at(monotonic() + self._patience, self._strike)
        if self._place is not None:
            self._place.is_time_up = True
            self._place.look()

    def _go_to(self, mark: Mark, index: int) -> Place:
        # The fences of two marks that follow each other are there at the same time, and other faults' keys are above 0.
        key = -(2 * self._fault.id + index % 2) - 1
        place = self._place = Place(self._loop, self._proxy, key, mark, self._reached, self._fault)
        place.begin()
        return place

    def _reached(self) -> None:
        if self._place is not None and self._place.is_due and not self._fault.on:
            self._strike()

    def _strike(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        place, self._place = self._place, None
        self._began = monotonic()
        self._enter_by_itself(self._length)
        if place is not None:
            place.end()

    def _enter(self, end: float) -> None:
        super()._enter(end)
        if self._index < len(self._marks) and (mark := self._marks[self._index]) is not None and self._place is None:
            self._go_to(mark, self._index)  # now: what passes in this window mustn't pass the next mark
