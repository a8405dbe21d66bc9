"""Where a link leads to: everything that people write for "that server over there"."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from .errors import UpstreamError
from .masking import masked


@runtime_checkable
class HasAddress(Protocol):
    """Anything with a host and a port: a server fixture, or another link."""

    @property
    def host(self) -> str:
        """Where it listens."""

    @property
    def port(self) -> int:
        """On which port."""


UpstreamLike: TypeAlias = "str | int | tuple[str, int] | Path | HasAddress"

# A bad value is the fault of the line that wrote it: pytest's traceback is to end there, and not here.
__tracebackhide__ = True

_URL = re.compile(r"^[a-z][a-z0-9+.-]*://(?:[^/?#]*@)?(?P<rest>[^/?#]+)", re.IGNORECASE)
_HOST_PORT = re.compile(r"^(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:/\[\]]+)):(?P<port>\d+)$")
_SPELLINGS = (
    '"host:port", ("host", port), a port, a URL with a port, "unix:/path", a Path, or anything with .host and .port'
)
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class UrlDefaults:
    """What a server's URL has beside its address, and what a URL through a link has then as well."""

    #: ``"user:password"``, quoted as URLs want it.
    userinfo: str = field(default="", repr=False)
    #: ``"/5"``: which database, say.
    path: str = ""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A server's address, in words and in the numbers that a socket needs."""

    #: ``"localhost:5432"`` or a socket's path: what the test wrote, tidied up.
    name: str
    #: (family, address, port) to try in turn: family ``"4"``, ``"6"``, or ``"u"`` with the path as the address.
    numeric: tuple[tuple[str, str, int], ...]
    #: What is in ``link.url(…)`` where the caller doesn't say otherwise.
    url_defaults: UrlDefaults = UrlDefaults()


def upstream(value: UpstreamLike) -> Upstream:
    """Understand what a test wrote, and look its host name up.

    Nothing has to listen there: that only decides how a client's dial ends.

    Raises:
        UpstreamError: it can't be understood, the port can't be, or nobody knows the host.
    """
    if isinstance(value, Path):
        return _unix(str(value))
    if isinstance(value, str):
        return _parse(value)
    if isinstance(value, int):
        return _tcp("127.0.0.1", value, value)
    if isinstance(value, tuple):
        if len(value) not in {2, 4} or not isinstance(value[0], str):  # what getsockname() gives, on IPv4 and IPv6
            raise UpstreamError(f"upstream must be {_SPELLINGS}, not {value!r}")
        return _tcp(value[0], value[1], value)
    if isinstance(value, HasAddress):
        given = getattr(value, "url_defaults", None)
        defaults = given if isinstance(given, UrlDefaults) else UrlDefaults()
        return replace(_tcp(value.host, value.port, value), url_defaults=defaults)
    raise UpstreamError(f"upstream must be {_SPELLINGS}, not {value!r}")


def loopback(host: str) -> tuple[socket.AddressFamily, str]:
    """Understand where a link is to listen.

    Raises:
        ValueError: it isn't an address of this machine's loopback.
    """
    try:
        found = _look_up(host, 1, host)
    except UpstreamError:
        found = []
    for family, address, _ in found:
        if family == "6" and address == "::1":
            return socket.AF_INET6, address
        if family == "4" and address.startswith("127."):
            return socket.AF_INET, address
    raise ValueError(f"host must be a loopback address such as '127.0.0.1', '::1' or 'localhost', not {host!r}")


def numeric_hosts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Understand a list of IP addresses, and spell each as the system does: ``"::1"`` for ``"0::1"``.

    Args:
        name: What to call it in an error.
        values: The addresses.

    Raises:
        ValueError: it isn't a list, or one isn't an address in numbers.
    """
    if isinstance(values, str):
        raise ValueError(f"{name} must be a list of IP addresses, not a text: write [{values!r}]")  # noqa: TRY004 - as the others
    return tuple(_numeric(name, value) for value in values)


def _numeric(name: str, value: str) -> str:
    family = socket.AF_INET6 if ":" in str(value) else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, value))
    except (OSError, TypeError):
        raise ValueError(f"{name} must be IP addresses such as '127.0.0.2', not {value!r}") from None


def _parse(text: str) -> Upstream:
    if text.startswith("unix:"):
        return _unix(re.sub(r"^unix:(//(?=/))?", "", text))
    if text.startswith("/"):
        return _unix(text)
    url = _URL.match(text)
    parts = _HOST_PORT.match(url["rest"] if url else text)
    if parts is None:
        raise UpstreamError(f"upstream must be {_SPELLINGS}, not {masked(text)!r}")
    return _tcp(parts["v6"] or parts["host"], int(parts["port"]), masked(text))


def _unix(path: str) -> Upstream:
    # 107 bytes is what sockaddr_un holds beside the closing zero on Linux.
    if not path.startswith("/") or len(os.fsencode(path)) > 107:  # noqa: PLR2004
        raise UpstreamError(f"a Unix socket's path must be absolute and at most 107 bytes long, not {path!r}")
    return Upstream(path, (("u", path, 0),))


def _tcp(host: str, port: object, written: object) -> Upstream:
    if isinstance(port, bool) or not isinstance(port, int) or port not in _PORTS:
        raise UpstreamError(f"upstream {written!r}: the port must be a whole number from 1 to 65535, not {port!r}")
    if not host:
        raise UpstreamError(f"upstream {written!r}: the host is missing")
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Upstream(shown, tuple(_look_up(host, port, written)))


def _look_up(host: str, port: int, written: object) -> list[tuple[str, str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UpstreamError(f"upstream {written!r}: nobody knows the host {host!r} ({error})") from None
    families = {socket.AF_INET: "4", socket.AF_INET6: "6"}
    numeric = [(families[f], str(a[0]), port) for f, _, _, _, a in found if f in families]
    return list(dict.fromkeys(numeric))
