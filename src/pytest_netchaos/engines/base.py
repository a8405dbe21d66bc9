"""What a link needs from an engine, whichever it is. For those who write one, too: see ``pytest_netchaos_engines``.

An engine carries links. It says what happens to them by calling the methods of a `LinkLog`, one for each link, in the
order of time: ``dialled``, ``opened`` or ``refused``, ``counted``, ``hung_up``, ``closed`` for what clients and the
server do, and ``injected``, ``struck``, ``healed``, ``over`` for each fault. Everything that tests see (histories,
matchers, waits, stories) is made of that log, so that an engine needs nothing else.

- Times are those of ``time.monotonic()``. ``inject`` returns when the fault is in force, and ``struck`` has been called
  by then with the connections that it met; ``heal`` returns when it isn't any more.
- A fault that an engine can't do is refused by `UnsupportedFault`, which says so; it's never done by half.
- What the engine can't see of dials goes into ``LinkLog.blind``, in words: matchers and stories then say so.
- All calls may come from several threads.

The conformance suite (``tests/conformance``, in the source distribution) is the test of an engine::

    CONFORMANCE_ENGINES=audited python -m pytest tests/conformance -p netchaos_extras -k audited
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from ..addresses import Upstream
from ..faults import Fault
from ..history import History
from ..linklog import LinkLog
from ..triggers import Trigger


class EngineLink(Protocol):
    """One link, as an engine carries it. Every call is thread-safe."""

    #: Where clients dial.
    host: str
    port: int

    def inject(self, fault: Fault, for_: float | None, when: Trigger | None = None) -> int:
        """Put ``fault`` in force, for ``for_`` seconds or until healed; return its id when it is.

        With a trigger it comes into force when that comes; its id is returned when it is waited for.

        Raises:
            ValueError: the trigger can't come any more; says what the link has seen.
            UnsupportedFault: the engine can't do it.
            EngineError: the engine could not, or did not say so in time.
            EngineDied: there is no engine any more.
        """

    def heal(self, fault_id: int) -> None:
        """Take a fault back; return when it is no longer in force. Harmless for one that is over.

        Raises:
            EngineError: the engine could not, or did not say so in time.
            EngineDied: there is no engine any more.
        """

    def close(self) -> None:
        """End every connection and give the port back."""

    def history(self) -> History:
        """Everything that the link saw until now."""

    def wait(self, enough: Callable[[LinkLog], bool], until: float, cancelled: Callable[[], bool]) -> bool:
        """Wait until ``enough(log)``, the monotonic time ``until``, or ``cancelled()``; say whether it is enough."""

    def nudge(self) -> None:
        """Make a waiting `wait` look at ``cancelled()``."""

    @property
    def log(self) -> LinkLog:
        """The link's records; to be read inside `wait` only, where nobody changes them."""


class ApiAddress(NamedTuple):
    """Where an engine's Toxiproxy API listens."""

    host: str
    port: int
    #: Others than this process use the server too.
    is_shared: bool


class Engine(Protocol):
    """A process or server that carries links."""

    #: ``"embedded"``.
    name: str

    def open(
        self, name: str, upstream: Upstream, host: str, port: int, seed: int, background: tuple[str, ...] = ()
    ) -> EngineLink:
        """Make a link that listens at ``host`` and ``port`` (0: a free one).

        Dials from ``background`` hosts are served, and hit by faults, like any other; but they are not logged, not
        numbered among the others, and no fault's hits.

        Raises:
            PortInUse: somebody else has the port.
            EngineDied: there is no engine any more.
        """

    def api(self, seed: int) -> ApiAddress:
        """Say where its Toxiproxy API listens; start it where it doesn't yet.

        Args:
            seed: What an API of our own draws its random decisions from; the one of the first call stays.

        Raises:
            EngineDied: there is no engine any more.
        """

    @property
    def is_alive(self) -> bool:
        """Whether it can carry links."""

    def check(self) -> None:
        """Raise what went wrong since the last call.

        Raises:
            EngineDied: the engine is dead.
        """

    def stop(self) -> None:
        """End it, with everything that it started."""
