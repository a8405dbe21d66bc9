"""Addresses as Go writes them: ``host:port``, ``[::1]:port``, ``:port``. Pure, but for the names of services."""

from __future__ import annotations

import _socket

_DIGITS = frozenset("0123456789")
#: Where a proxy listens whose body names no address: Toxiproxy takes every interface.
DEFAULT_LISTEN = "127.0.0.1:0"
#: Every interface, IPv4 and IPv6, whichever way it is written: Go doesn't tell them apart.
WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 - asked for, not chosen
_PORTS = 1 << 16


class BadAddress(ValueError):
    """It is no address, and why."""


def split(address: str) -> tuple[str, str]:
    """Return host and port, as they were written.

    Raises:
        BadAddress: It has no port, or more colons than it should.
    """
    host, colon, port = address.rpartition(":")
    if not colon or (address.startswith("[") and "]" in port):
        raise BadAddress(f"address {address}: missing port in address")
    if host.startswith("["):
        if not host.endswith("]"):
            raise BadAddress(f"address {address}: missing ']' in address")
        host = host[1:-1]
    elif ":" in host:
        raise BadAddress(f"address {address}: too many colons in address")
    if "[" in host or "]" in host or "[" in port or "]" in port:
        raise BadAddress(f"address {address}: unexpected '[' or ']' in address")
    return host, port


def parse(address: str) -> tuple[str, int]:
    """Return host and port as a number.

    Raises:
        BadAddress: It has no port, or one that isn't known.
    """
    host, port = split(address)
    if any(char <= " " or char == "\x7f" for char in host):
        raise BadAddress(f"address {address!r}: no host has white space or control characters")
    if not port or (_DIGITS.issuperset(port) and len(port) < 20):  # noqa: PLR2004 - int() is quadratic in the digits
        number = int(port or 0)
        if number >= _PORTS:
            raise BadAddress(f"address {port}: invalid port")
        return host, number
    try:
        return host, _socket.getservbyname(port, "tcp")
    except (OSError, ValueError):
        raise BadAddress(f"address {address}: unknown port") from None


def parse_listen(address: str) -> tuple[str, int]:
    """Return where a proxy is to listen; an empty address is a free port of this machine's own interface.

    Raises:
        BadAddress: As `parse`.
    """
    host, port = parse(address or DEFAULT_LISTEN)
    return ("" if host in WILDCARDS else host), port
