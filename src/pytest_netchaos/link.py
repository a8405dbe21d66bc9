"""What a test touches: the faults as verbs, and what the link has seen."""

from __future__ import annotations

import time
from collections.abc import Callable

from .engines.base import EngineLink
from .errors import LinkClosed, NetchaosError, WaitTimeout, hide_own_errors
from .faults import (
    Blackhole,
    Close,
    Cut,
    Delay,
    Direction,
    Fault,
    Flap,
    Refuse,
    Reset,
    Span,
    Stall,
    Throttle,
    check_duration,
)
from .history import Connection, Dial, Dials, History
from .injection import Injection
from .linklog import LinkLog
from .waiting import in_thread

__tracebackhide__ = hide_own_errors


class Link:
    """A TCP address that leads to an upstream, and can be broken on purpose.

    Made by ``netchaos.link(…)``. Every fault is a method, and works in three ways::

        fault = link.delay(0.2)             # until fault.heal(), link.heal() or the end of the test
        with link.cut(): ...                # until the end of the block
        link.stall(for_=1.5)                # for that many seconds

    A fault is in force when its method returns. Faults compose, and heal in any order. All calls are thread-safe,
    take well under a millisecond, and work the same under asyncio and trio; only those that wait have an async twin.
    """

    def __init__(self, name: str, upstream: str, engine_link: EngineLink, timeout: float) -> None:
        self.name = name
        #: Where it leads, in words.
        self.upstream = upstream
        #: Where clients dial.
        self.host = engine_link.host
        self.port = engine_link.port
        self._engine_link = engine_link
        self._timeout = timeout
        self._injections: list[Injection] = []
        self._last: History | None = None  # once it is closed

    def __repr__(self) -> str:
        """Say where it listens, where it leads, and what is wrong with it."""
        if self._last is not None:
            state = "closed"
        else:
            state = ", ".join(str(i.fault) for i in self._injections if not i.is_known_to_be_over) or "healthy"
        return f"<link {self.name!r} {self.host}:{self.port} to {self.upstream}: {state}>"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as ``socket.create_connection`` takes them."""
        return self.host, self.port

    def url(self, scheme: str, path: str = "") -> str:
        """Return ``scheme://host:port/path``, with the brackets that IPv6 needs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{'/' if path and not path.startswith('/') else ''}{path}"

    # Faults.

    def cut(self, *, for_: float | None = None) -> Injection:
        """Reset every live connection and refuse new ones."""
        return self.inject(Cut(), for_=for_)

    def reset(self, *, toxicity: float = 1.0) -> Injection:
        """Reset live connections now, idle ones too. New ones are served: there is nothing to heal."""
        return self.inject(Reset(toxicity=toxicity))

    def close(self, *, toxicity: float = 1.0) -> Injection:
        """Close live connections with a FIN, after what was already sent. New ones are served.

        The FIN goes where the bytes go: a stall holds it back, and a black hole takes it.
        """
        return self.inject(Close(toxicity=toxicity))

    def refuse(self, *, for_: float | None = None) -> Injection:
        """Refuse new connections; live ones go on."""
        return self.inject(Refuse(), for_=for_)

    def stall(self, *, direction: Direction = "both", toxicity: float = 1.0, for_: float | None = None) -> Injection:
        """Hold every byte back. Nothing is lost: on heal all of it arrives, in order."""
        return self.inject(Stall(direction=direction, toxicity=toxicity), for_=for_)

    def blackhole(
        self, *, direction: Direction = "both", toxicity: float = 1.0, for_: float | None = None
    ) -> Injection:
        """Drop every byte, FIN and RST in silence. On heal, a connection that lost anything is reset."""
        return self.inject(Blackhole(direction=direction, toxicity=toxicity), for_=for_)

    def delay(
        self,
        latency: float,
        jitter: float = 0.0,
        *,
        direction: Direction = "both",
        toxicity: float = 1.0,
        for_: float | None = None,
    ) -> Injection:
        """Deliver every byte ``latency`` ± ``jitter`` seconds late: one-way, in order, and never early."""
        return self.inject(Delay(latency, jitter, direction=direction, toxicity=toxicity), for_=for_)

    def throttle(
        self, rate: float, *, direction: Direction = "both", toxicity: float = 1.0, for_: float | None = None
    ) -> Injection:
        """Let at most ``rate`` bytes per second through, for each connection and direction."""
        return self.inject(Throttle(rate, direction=direction, toxicity=toxicity), for_=for_)

    def flap(
        self,
        down: Span = (0.05, 0.5),
        up: Span = (0.1, 1.0),
        cycles: int | None = None,
        *,
        fault: Fault | None = None,
    ) -> Injection:
        """Go down and come back, ``cycles`` times or until healed; by default with cuts.

        Args:
            down: Seconds, or a (shortest, longest) pair to draw from with the seed.
            up: The same, for the time between.
            cycles: How often; ``None`` until healed.
            fault: What "down" is; ``Cut()`` by default.
        """
        return self.inject(Flap(down, up, cycles, Cut() if fault is None else fault))

    def inject(self, fault: Fault, *, for_: float | None = None) -> Injection:
        """Put any fault in force: what all the methods above do.

        Args:
            fault: Which.
            for_: Heal it after so many seconds; ``None``: when told, and at the end of the test at the latest.

        Raises:
            TypeError: ``fault`` isn't a fault, or there is nothing that ``for_`` could end.
            ValueError: ``for_`` isn't a duration.
            LinkClosed: the link's test is over.
        """
        if not isinstance(fault, Fault):
            hint = f"; did you mean {fault.__name__}(…)?" if isinstance(fault, type) else ""
            raise TypeError(f"fault must be a fault such as Cut() or Delay(0.2), not {fault!r}{hint}")
        if for_ is not None:
            _check_for(fault, for_)
        self._check_open(f"{fault.kind}()")
        injection = Injection(fault, self.name, self._engine_link, for_, self._timeout)
        self._injections.append(injection)
        return injection

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

    # Observation.

    @property
    def dials(self) -> Dials:
        """Every client's attempt to connect until now: served, refused, or pending."""
        return self.history().dials

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Every served dial until now, with the bytes that it has carried, and how it ended."""
        return self.history().connections

    @property
    def faults(self) -> tuple[Injection, ...]:
        """Every fault that was injected, in order."""
        return tuple(self._injections)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What went wrong with the link itself, in words: its port could not be opened again, say."""
        return tuple(self._engine_link.log.troubles)

    def history(self) -> History:
        """Everything that the link saw until now, as one consistent and immutable value."""
        return self._last or self._engine_link.history()

    def recall(self) -> History:
        """What is known, without asking the engine for the latest."""
        return self._last or self._engine_link.log.history(time.monotonic())

    # Waiting.

    def wait_for_connection(self, n: int = 1, timeout: float | None = None) -> Connection:
        """Wait until the link has had ``n`` connections in all; return the nth.

        Args:
            n: 1 for the first connection of the test, 2 for the first reconnect.
            timeout: Seconds; by default the option ``--netchaos-timeout``.

        Raises:
            WaitTimeout: it didn't come in time; says what came instead.
        """
        _check_count(n)
        self._wait(lambda log: log.opened_count >= n, f"connection {n}", timeout)
        return self.connections[n - 1]

    async def wait_for_connection_async(self, n: int = 1, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - as the sync twin
        """Wait like `wait_for_connection`, without stopping the event loop."""
        _check_count(n)
        await self._wait_async(lambda log: log.opened_count >= n, f"connection {n}", timeout)
        return self.connections[n - 1]

    def wait_for_dial(self, n: int = 1, timeout: float | None = None) -> Dial:
        """Wait until ``n`` dials have been made in all, served or refused; return the nth.

        Args:
            n: 1 for the first dial of the test.
            timeout: Seconds; by default the option ``--netchaos-timeout``.

        Raises:
            WaitTimeout: it didn't come in time; says what came instead.
        """
        _check_count(n)
        self._wait(lambda log: log.dialled_count >= n, f"dial {n}", timeout)
        return self.dials[n - 1]

    async def wait_for_dial_async(self, n: int = 1, timeout: float | None = None) -> Dial:  # noqa: ASYNC109 - as the sync twin
        """Wait like `wait_for_dial`, without stopping the event loop."""
        _check_count(n)
        await self._wait_async(lambda log: log.dialled_count >= n, f"dial {n}", timeout)
        return self.dials[n - 1]

    def wait_for(self, condition: Callable[[History], bool], timeout: float | None = None) -> History:
        """Wait until ``condition(history)``; it is asked now, and whenever something has happened on the link.

        Raises:
            WaitTimeout: it didn't come true in time.
        """
        if condition(now := self.history()):
            return now
        self._wait(lambda log: condition(log.history(time.monotonic())), _name(condition), timeout)
        return self.history()

    async def wait_for_async(self, condition: Callable[[History], bool], timeout: float | None = None) -> History:  # noqa: ASYNC109 - as the sync twin
        """Wait like `wait_for`, without stopping the event loop."""
        if condition(now := self.history()):
            return now
        await self._wait_async(lambda log: condition(log.history(time.monotonic())), _name(condition), timeout)
        return self.history()

    def wait_history(self, enough: Callable[[History], bool], until: float) -> History:
        """Wait until ``enough(history)`` or the monotonic time ``until``; for matchers."""
        if self._last is None:
            self._engine_link.wait(lambda log: enough(log.history(time.monotonic())), until, lambda: False)
        return self.history()

    async def wait_history_async(self, enough: Callable[[History], bool], until: float) -> History:
        """Wait like `wait_history`, without stopping the event loop."""
        if self._last is None:
            await self._in_thread(lambda log: enough(log.history(time.monotonic())), until)
        return self.history()

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

    def _check_open(self, what: str) -> None:
        if self._last is not None:
            raise LinkClosed(
                f"{what} on link {self.name!r}, which is closed: a link lives as long as the test that made it"
            )

    def _wait(self, enough: Callable[[LinkLog], bool], what: str, timeout: float | None) -> None:
        timeout = self._patience(timeout)
        self._check_open(f"waiting for {what}")
        if not self._engine_link.wait(enough, time.monotonic() + timeout, lambda: False):
            raise self._timed_out(what, timeout)

    async def _wait_async(self, enough: Callable[[LinkLog], bool], what: str, timeout: float | None) -> None:  # noqa: ASYNC109
        timeout = self._patience(timeout)
        self._check_open(f"waiting for {what}")
        if not await self._in_thread(enough, time.monotonic() + timeout):
            raise self._timed_out(what, timeout)

    async def _in_thread(self, enough: Callable[[LinkLog], bool], until: float) -> bool:
        link = self._engine_link
        return await in_thread(lambda cancelled: link.wait(enough, until, cancelled), link.nudge)

    def _patience(self, timeout: float | None) -> float:
        if timeout is None:
            return self._timeout
        check_duration("timeout", timeout)
        return timeout

    def _timed_out(self, what: str, timeout: float) -> WaitTimeout:
        history = self.history()
        dials = ", ".join(f"{d.outcome}{f' ({d.reason})' if d.reason else ''}" for d in history.dials[-5:]) or "none"
        blind = f" ({history.dials.blind})" if history.dials.blind else ""
        return WaitTimeout(
            f"link {self.name!r} to {self.upstream}: waited {timeout:g} s for {what}; it has seen "
            f"{len(history.dials)} dials and {len(history.connections)} connections; the last dials: {dials}{blind}"
        )


def _check_for(fault: Fault, for_: float) -> None:
    if fault.instant:
        raise TypeError(
            f"{fault.kind}() is over as soon as it has happened, so there is nothing for for_={for_!r} to end; "
            "to keep clients away for a while, use cut(for_=…)"
        )
    if isinstance(fault, Flap):
        raise TypeError(f"flap() ends after its cycles, or when healed: it takes no for_={for_!r}")
    check_duration("for_", for_, above=True)


def _check_count(n: object) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n must be a whole number from 1 (the first of the test), not {n!r}")


def _name(condition: Callable[..., object]) -> str:
    return getattr(condition, "__name__", "") or repr(condition)
