"""A message on its way out: what became of it, known at once (`Send`) or later (`Attempt`). No I/O."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

SendOutcome: TypeAlias = Literal["ok", "fail", "info"]

OUTCOMES: tuple[str, ...] = get_args(SendOutcome)


class Send(NamedTuple):
    """One attempt to send a message. A tuple, since there may be a million of them."""

    id: Hashable
    #: Monotonic seconds.
    at: float
    #: ``"ok"``: acknowledged. ``"fail"``: definitely not accepted. ``"info"``: nobody can tell.
    outcome: SendOutcome = "ok"
    sender: str = ""
    #: When the acknowledgement came, or the sender gave up waiting for it; of one that still waited, when that was
    #: seen. ``None`` where nobody wrote it down.
    settled_at: float | None = None


class Attempt:
    """A send whose outcome isn't known yet: set `outcome` once it is. It already has its place among the others."""

    __slots__ = ("_clock", "_outcome", "_settled_at", "at", "id", "sender")

    def __init__(self, id_: Hashable, at: float, sender: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self.id = id_
        self.at = at
        self.sender = sender
        self._clock = clock
        self._outcome: SendOutcome = "info"
        self._settled_at: float | None = None

    def __repr__(self) -> str:
        """Say of what, and how it stands."""
        return f"<attempt to send {self.id!r}: {self._outcome}>"

    @property
    def outcome(self) -> SendOutcome:
        """``"info"`` until it is set; see `Send`.

        Raises:
            ValueError: It is set to something else than one of the three.
        """
        return self._outcome

    @outcome.setter
    def outcome(self, value: SendOutcome) -> None:
        check_outcome(value)
        self._settled_at = self._clock()
        self._outcome = value

    @property
    def is_settled(self) -> bool:
        """Whether an outcome was set, or the sender has given up."""
        return self._settled_at is not None

    def give_up(self) -> None:
        """Wait no more: an outcome that isn't known by now is not going to be."""
        if self._settled_at is None:
            self._settled_at = self._clock()

    def as_send(self, now: float) -> Send:
        """Freeze it as it stands: one that isn't settled still waits."""
        settled_at = now if self._settled_at is None else self._settled_at
        return Send(self.id, self.at, self._outcome, self.sender, settled_at)


def check_outcome(value: object) -> None:
    """Refuse what isn't an outcome: a message with another one would be judged as nothing at all.

    Raises:
        ValueError: It's none of the three.
    """
    if value not in OUTCOMES:
        raise ValueError(f"outcome must be one of {', '.join(map(repr, OUTCOMES))}, not {value!r}")
