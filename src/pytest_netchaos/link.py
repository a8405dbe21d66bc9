"""What a test touches: the faults as verbs. What a link has seen, and waiting for more: `ObservedLink`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .addresses import UrlDefaults
from .engines.base import EngineLink
from .errors import NetchaosError, hide_own_errors
from .faults import (
    Blackhole,
    Close,
    Cut,
    Delay,
    Direction,
    Fault,
    Flap,
    IdleTimeout,
    Limit,
    Refuse,
    Reset,
    Slice,
    Span,
    Stall,
    Throttle,
)
from .injection import Injection
from .lags.lag import LagMonitor
from .lasting import check_for
from .observed import ObservedLink
from .triggers import Trigger, check_trigger
from .waiting import in_event_loop

if TYPE_CHECKING:
    from .replaying import ReplayOfLink

__tracebackhide__ = hide_own_errors


#: Who injects the faults of markers and of the whole run.
MARKER = "marker"
#: Seconds for the relay to say that a fault has struck, though not where it was to.
_SLACK = 30.0


class Link(ObservedLink):
    """A TCP address that leads to an upstream, and can be broken on purpose.

    Made by ``netchaos.link(…)``. Every fault is a method, and works in three ways::

        fault = link.delay(0.2)             # until fault.heal(), link.heal() or the end of the test
        with link.cut(): ...                # until the end of the block
        link.stall(for_=1.5)                # for that many seconds

    A fault is in force when its method returns; with a trigger (``when=OnConnection(3)``), as soon as it comes. Faults
    compose, and heal in any order. All calls are thread-safe, take well under a millisecond, and work the same under
    asyncio and trio; only those that wait have an async twin.
    """

    def __init__(
        self,
        name: str,
        upstream: str,
        engine_link: EngineLink,
        timeout: float,
        url_defaults: UrlDefaults = UrlDefaults(),  # noqa: B008 - it is frozen
        lag_monitor: LagMonitor | None = None,
    ) -> None:
        super().__init__(name, upstream, engine_link, timeout, url_defaults, lag_monitor)
        self._injections: list[Injection] = []
        #: What was recorded of it, where the test is replayed.
        self.replay: ReplayOfLink | None = None

    def __repr__(self) -> str:
        """Say where it listens, where it leads, and what is wrong with it."""
        if self._last is not None:
            state = "closed"
        else:
            state = ", ".join(_named(i) for i in self._injections if not i.is_known_to_be_over) or "healthy"
        return f"<link {self.name!r} {self.host}:{self.port} to {self.upstream}: {state}>"

    # Faults.

    def cut(self, *, for_: float | None = None, when: Trigger | None = None) -> Injection:
        """Reset every live connection and refuse new ones."""
        return self.inject(Cut(), for_=for_, when=when)

    def reset(self, *, toxicity: float = 1.0, when: Trigger | None = None) -> Injection:
        """Reset live connections now, idle ones too. New ones are served: there is nothing to heal."""
        return self.inject(Reset(toxicity=toxicity), when=when)

    def close(self, *, toxicity: float = 1.0, when: Trigger | None = None) -> Injection:
        """Close live connections with a FIN, after what was already sent. New ones are served.

        The FIN goes where the bytes go: a stall holds it back, and a black hole takes it.
        """
        return self.inject(Close(toxicity=toxicity), when=when)

    def refuse(self, *, for_: float | None = None, when: Trigger | None = None) -> Injection:
        """Refuse new connections; live ones go on."""
        return self.inject(Refuse(), for_=for_, when=when)

    def stall(
        self,
        *,
        direction: Direction = "both",
        toxicity: float = 1.0,
        for_: float | None = None,
        when: Trigger | None = None,
    ) -> Injection:
        """Hold every byte back. Nothing is lost: on heal all of it arrives, in order."""
        return self.inject(Stall(direction=direction, toxicity=toxicity), for_=for_, when=when)

    def blackhole(
        self,
        *,
        direction: Direction = "both",
        toxicity: float = 1.0,
        for_: float | None = None,
        when: Trigger | None = None,
    ) -> Injection:
        """Drop every byte, FIN and RST in silence. On heal, a connection that lost anything is reset."""
        return self.inject(Blackhole(direction=direction, toxicity=toxicity), for_=for_, when=when)

    def delay(
        self,
        latency: float,
        jitter: float = 0.0,
        *,
        direction: Direction = "both",
        toxicity: float = 1.0,
        for_: float | None = None,
        when: Trigger | None = None,
    ) -> Injection:
        """Deliver every byte ``latency`` ± ``jitter`` seconds late: one-way, in order, and never early."""
        return self.inject(Delay(latency, jitter, direction=direction, toxicity=toxicity), for_=for_, when=when)

    def throttle(
        self,
        rate: float,
        *,
        direction: Direction = "both",
        toxicity: float = 1.0,
        for_: float | None = None,
        when: Trigger | None = None,
    ) -> Injection:
        """Let at most ``rate`` bytes per second through, for each connection and direction."""
        return self.inject(Throttle(rate, direction=direction, toxicity=toxicity), for_=for_, when=when)

    def slice(
        self,
        size: int,
        variation: int = 0,
        pause: float = 0.0,
        *,
        direction: Direction = "both",
        toxicity: float = 1.0,
        for_: float | None = None,
        when: Trigger | None = None,
    ) -> Injection:
        """Deliver the bytes in pieces of ``size`` ± ``variation`` bytes, with ``pause`` seconds after each."""
        return self.inject(Slice(size, variation, pause, direction=direction, toxicity=toxicity), for_=for_, when=when)

    def limit(
        self,
        count: int,
        *,
        direction: Direction = "both",
        toxicity: float = 1.0,
        for_: float | None = None,
        when: Trigger | None = None,
    ) -> Injection:
        """Let ``count`` bytes of each connection and direction through, and then close it with a FIN."""
        return self.inject(Limit(count, direction=direction, toxicity=toxicity), for_=for_, when=when)

    def idle_timeout(
        self, timeout: float, *, toxicity: float = 1.0, for_: float | None = None, when: Trigger | None = None
    ) -> Injection:
        """Close a connection with a FIN once nothing has passed on it for ``timeout`` seconds, as proxies do."""
        return self.inject(IdleTimeout(timeout, toxicity=toxicity), for_=for_, when=when)

    def flap(
        self,
        down: Span = (0.05, 0.5),
        up: Span = (0.1, 1.0),
        cycles: int | None = None,
        *,
        fault: Fault | None = None,
        when: Trigger | None = None,
    ) -> Injection:
        """Go down and come back, ``cycles`` times or until healed; by default with cuts.

        Args:
            down: Seconds, or a (shortest, longest) pair to draw from with the seed.
            up: The same, for the time between.
            cycles: How often; ``None`` until healed.
            fault: What "down" is; ``Cut()`` by default.
            when: What begins it; its first "down" comes then.
        """
        return self.inject(Flap(down, up, cycles, Cut() if fault is None else fault), when=when)

    def inject(self, fault: Fault, *, for_: float | None = None, when: Trigger | None = None) -> Injection:
        """Put any fault in force: what all the methods above do.

        Args:
            fault: Which.
            for_: Heal it after so many seconds; ``None``: when told, and at the end of the test at the latest.
            when: What brings it: `OnConnection`, `OnDial` or `AfterBytes`. The injection is armed until then, and
                ``for_`` counts from then on. ``None``: now.

        Raises:
            TypeError: ``fault`` isn't a fault, ``when`` no trigger, or there is nothing that ``for_`` could end.
            ValueError: ``for_`` isn't a duration, or the link has seen what ``when`` waits for.
            UnsupportedFault: the engine of this run can't do it.
            LinkClosed: the link's test is over.
        """
        if not isinstance(fault, Fault):
            hint = f"; did you mean {fault.__name__}(…)?" if isinstance(fault, type) else ""
            raise TypeError(f"fault must be a fault such as Cut() or Delay(0.2), not {fault!r}{hint}")
        if for_ is not None:
            check_for(fault, for_)
        if when is not None:
            check_trigger(when)
        self._check_open(f"{fault.kind}()")
        return self.inject_by("", fault, for_=for_, when=when)

    def inject_by(self, by: str, fault: Fault, *, for_: float | None = None, when: Trigger | None = None) -> Injection:
        """Inject a fault that isn't asked for by the test's own code. For the network, and for plans.

        Args:
            by: Who asks: see `FaultSpan.by`.
            fault: Which; checked already, as the others.
            for_: See `inject`.
            when: See `inject`.
        """
        self._check_open(f"{fault.kind}()")
        if self._lag_monitor is not None:
            self._lag_monitor.watch()
        order = None
        if self.replay is not None:
            # A marker's faults are there before its link is dialled, and nothing may stop an event loop.
            is_at_once = by == MARKER or (not by and in_event_loop())
            order = self.replay.order(by, fault, when, is_at_once=is_at_once)
        injection = Injection(fault, self.name, self._engine_link, for_, self._timeout, when, by, order)
        self._injections.append(injection)
        if not by and injection.when is not when and order is not None:
            injection.wait_fired(order.patience + _SLACK)
        return injection

    @property
    def faults(self) -> tuple[Injection, ...]:
        """Every fault that was injected, in order."""
        return tuple(self._injections)

    def heal(self) -> float:
        """Take every fault back; return the monotonic time when none was in force any more."""
        healed, failures = [time.monotonic()], []
        for injection in self._injections:
            try:
                healed.append(injection.heal())
            except NetchaosError as error:  # the others are to be healed all the same
                failures.append(error)
        if failures:
            raise failures[0]
        return max(healed)

    def shut(self) -> None:
        """Heal, end every connection and give the port back; what was seen stays readable. For the fixture.

        Raises:
            EngineDied: there is no engine any more.
        """
        if self._last is None:
            try:
                self._engine_link.close()
            finally:
                self._last = self.recall()


def _named(injection: Injection) -> str:
    return f"{injection.fault} armed for {injection.when}" if injection.is_known_to_wait else str(injection.fault)
