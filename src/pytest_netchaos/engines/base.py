"""What a link needs from an engine, whichever it is."""

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
