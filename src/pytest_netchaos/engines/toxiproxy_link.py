"""A link through Toxiproxy: its faults as toxics, its records from the relay on both sides."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ..errors import UnsupportedFault, hide_own_errors
from ..faults import Fault, Flap
from ..linklog import LinkLog
from ..triggers import Trigger
from .embedded_link import EmbeddedLink
from .rhythm import Rhythm, windows
from .toxics import Toxic, toxics

if TYPE_CHECKING:
    from .embedded import EmbeddedEngine
    from .toxiproxy import Proxy

__tracebackhide__ = hide_own_errors

#: Seconds in which Toxiproxy is to be empty before a change of several toxics. A delay takes its latency.
_PATIENCE = 1.0
_LOOK_AGAIN = 0.002
#: Between the numbers that the dams of one fault have.
_FAR = 1 << 32


@dataclass
class _Applied:
    """A fault that is in force, or between two of its windows."""

    id: int
    fault: Fault
    toxics: tuple[Toxic, ...]
    cycle: int = 0
    #: The names of its toxics while it is in force, in the order of ``toxics``.
    names: list[str] = field(default_factory=list)


class ToxiproxyLink(EmbeddedLink):
    """A link that the relay taps on both sides of a Toxiproxy."""

    def __init__(
        self,
        relay: EmbeddedEngine,
        id_: int,
        log: LinkLog,
        address: tuple[str, int],
        seed: int,
        proxy: Proxy,
        background: tuple[str, ...] = (),
    ) -> None:
        super().__init__(relay, id_, log, address, seed, background)
        self._proxy = proxy
        self._lock = threading.RLock()  # threads of rhythms change the same proxy
        self._rhythms: dict[int, Rhythm] = {}
        self._cycles: dict[int, int] = {}
        self._cuts: set[int] = set()
        self._toxics_made = 0
        #: The faults that are in force and no cuts, by id.
        self._in_force: dict[int, _Applied] = {}
        self._flight = 0  # bytes under way in Toxiproxy, when it was last asked
        #: Toxics that are switched off and not removed, by (type, stream): see `_take_back_black_hole`.
        self._idle: dict[tuple[str, str], list[str]] = {}

    def inject(self, fault: Fault, for_: float | None, when: Trigger | None = None) -> int:
        """Put ``fault`` in force, for ``for_`` seconds or until healed; return its id when it is.

        Raises:
            UnsupportedFault: Toxiproxy can't do it.
        """
        if when is not None:
            raise UnsupportedFault(
                f"{fault} when {when!r}: Toxiproxy is told of a fault over HTTP, while bytes and dials go on"
            )
        inner = fault.fault if isinstance(fault, Flap) else fault
        wanted = toxics(inner)
        self.mind_refusals(inner)
        fault_id = self.number(fault, for_)
        applied = _Applied(fault_id, inner, wanted)
        rhythm = Rhythm(
            windows(fault, for_, self._seed, fault_id),
            partial(self._enter, applied),
            partial(self._leave, applied),
            partial(self._over, fault_id),
            self._note_trouble,
        )
        self._rhythms[fault_id] = rhythm
        try:
            rhythm.begin()
        except BaseException:
            del self._rhythms[fault_id]
            raise
        return fault_id

    def heal(self, fault_id: int) -> None:
        """Take a fault back; return when it is no longer in force."""
        if rhythm := self._rhythms.get(fault_id):
            rhythm.cancel()

    def close(self) -> None:
        """End every connection, and give the ports and the proxy back."""
        for rhythm in list(self._rhythms.values()):
            rhythm.stop()
        try:
            super().close()  # first: a Toxiproxy that hangs on a connection lets go when that is over
        finally:
            self._proxy.delete()

    def event(self, kind: str, at: float, *fields: str) -> None:
        """Take one of this link's events from the relay, which doesn't know of cycles, or when a fault is over."""
        if kind in ("on", "off", "over") and (int(fields[0]) < 0 or kind == "over"):
            return
        if kind == "flight":
            self._flight = int(fields[0])
            return
        if kind == "on":
            fields = (fields[0], str(self._cycles[int(fields[0])]), *fields[2:])
        super().event(kind, at, *fields)

    # In force, and not.

    def _enter(self, applied: _Applied) -> None:
        with self._lock:
            applied.cycle += 1
            self._cycles[applied.id] = applied.cycle
            if applied.fault.kind == "cut":
                self._cut(applied)
                return
            self._poison(applied)
            self._note(applied.id, applied.fault)

    def _leave(self, applied: _Applied) -> None:
        with self._lock:
            if applied.fault.kind == "cut":
                self._mend(applied)
            elif applied.fault.kind == "blackhole":
                self._take_back_black_hole(applied)
            else:
                self._remove(applied)
                self._unnote(applied.id)
            applied.names.clear()
            self._in_force.pop(applied.id, None)

    def _cut(self, applied: _Applied) -> None:
        """Take the proxy away; the relay, which is first to know, makes it RSTs and refusals at both ends."""
        self._note(applied.id, applied.fault)
        self._cuts.add(applied.id)
        if len(self._cuts) > 1:
            return
        try:
            self._proxy.withdraw()
        except BaseException:
            self._cuts.discard(applied.id)
            self._unnote(applied.id)
            raise

    def _mend(self, applied: _Applied) -> None:
        try:
            if self._cuts == {applied.id}:
                self._proxy.restore()
                self._idle.clear()
                for each in self._in_force.values():
                    for toxic, name in zip(each.toxics, each.names, strict=True):
                        self._proxy.add_toxic(name, toxic.type, toxic.stream, toxic.attributes)
        finally:
            self._cuts.discard(applied.id)
            self._unnote(applied.id)

    def _poison(self, applied: _Applied) -> None:
        """Put its toxics on the proxy; during a cut, note which there will be."""
        self._in_force[applied.id] = applied
        try:
            with self._changing(applied.toxics, applied.id):
                for toxic in applied.toxics:
                    applied.names.append(self._add(toxic))
        except BaseException:
            del self._in_force[applied.id]
            self._remove(applied)
            applied.names.clear()
            raise

    def _remove(self, applied: _Applied) -> None:
        with self._changing(applied.toxics, applied.id):
            for name in applied.names if not self._cuts else ():
                self._proxy.remove_toxic(name)

    def _add(self, toxic: Toxic) -> str:
        idle = self._idle.get((toxic.type, toxic.stream))
        if idle and not self._cuts:
            name = idle.pop()
            self._proxy.set_toxicity(name, 1.0)
            return name
        self._toxics_made += 1
        name = f"{toxic.type}_{toxic.stream}_{self._toxics_made}"
        if not self._cuts:
            self._proxy.add_toxic(name, toxic.type, toxic.stream, toxic.attributes)
        return name

    def _take_back_black_hole(self, applied: _Applied) -> None:
        """Let through who lost nothing, and reset who did.

        To remove a ``timeout`` toxic ends every connection that it is on, idle ones as well. Switched off by its
        toxicity it lets them go on: so the relay holds every byte meanwhile, on both sides, and then judges who has a
        hole.
        """
        with self._held("hold", applied.id * 2, getattr(applied.fault, "direction", "both")):
            if not self._cuts:
                with self._gulping():
                    for name in applied.names:
                        self._proxy.set_toxicity(name, 0.0)
                for toxic, name in zip(applied.toxics, applied.names, strict=True):
                    self._idle.setdefault((toxic.type, toxic.stream), []).append(name)
            self._unnote(applied.id)

    # Changes of what Toxiproxy does.

    @contextlib.contextmanager
    def _changing(self, wanted: tuple[Toxic, ...], fault_id: int) -> Iterator[None]:
        """Let toxics be changed without harm to bytes that are under way.

        Toxiproxy stops the toxic beside one that comes or goes, which lets go of what it holds, too early; or it hangs
        until a slower one has taken that. So where there are several, they are changed when nothing is in them.
        """
        streams = {toxic.stream for toxic in wanted}
        others = [each for each in self._in_force.values() if each.id != fault_id]
        crowded = {toxic.stream for each in others for toxic in each.toxics} & streams
        with contextlib.ExitStack() as stack:
            for number, stream in enumerate(sorted(crowded) if not self._cuts else ()):
                stack.enter_context(self._held("dam", fault_id * 2 + 1 + number * _FAR, stream))
            if crowded and not self._cuts:
                self._await_empty()
            if wanted and not self._cuts:
                stack.enter_context(self._gulping())
            yield

    def _await_empty(self) -> None:
        """Wait until nothing is under way in Toxiproxy, for a while: a slow throttle may have much to do still."""
        until = time.monotonic() + _PATIENCE
        while True:
            self._channel.request("flight", self.id)
            if not self._flight or time.monotonic() > until:
                return
            time.sleep(_LOOK_AGAIN)

    @contextlib.contextmanager
    def _held(self, kind: str, number: int, direction: str) -> Iterator[None]:
        """Have the relay let nothing through meanwhile."""
        self.tell(-number, kind, direction)
        try:
            yield
        finally:
            self._unnote(-number)

    @contextlib.contextmanager
    def _gulping(self) -> Iterator[None]:
        """Take from Toxiproxy whatever it gives: it can't be told anything while one of its writes is blocked."""
        self._channel.request("gulp", self.id, 1)
        try:
            yield
        finally:
            self._channel.request("gulp", self.id, 0)

    # What the relay is told.

    def _note(self, fault_id: int, fault: Fault) -> None:
        self.tell(fault_id, fault.kind, getattr(fault, "direction", "both"))

    def _unnote(self, fault_id: int) -> None:
        super().heal(fault_id)

    def _over(self, fault_id: int) -> None:
        with self._channel.locked():
            self.log.over(fault_id)
        self.nudge()

    def _note_trouble(self, what: str) -> None:
        with self._channel.locked():
            self.log.troubles.append(what)
