"""A link as who watches it has it: where it is, what it has seen, and waiting for more."""

from __future__ import annotations

import time
from collections.abc import Callable

from .addresses import UrlDefaults
from .engines.base import EngineLink
from .errors import LinkClosed, WaitTimeout, hide_own_errors
from .faults import check_duration
from .history import Connection, Dial, Dials, History
from .lags.lag import LagMonitor
from .linklog import LinkLog
from .waiting import in_thread

__tracebackhide__ = hide_own_errors

#: Seconds after which a wait on a whole history asks the engine for the latest. All that happens is told at once, but
#: for the bytes that connections carry: these are counted when somebody asks, which takes 0.1 ms.
ASK_AGAIN = 0.015


class ObservedLink:
    """Everything about a link but its faults."""

    def __init__(
        self,
        name: str,
        upstream: str,
        engine_link: EngineLink,
        timeout: float,
        url_defaults: UrlDefaults = UrlDefaults(),  # noqa: B008 - it is frozen
        lag_monitor: LagMonitor | None = None,
    ) -> None:
        self.name = name
        #: Where it leads, in words.
        self.upstream = upstream
        #: Where clients dial.
        self.host = engine_link.host
        self.port = engine_link.port
        self._engine_link = engine_link
        self._timeout = timeout
        self._url_defaults = url_defaults
        self._lag_monitor = lag_monitor
        self._last: History | None = None  # once it is closed

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as ``socket.create_connection`` takes them."""
        return self.host, self.port

    def url(self, scheme: str, path: str | None = None) -> str:
        """Return ``scheme://host:port/path``, with the brackets that IPv6 needs.

        Args:
            scheme: ``"redis"``, ``"http"`` …
            path: What follows the port. By default nothing; for a server with a database of the tests' own
                (``--netchaos-redis=redis://…``), that database. Such a server's credentials are always in the URL.
        """
        defaults = self._url_defaults
        path = defaults.path if path is None else path
        user = f"{defaults.userinfo}@" if defaults.userinfo else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{user}{host}:{self.port}{'/' if path and not path.startswith('/') else ''}{path}"

    # What it has seen.

    @property
    def dials(self) -> Dials:
        """Every client's attempt to connect until now: served, refused, or pending."""
        return self.history().dials

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Every served dial until now, with the bytes that it has carried, and how it ended."""
        return self.history().connections

    @property
    def troubles(self) -> tuple[str, ...]:
        """What went wrong with the link itself, in words: its port could not be opened again, say."""
        return tuple(self._engine_link.log.troubles)

    def history(self) -> History:
        """Everything that the link saw until now, as one consistent and immutable value."""
        return self._last or self._with_lags(self._engine_link.history())

    def recall(self) -> History:
        """What is known, without asking the engine for the latest."""
        return self._last or self._with_lags(self._engine_link.log.history(time.monotonic()))

    def _with_lags(self, history: History) -> History:
        if self._lag_monitor is None:
            return history
        self._lag_monitor.watch()  # a link that was made before the event loop began is now used in it
        lags = self._lag_monitor.lags()
        return history.with_lags(lags) if lags else history

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
        """Wait until ``condition(history)``; asked now, when something happens, and every 15 ms for the bytes.

        Raises:
            WaitTimeout: it didn't come true in time.
        """
        if condition(now := self.history()):
            return now
        timeout = self._patience(timeout)
        self._check_open(f"waiting for {_name(condition)}")
        if not self._watch(condition, time.monotonic() + timeout):
            raise self._timed_out(_name(condition), timeout)
        return self.history()

    async def wait_for_async(self, condition: Callable[[History], bool], timeout: float | None = None) -> History:  # noqa: ASYNC109 - as the sync twin
        """Wait like `wait_for`, without stopping the event loop."""
        if condition(now := self.history()):
            return now
        timeout = self._patience(timeout)
        self._check_open(f"waiting for {_name(condition)}")
        if not await self._watch_in_thread(condition, time.monotonic() + timeout):
            raise self._timed_out(_name(condition), timeout)
        return self.history()

    def wait_history(self, enough: Callable[[History], bool], until: float) -> History:
        """Wait until ``enough(history)`` or the monotonic time ``until``; for matchers."""
        if self._last is None:
            self._watch(enough, until)
        return self.history()

    async def wait_history_async(self, enough: Callable[[History], bool], until: float) -> History:
        """Wait like `wait_history`, without stopping the event loop."""
        if self._last is None:
            await self._watch_in_thread(enough, until)
        return self.history()

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

    def _watch(
        self, enough: Callable[[History], bool], until: float, cancelled: Callable[[], bool] = lambda: False
    ) -> bool:
        """Wait until ``enough(history)``, with fresh counts of bytes; look once more when the time is up."""
        link = self._engine_link
        while not enough(link.history()):
            now = time.monotonic()
            if now >= until or cancelled():
                return False
            if link.wait(lambda log: enough(log.history(time.monotonic())), min(until, now + ASK_AGAIN), cancelled):
                return True
        return True

    async def _watch_in_thread(self, enough: Callable[[History], bool], until: float) -> bool:
        link = self._engine_link
        return await in_thread(lambda cancelled: self._watch(enough, until, cancelled), link.nudge)

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


def _check_count(n: object) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n must be a whole number from 1 (the first of the test), not {n!r}")


def _name(condition: Callable[..., object]) -> str:
    return getattr(condition, "__name__", "") or repr(condition)
