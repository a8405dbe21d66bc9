"""A link of the embedded engine: its faults as the relay's commands, and the relay's events as records."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from ..errors import EngineError, hide_own_errors
from ..faults import Delay, Fault, Flap, IdleTimeout, Limit, Slice, Throttle
from ..history import Closer, Ending, History, Position
from ..linklog import LinkLog
from ..replaying import Mark, Replayed
from ..triggers import AfterBytes, OnConnection, OnDial, Trigger
from . import audit
from .channel import CommandRefused

if TYPE_CHECKING:
    from .embedded import EmbeddedEngine

__tracebackhide__ = hide_own_errors

#: How the relay begins to say that a trigger can't come any more.
_PASSED = "Passed: "
_BLIND = "dials that were refused to other processes can't be seen "


class EmbeddedLink:
    """A link that the relay carries."""

    def __init__(
        self,
        engine: EmbeddedEngine,
        id_: int,
        log: LinkLog,
        address: tuple[str, int],
        seed: int,
        background: tuple[str, ...] = (),
    ) -> None:
        self.id = id_
        self._background = background
        self.log = log
        log.has_background = bool(background)
        self.host, self.port = address[:2]
        self._engine = engine
        self._channel = engine.channel
        self._seed = seed
        self._faults = 0
        #: The time of the latest event. None is older: see `event`.
        self._latest = 0.0

    def inject(self, fault: Fault, for_: float | None, when: Trigger | None = None) -> int:
        """Put ``fault`` in force, for ``for_`` seconds or until healed; return its id when it is, or waits to be."""
        inner = fault.fault if isinstance(fault, Flap) else fault
        self.mind_refusals(inner)
        fault_id = self.number(fault, for_, when)
        command = (self.id, fault_id, self._seed, *_spell(inner), *_rhythm(fault, for_), *_spell_trigger(when))
        try:
            self._channel.request("fault", *command)
        except CommandRefused as error:
            with self._channel.locked():
                self.log.withdrawn(fault_id)
            own = when.then if isinstance(when, Replayed) else when
            if own is None or not error.reason.startswith(_PASSED):
                raise
            passed = error.reason.removeprefix(_PASSED)
        else:
            return fault_id
        raise ValueError(f"when={own!r} can't come any more on link {self.log.name!r}: {passed}")

    def mind_refusals(self, fault: Fault) -> None:
        """Find another way to know of refused dials, where ``fault`` refuses some and the relay can't see them."""
        if fault.kind in ("cut", "refuse") and not self._engine.sees_all_dials():
            self._overhear_dials(_BLIND + self._engine.lacks)

    def number(self, fault: Fault, for_: float | None, when: Trigger | None = None) -> int:
        """Give a fault an id, and make it known to the log."""
        with self._channel.locked():
            self._faults += 1
            self.log.injected(self._faults, fault, for_)
            if when is not None and not isinstance(when, Replayed):
                self.log.armed(time.monotonic(), self._faults, when)
            return self._faults

    def tell(self, fault_id: int, kind: str, direction: str) -> None:
        """Have the relay do something that takes no numbers, until `heal`."""
        self._channel.request("fault", self.id, fault_id, self._seed, kind, direction, 1.0, "", "once", "inf")

    def heal(self, fault_id: int) -> None:
        """Take a fault back; return when it is no longer in force."""
        self._channel.request("heal", self.id, fault_id)

    def close(self) -> None:
        """End every connection and give the port back."""
        audit.stop_listening(self.host, self.port)
        try:
            self._channel.request("unlink", self.id)
        finally:
            self._engine.forget(self)

    def history(self) -> History:
        """Everything that the link saw until now."""
        now = self._channel.request("sync")
        with self._channel.locked():
            return self.log.history(now)

    def wait(self, enough: Callable[[LinkLog], bool], until: float, cancelled: Callable[[], bool]) -> bool:
        """Wait until ``enough(log)``, the monotonic time ``until``, or ``cancelled()``; say whether it is enough."""
        return self._channel.wait(lambda: enough(self.log), until, cancelled)

    def nudge(self) -> None:
        """Make a waiting `wait` look at ``cancelled()``."""
        self._channel.nudge()

    def _overhear_dials(self, why: str) -> None:
        """Note which refused dials the relay can't see, and overhear those of this process instead."""
        self.log.blind = why
        audit.listen_in(self.host, self.port, self._overhear)

    def _overhear(self, at: float, source: str) -> None:
        if source in self._background:
            return
        with self._channel.locked():
            self.log.overheard(at)
        self._channel.nudge()

    def event(self, kind: str, at: float, *fields: str) -> None:  # noqa: C901 - a table, one line for each event
        """Take one of this link's events from the relay, in the order in which it tells them.

        None is dated before the one that was told before it. The kernel's time for a dial may be earlier than the
        relay's for what made the client dial: it writes an end, or a cut, down when it has carried that out.
        """
        log = self.log
        self._latest = at = max(at, self._latest)
        match kind:
            case "dial":
                log.dialled(at, fields[1])
            case "open":
                log.opened(at, int(fields[0]))
            case "hup":
                log.hung_up(at, int(fields[0]), cast("Closer", fields[1]), answers=bool(fields[2]))
            case "refused":
                log.refused(at, int(fields[0]), fields[1])
            case "close":
                log.closed(at, int(fields[0]), cast("Closer", fields[1]), cast("Ending", fields[2]), fields[3])
            case "on":
                log.struck(at, int(fields[0]), int(fields[1]), _numbers(fields[2], ","), *_places(*fields[3:]))
            case "off":
                log.healed(at, int(fields[0]))
            case "over":
                log.over(int(fields[0]), at)
            case "blind":
                self._overhear_dials(f"dials that were refused to other processes can't be seen: {fields[0]}")
            case "trouble":
                log.troubles.append(fields[0])
            case _:  # pragma: no cover - both ends come from one installation
                raise EngineError(f"the relay sent an event that nobody knows: {kind!r}")


def _numbers(text: str, between: str) -> tuple[int, ...]:
    return tuple(map(int, filter(None, text.split(between))))


def _places(dials: str = "0", connections: str = "0", places: str = "") -> tuple[tuple[int, int], tuple[Position, ...]]:
    """Read how far a link had come when a fault struck."""
    positions = tuple(Position(*_numbers(place, ":")) for place in filter(None, places.split(",")))
    return (int(dials), int(connections)), positions


def _spell(fault: Fault) -> Iterator[object]:
    """Write a fault as the relay's ``fault`` command has it: kind, direction, toxicity, and its numbers."""
    yield fault.kind
    yield getattr(fault, "direction", "both")
    yield getattr(fault, "toxicity", 1.0)
    yield ",".join(map(repr, _values(fault)))


def _values(fault: Fault) -> tuple[float, ...]:
    match fault:
        case Delay():
            return fault.latency, fault.jitter
        case Throttle():
            return (fault.rate,)
        case Slice():
            return fault.size, fault.variation, fault.pause
        case Limit():
            return (fault.count,)
        case IdleTimeout():
            return (fault.timeout,)
    return ()


def _rhythm(fault: Fault, for_: float | None) -> Iterator[object]:
    """Write when it is in force."""
    if not isinstance(fault, Flap):
        yield from ("once", "inf" if for_ is None else for_)
        return
    yield "flap"
    for span in (fault.down, fault.up):
        yield from span if isinstance(span, tuple) else (span, span)
    yield fault.cycles or 0


def _spell_trigger(when: Trigger | None) -> Iterator[object]:
    """Write what it waits for."""
    match when:
        case OnConnection():
            yield from ("when", "connection", when.n)
        case OnDial():
            yield from ("when", "dial", when.n)
        case AfterBytes():
            yield from ("when", "bytes", when.count, when.direction, when.connection)
        case Replayed():
            yield from _spell_trigger(when.then)
            yield from ("replay", when.patience, *map(_spell_mark, when.marks))


def _spell_mark(mark: Mark | None) -> str:
    if mark is None:
        return ""
    places = ",".join(":".join(map(str, place)) for place in mark.places)
    return f"{mark.gap!r};{'' if mark.length is None else repr(mark.length)};{mark.connections};{places}"
