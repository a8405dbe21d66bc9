"""When a server was paused or down because the test had it so: an outage, though no link has seen a fault. No I/O."""

from __future__ import annotations

from ..history import Outage


class Downtimes:
    """The stretches of time in which one server didn't serve. Calls are as safe as the server's own."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: list[Outage] = []

    def began(self, kind: str, at: float) -> None:
        """Note that it was paused, killed or stopped. One that was paused and is killed has been away in one piece."""
        last = self._spans[-1] if self._spans else None
        if last is None or last.healed_at is not None:
            self._spans.append(Outage(at, None, (kind,)))
        elif kind not in last.kinds:
            self._spans[-1] = Outage(last.started_at, None, (*last.kinds, kind))

    def ended(self, at: float) -> None:
        """Note that it serves; it may have done so before."""
        if self._spans and self._spans[-1].healed_at is None:
            last = self._spans[-1]
            self._spans[-1] = Outage(last.started_at, at, last.kinds)

    def forget(self) -> None:
        """Begin anew, with a server that serves."""
        self._spans.clear()

    def spans(self) -> tuple[Outage, ...]:
        """Return all of them, in order of time."""
        return tuple(self._spans)
