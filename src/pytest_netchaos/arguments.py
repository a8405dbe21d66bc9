"""What may be written into a ledger, checked at once and by name: ids, names and times. No I/O."""

from __future__ import annotations

import math


def check_id(value: object, name: str = "id") -> None:
    """Refuse what can't be looked up.

    Raises:
        TypeError: It can't be hashed.
    """
    try:
        hash(value)
    except TypeError as error:
        kind = type(value).__name__
        # Of a tuple with a list in it, Python complains of the list.
        inside = "" if f"'{kind}'" in str(error) else f" ({error})"
        raise TypeError(
            f"{name} must be hashable, not {kind!r}{inside}: use what identifies the message, "
            "such as its number, or a tuple of its parts"
        ) from None


def check_name(name: str, value: object) -> None:
    """Refuse what doesn't name a sender or a subscriber.

    Raises:
        TypeError: It isn't a string.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a name, as a string, not {value!r}: leave it out where there is only one")


def check_time(value: object) -> float:
    """Return a time that can be put in order with others.

    Raises:
        TypeError: It isn't a number.
        ValueError: It isn't finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"at must be a number (seconds of time.monotonic()), not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"at must be finite (seconds of time.monotonic()), not {value!r}")
    return value
