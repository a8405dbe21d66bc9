"""What may be written into a ledger, checked at once and by name: ids, names and times. No I/O."""

from __future__ import annotations

import sys


def check_id(value: object) -> None:
    """Refuse what doesn't tell one message from another.

    Raises:
        TypeError: It's ``None``, what a payload without an id often gives, or can't be hashed.
    """
    if value is None:
        raise TypeError("id must be what identifies the message, not None: is it missing from the payload?")
    _check_hashable("id", value)


def check_session(value: object) -> None:
    """Refuse what can't be compared with another session; ``None`` stands for one that nobody knows.

    Raises:
        TypeError: It can't be hashed.
    """
    _check_hashable("session", value)


def _check_hashable(name: str, value: object) -> None:
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
    # A whole number that no float can hold isn't finite either.
    if not -sys.float_info.max <= value <= sys.float_info.max:
        raise ValueError(f"at must be finite (seconds of time.monotonic()), not {value!r}")
    return value
