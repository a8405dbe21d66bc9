"""How long a fault may last. Pure."""

from __future__ import annotations

from .faults import Fault, Flap, check_duration

# A bad value is the fault of the line that wrote it, as with faults.
__tracebackhide__ = True


def check_for(fault: Fault, for_: float) -> None:
    """Refuse a time that can't be the end of a fault.

    Raises:
        TypeError: ``for_`` isn't a number, or there is nothing that it could end.
        ValueError: it isn't a duration above 0.
    """
    if fault.instant:
        raise TypeError(
            f"{fault.kind}() is over as soon as it has happened, so there is nothing for for_={for_!r} to end; "
            "to keep clients away for a while, use cut(for_=…)"
        )
    if isinstance(fault, Flap):
        raise TypeError(f"flap() ends after its cycles, or when healed: it takes no for_={for_!r}")
    check_duration("for_", for_, above=True)


def longest(fault: Fault, for_: float | None) -> float | None:
    """Return the seconds after which a fault is over by itself at the latest; ``None`` if it never is."""
    if isinstance(fault, Flap):
        return None if fault.cycles is None else fault.cycles * (_longest(fault.down) + _longest(fault.up))
    return 0.0 if fault.instant else for_


def _longest(span: float | tuple[float, float]) -> float:
    return span[1] if isinstance(span, tuple) else span
