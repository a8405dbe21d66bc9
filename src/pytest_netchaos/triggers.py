"""When a fault comes into force, by what a link has seen and not by the clock. No I/O.

A trigger makes a test independent of how fast the machine is: the fault strikes at the same connection, the same dial
or the same byte in each run. Numbers are the link's own: since it was made, and from 1 on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from .faults import check_count

if TYPE_CHECKING:
    from .history import History

OneDirection: TypeAlias = Literal["upstream", "downstream"]

_DIRECTIONS: tuple[str, ...] = get_args(OneDirection)

# A bad value is the fault of the line that wrote it, as with faults.
__tracebackhide__ = True

#: No link of a test sees more connections or dials: the number was meant as something else.
MOST = 1 << 40


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something that a link will see. Use one of the subclasses."""

    def __post_init__(self) -> None:
        """Refuse to be a trigger of no kind.

        Raises:
            TypeError: the class isn't one of the triggers.
        """
        if type(self) is Trigger:
            raise TypeError("Trigger is none by itself: use OnConnection(2), OnDial(3) or AfterBytes(1000)")

    def seen(self, history: History) -> str:
        """Say in words how far a link has come towards it."""
        return _count(len(history.connections), "connection")


@dataclass(frozen=True, slots=True)
class OnConnection(Trigger):
    """When the ``n``-th connection is served, before any byte of it has passed. The fault meets that one as well."""

    n: int

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            TypeError: it isn't a whole number.
            ValueError: it is below 1.
        """
        _check_number("n", self.n)

    def __str__(self) -> str:
        """Say what is waited for."""
        return f"connection {self.n}"


@dataclass(frozen=True, slots=True)
class OnDial(Trigger):
    """When the ``n``-th dial arrives, served or refused, and before it is served.

    A dial that brings a fault which refuses is refused itself: its client's handshake is over by then, so it gets an
    RST. Refused dials count where the relay can see them (`Dials.blind` says whether it can).
    """

    n: int

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            TypeError: it isn't a whole number.
            ValueError: it is below 1.
        """
        _check_number("n", self.n)

    def __str__(self) -> str:
        """Say what is waited for."""
        return f"dial {self.n}"

    def seen(self, history: History) -> str:
        """Say in words how far a link has come towards it."""
        return _count(len(history.dials), "dial")


@dataclass(frozen=True, slots=True)
class AfterBytes(Trigger):
    """When exactly ``count`` bytes of one direction of one connection have been passed on.

    The next byte meets the fault: what is beyond is held until the fault is in force, and so is the other direction,
    so that no answer to the ``count`` bytes slips through. A cut or a reset waits until the receiver's system has
    confirmed all ``count`` bytes (on Linux; elsewhere it destroys what is still on its way). A close sends its FIN
    right behind them, and what is beyond them is lost. Bytes that a black hole takes are not passed on.
    """

    #: 0: before the first byte.
    count: int
    #: ``"upstream"`` is client to server, ``"downstream"`` server to client.
    direction: OneDirection = "upstream"
    #: The connection's number; 1 for the link's first.
    connection: int = 1

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            TypeError: one isn't a whole number.
            ValueError: one is out of range, or the direction isn't one.
        """
        check_count("count", self.count, low=0)
        if self.direction not in _DIRECTIONS:
            allowed = " or ".join(map(repr, _DIRECTIONS))
            raise ValueError(f"direction must be {allowed}, not {self.direction!r}")
        _check_number("connection", self.connection)

    def __str__(self) -> str:
        """Say what is waited for."""
        return f"{self.count:,} bytes {self.direction} on connection {self.connection}"

    def seen(self, history: History) -> str:
        """Say in words how far a link has come towards it."""
        if self.connection > len(history.connections):
            return _count(len(history.connections), "connection")
        known = history.connections[self.connection - 1]
        passed = known.bytes_up if self.direction == "upstream" else known.bytes_down
        over = "" if known.is_open else ", and that connection is over"
        return f"{passed:,} have passed{over}"


def check_trigger(value: object) -> None:
    """Refuse what isn't a trigger.

    Raises:
        TypeError: it is something else; says what might have been meant.
    """
    if not isinstance(value, Trigger):
        hint = f"; did you mean {value.__name__}(…)?" if isinstance(value, type) else ""
        raise TypeError(f"when must be a trigger such as OnConnection(2) or AfterBytes(1000), not {value!r}{hint}")


def _count(count: int, noun: str) -> str:
    return f"the link has seen {count or 'no'} {noun}{'s' * (count > 1)}"


def _check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if not 1 <= value <= MOST:
        raise ValueError(f"{name} must be a whole number from 1 (the link's first) to {MOST}, not {value!r}")
