"""The fields of commands, as what they stand for: each is taken or refused by name and value. Pure."""

from __future__ import annotations

import _socket

from . import rhythm, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sockets import Address
    from .trigger import Trigger

#: Characters of a value that a refusal quotes: a field may have a million.
_QUOTED = 40
_HIGHEST_PORT = 65535
#: What fits in a `sockaddr_un`, with its final zero.
_LONGEST_PATH = 107
_SPAN = 4  # the numbers of a flap's spans: shortest and longest time down, shortest and longest time up


def quote(text: str) -> str:
    """Quote a field as far as somebody who reads an error wants to see it."""
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "…")


def whole(name: str, text: str) -> int:
    """Read a whole number.

    Raises:
        ValueError: It is none.
    """
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} must be a whole number, not {quote(text)}") from None


def number(name: str, text: str) -> float:
    """Read a number.

    Raises:
        ValueError: It is none.
    """
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {quote(text)}") from None


def seconds(name: str, text: str) -> float:
    """Read a time of 0 or more, which may be endless.

    Raises:
        ValueError: It is none.
    """
    said = number(name, text)
    if not said >= 0:  # NaN is not, either
        raise ValueError(f"{name} must be 0 seconds or more, not {quote(text)}")
    return said


def windows_of(seed: int, *spec: str) -> Iterator[tuple[float, float]]:
    """Read when a fault is in force: ``once`` and how long, or ``flap``, four times and the number of cycles.

    Raises:
        ValueError: It is no rhythm.
    """
    match spec:
        case ("once", length):
            return rhythm.once(seconds("the window's length", length))
        case ("flap", *span, count) if len(span) == _SPAN:
            return _flap(seed, span, count)
    said = quote(" ".join(spec))
    raise ValueError(f"the windows must be 'once' and a length, or 'flap', four times and a count, not {said}")


def trigger_of(fields: tuple[str, ...]) -> tuple[tuple[str, ...], Trigger | None]:
    """Cut a trigger off from the end of fields, where there is one behind a ``when``.

    It is ``connection`` or ``dial`` and a number; or ``bytes``, how many, a direction, and a connection's number.

    Raises:
        ValueError: It is no trigger.
    """
    if "when" not in fields:
        return fields, None
    from .trigger import BYTES, Trigger  # noqa: PLC0415 - most runs need none, and the first byte waits for every import

    place = fields.index("when")
    match fields[place + 1 :]:
        case (kind, which) if kind != BYTES:
            trigger = Trigger(kind, whole("the trigger's number", which))
        case ("bytes", count, direction, connection):
            number = whole("the trigger's number", count)
            trigger = Trigger(BYTES, number, direction, whole("the trigger's connection", connection))
        case said:
            raise ValueError(
                f"a trigger has a kind, a number, and for bytes where they are, not {quote(' '.join(said))}"
            )
    return fields[:place], trigger


def upstreams_of(fields: tuple[str, ...]) -> list[tuple[int, Address]]:
    """Read addresses, of three fields each.

    Raises:
        ValueError: Something isn't one.
    """
    if len(fields) % 3:
        raise ValueError(f"each upstream has a family, a host and a port; {len(fields)} fields make no such row")
    return [upstream(*fields[start : start + 3]) for start in range(0, len(fields), 3)]


def upstream(family: str, host: str, port: str) -> tuple[int, Address]:
    """Read an address that can be dialled without asking anybody for a name: that would stop every connection.

    Raises:
        ValueError: It is none.
    """
    if family not in sockets.FAMILIES:
        raise ValueError(f"the family of an upstream must be one of 4, 6 and u, not {quote(family)}")
    if family == "u":
        if not host or "\0" in host or len(host.encode("utf-8", "surrogateescape")) > _LONGEST_PATH:
            raise ValueError(f"the path of a Unix socket must have 1 to {_LONGEST_PATH} bytes, not {quote(host)}")
        return sockets.FAMILIES[family], host
    return sockets.FAMILIES[family], (numeric(family, host), port_of(port))


def numeric(family: str, host: str) -> str:
    """Read a numeric host of a family, ``"4"`` or ``"6"``.

    Raises:
        ValueError: It is none.
    """
    try:
        _socket.inet_pton(sockets.FAMILIES[family], host.partition("%")[0] if family == "6" else host)
    except (OSError, ValueError):
        raise ValueError(f"the host must be an IPv{family} address in numbers, not {quote(host)}") from None
    return host


def port_of(text: str) -> int:
    """Read the number of a port.

    Raises:
        ValueError: It is none.
    """
    port = whole("the port", text)
    if not 0 <= port <= _HIGHEST_PORT:
        raise ValueError(f"the port must be from 0 to {_HIGHEST_PORT}, not {quote(text)}")
    return port


def _flap(seed: int, span: list[str], count: str) -> Iterator[tuple[float, float]]:
    shortest_down, longest_down, shortest_up, longest_up = (seconds("a window's time", text) for text in span)
    cycles = whole("the number of windows", count)
    if cycles < 0:
        raise ValueError(f"the number of windows must be 0 (no end) or more, not {cycles}")
    ordered = shortest_down <= longest_down < rhythm.FOREVER and shortest_up <= longest_up < rhythm.FOREVER
    if not ordered or not shortest_down + shortest_up:  # windows without length would follow each other without end
        said = quote(" ".join(span))
        raise ValueError(f"a flap's windows need a shortest and a longest time each, above 0 together, not {said}")
    return rhythm.flap(seed, (shortest_down, longest_down), (shortest_up, longest_up), cycles or None)
