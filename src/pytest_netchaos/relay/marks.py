"""Where the windows of a fault were in an earlier run, as the ``fault`` command has it. Loaded for a replay. Pure."""

from __future__ import annotations

from .arguments import quote, seconds, whole
from .rhythm import FOREVER

_PARTS = 4
#: A connection's number, and its bytes up and down.
_NUMBERS = 3


class Mark:
    """Where one window began.

    Args:
        gap: Seconds between the end of the window before it, or the command, and its beginning.
        length: Seconds that it lasted; ``None`` where the fault itself says so.
        connections: How many connections there had been.
        places: By the numbers of the connections that it met: the bytes that each had carried up and down.
    """

    __slots__ = ("connections", "gap", "length", "places")

    def __init__(self, gap: float, length: float | None, connections: int, places: dict[int, tuple[int, int]]) -> None:
        self.gap = gap
        self.length = length
        self.connections = connections
        self.places = places


def marks_of(fields: tuple[str, ...]) -> tuple[tuple[str, ...], float, list[Mark | None]]:
    """Cut the marks off from the end of fields, where there are some behind a ``replay``.

    First comes how many seconds a mark is waited for beyond its time; then one field for each window: empty for one
    that begins at once, else ``gap;length;connections;number:up:down,…``.

    Returns:
        The fields before it, the seconds, and the marks.

    Raises:
        ValueError: Something isn't one.
    """
    if "replay" not in fields:
        return fields, 0.0, []
    place = fields.index("replay")
    patience, *windows = fields[place + 1 :] or ("",)
    return fields[:place], _finite("the patience of a replay", patience), [_mark(text) for text in windows]


def _mark(text: str) -> Mark | None:
    if not text:
        return None
    parts = text.split(";")
    if len(parts) != _PARTS:
        raise ValueError(f"a mark has a gap, a length, connections and places, not {quote(text)}")
    gap, length, connections, places = parts
    return Mark(
        _finite("the gap before a mark", gap),
        _finite("the length of a mark", length) if length else None,
        _count("the connections of a mark", connections),
        dict(_place(each) for each in places.split(",") if each),
    )


def _place(text: str) -> tuple[int, tuple[int, int]]:
    numbers = text.split(":")
    if len(numbers) != _NUMBERS:
        raise ValueError(f"a place has a connection's number, and bytes up and down, not {quote(text)}")
    number, up, down = (_count("each number of a place", each) for each in numbers)
    return number, (up, down)


def _count(name: str, text: str) -> int:
    count = whole(name, text)
    if count < 0:
        raise ValueError(f"{name} must be 0 or more, not {quote(text)}")
    return count


def _finite(name: str, text: str) -> float:
    said = seconds(name, text)
    if said == FOREVER:
        raise ValueError(f"{name} must have an end, not {quote(text)}")
    return said
