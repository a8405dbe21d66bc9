"""A link through Toxiproxy: its faults as toxics, its records from the relay on both sides."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ..errors import hide_own_errors
from ..faults import Fault, Flap
from ..linklog import LinkLog
from .embedded_link import EmbeddedLink
from .rhythm import Rhythm, windows
from .toxics import Toxic, toxics

if TYPE_CHECKING:
    from .embedded import EmbeddedEngine
    from .toxiproxy import Proxy

__tracebackhide__ = hide_own_errors


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

    def __init__(self, relay: EmbeddedEngine, log: LinkLog, address: tuple[str, int], seed: int, proxy: Proxy) -> None:
        super().__init__(relay, relay.next_id(), log, address, seed)
        self._proxy = proxy
        self._lock = threading.RLock()  # threads of rhythms change the same proxy
        self._rhythms: dict[int, Rhythm] = {}
        self._cycles: dict[int, int] = {}
        self._cuts: set[int] = set()
        self._toxics_made = 0
        #: Toxics that are switched off and not removed, by (type, stream): see `_take_back_black_hole`.
        self._idle: dict[tuple[str, str], list[str]] = {}

    def inject(self, fault: Fault, for_: float | None) -> int:
        """Put ``fault`` in force, for ``for_`` seconds or until healed; return its id when it is.

        Raises:
            UnsupportedFault: Toxiproxy can't do it.
        """
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
            with self._gulping():
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

    def _cut(self, applied: _Applied) -> None:
        """Disable the proxy; the relay, which is first to know, makes it RSTs and refusals at both ends."""
        self._note(applied.id, applied.fault)
        self._cuts.add(applied.id)
        try:
            self._proxy.enable(enabled=False)
        except BaseException:
            self._cuts.discard(applied.id)
            self._unnote(applied.id)
            raise

    def _mend(self, applied: _Applied) -> None:
        self._cuts.discard(applied.id)
        try:
            if not self._cuts:
                self._proxy.enable(enabled=True)
        finally:
            self._unnote(applied.id)

    def _poison(self, applied: _Applied) -> None:
        for toxic in applied.toxics:
            try:
                applied.names.append(self._add(toxic))
            except BaseException:
                self._remove(applied)
                applied.names.clear()
                raise

    def _remove(self, applied: _Applied) -> None:
        with self._gulping():
            for name in applied.names:
                self._proxy.remove_toxic(name)

    @contextlib.contextmanager
    def _gulping(self) -> Iterator[None]:
        """Take from Toxiproxy whatever it gives: it can't be told anything while one of its writes is blocked."""
        self._channel.request("gulp", self.id, 1)
        try:
            yield
        finally:
            self._channel.request("gulp", self.id, 0)

    def _add(self, toxic: Toxic) -> str:
        idle = self._idle.get((toxic.type, toxic.stream))
        if idle:
            name = idle.pop()
            self._proxy.set_toxicity(name, 1.0)
            return name
        self._toxics_made += 1
        name = f"{toxic.type}_{toxic.stream}_{self._toxics_made}"
        self._proxy.add_toxic(name, toxic.type, toxic.stream, toxic.attributes)
        return name

    def _take_back_black_hole(self, applied: _Applied) -> None:
        """Let through who lost nothing, and reset who did.

        To remove a ``timeout`` toxic ends every connection that it is on, idle ones as well. Switched off by its
        toxicity it lets them go on: so the relay holds the bytes back meanwhile, and then judges who has a hole.
        """
        hold = -applied.id
        self.tell(hold, "hold", getattr(applied.fault, "direction", "both"))
        try:
            with self._gulping():
                for name in applied.names:
                    self._proxy.set_toxicity(name, 0.0)
            for toxic, name in zip(applied.toxics, applied.names, strict=True):
                self._idle.setdefault((toxic.type, toxic.stream), []).append(name)
            self._unnote(applied.id)
        finally:
            self._unnote(hold)

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
