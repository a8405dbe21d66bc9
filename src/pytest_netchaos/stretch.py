"""A stretch of time: what faults, outages and injections have in common for a matcher that counts from one. No I/O."""

from __future__ import annotations

import math
from typing import Protocol, cast, runtime_checkable

from .faults import check_number


@runtime_checkable
class Stretch(Protocol):
    """Something that began and may be over: a `FaultSpan`, an `Outage`, an `Injection`."""

    @property
    def started_at(self) -> float:
        """Monotonic seconds."""

    @property
    def healed_at(self) -> float | None:
        """Monotonic seconds; ``None`` while it lasts."""


def check_moment(name: str, value: object) -> None:
    """Refuse what is neither a monotonic time nor a stretch of time.

    Raises:
        TypeError: It's something else.
        ValueError: It's a number, and not a finite one.
    """
    if isinstance(value, Stretch):
        return
    check_number(name, value, low=-math.inf, high=math.inf)
    if math.isinf(cast("float", value)):
        raise ValueError(f"{name} must be finite (seconds of time.monotonic()), not {value!r}")


def start_of(value: float | Stretch) -> float:
    """Return the time itself, or when the stretch began."""
    return value if isinstance(value, int | float) else value.started_at


def end_of(value: float | Stretch) -> float | None:
    """Return the time itself, or when the stretch was over; ``None`` while it lasts."""
    return value.healed_at if isinstance(value, Stretch) else value


def name_of(stretch: object) -> str:
    """Name a stretch by what it is of: ``"cut and stall"``; ``"fault"`` where it doesn't say."""
    kinds: tuple[str, ...] = getattr(stretch, "kinds", ()) or (getattr(getattr(stretch, "fault", None), "kind", ""),)
    return " and ".join(filter(None, kinds)) or "fault"
