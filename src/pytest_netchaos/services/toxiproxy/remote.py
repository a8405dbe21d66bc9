"""A Toxiproxy that runs elsewhere, and that others may use as well."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import threading
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl, urlsplit

from ...errors import EngineError, hide_own_errors
from ..docker.route import WayBack
from . import names
from .api import Api
from .server import Seat, local_seat, stay

__tracebackhide__ = hide_own_errors

_PORT = 8474
_LOOPBACK = "127.0.0.1"
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL says: ``http://host:8474?ports=8666-8697&host=10.0.0.5``."""

    host: str
    port: int
    #: The ports at which proxies may listen; ``None`` for any.
    ports: tuple[int, ...] | None
    #: This machine's address, as that Toxiproxy knows it; empty where it is the same machine.
    here: str


def parse(url: str) -> Place:
    """Understand a Toxiproxy's URL.

    Raises:
        ValueError: It isn't one; says what is wrong.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, _PORT if parts.port is None else parts.port
    except ValueError:  # a port that is none, half an IPv6 address
        host = port = None
    if not host or not port or parts.scheme != "http" or parts.path.strip("/") or parts.username is not None:
        raise ValueError("an http:// URL of a Toxiproxy's API, such as http://127.0.0.1:8474")
    wishes = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(wishes.keys() - {"ports", "host"}):
        raise ValueError(f"a URL whose query has nothing but ports= and host= (not {', '.join(unknown)}=)")
    ports = _ports(wishes["ports"]) if "ports" in wishes else None
    if not wishes.get("host", "-"):
        raise ValueError("a URL whose host= is this machine's address, as that Toxiproxy knows it")
    return Place(host, port, ports, wishes.get("host", ""))


def _ports(text: str) -> tuple[int, ...]:
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if first not in _PORTS or last not in _PORTS or last < first:
        raise ValueError("a URL whose ports= is a port or a range, such as ports=8666-8697")
    return tuple(range(first, last + 1))


class RemoteToxiproxy:
    """Uses a server of somebody else's: it makes proxies there, takes them away again, and leaves all others alone.

    But those that a run on this machine left there when it was killed: they are taken away first.

    Args:
        url: Where its API listens; see `Place`.

    Raises:
        ValueError: The URL is malformed.
        EngineError: There is no Toxiproxy, or it is too old, or it can't reach us.
    """

    is_shared = True

    def __init__(self, url: str) -> None:
        self.name = url
        place = parse(url)
        self._api = Api(place.host, place.port)
        try:
            self._api.version()
            self._sweep()
        except BaseException:
            self._api.close()
            raise
        self._is_near = _is_loopback(place.host)
        self._here = place.here
        self._lock = threading.Lock()
        self._free = None if place.ports is None else list(place.ports)

    def __repr__(self) -> str:
        """Say where it is."""
        return f"<Toxiproxy at {self._api.where}>"

    @property
    def api(self) -> Api:
        """Its API."""
        return self._api

    @property
    def way_back(self) -> WayBack:
        """How it reaches us: by the loopback, or as the URL says.

        Raises:
            EngineError: It runs on another machine, and the URL doesn't say how that one reaches this one.
        """
        if self._here:
            return WayBack(_listen_at(self._here), self._here)
        if self._is_near:
            return WayBack(_LOOPBACK, _LOOPBACK)
        raise EngineError(
            f"the Toxiproxy at {self._api.where} has to reach this machine: say by which address, as in "
            f"--netchaos-engine='http://{self._api.where}?host={own_address(self._api.host)}'"
        )

    def seat(self) -> Seat:
        """Find a place for one more proxy.

        Raises:
            EngineError: Each of the ports that the URL allows is taken.
        """
        if self._is_near and self._free is None:
            return local_seat(self._api)
        # Where it runs elsewhere, or in a container of somebody else's, we dial it from outside.
        everywhere = "[::]" if ":" in self._api.host and not self._is_near else "0.0.0.0"  # noqa: S104
        dialled = _LOOPBACK if self._is_near else self._api.host
        if self._free is None:
            return Seat(self._api, f"{everywhere}:0", dialled, None, stay)
        with self._lock:
            if not self._free:
                raise EngineError(f"each port that {self.name} allows (ports=…) has a link already: allow more of them")
            port = self._free.pop(0)
        return Seat(self._api, f"{everywhere}:{port}", dialled, port, partial(self._leave, port))

    @property
    def is_alive(self) -> bool:
        """Always: it isn't ours, and whether it answers, the next call tells."""
        return True

    def obituary(self) -> str:
        """Nothing: we don't know its log."""
        return ""

    def stop(self) -> None:
        """Hang up. It isn't ours to end."""
        self._api.close()

    def _sweep(self) -> None:
        """Take away what processes of this machine have left there that were killed; nobody else's."""
        with contextlib.suppress(EngineError):  # somebody's link makes it hang: then the next run will
            for proxy in self._api.proxies():
                owner = names.owner_of(proxy)
                if owner is not None and owner.is_dead():
                    self._api.delete(proxy)

    def _leave(self, port: int) -> None:
        with self._lock:
            assert self._free is not None
            self._free.append(port)


def own_address(host: str) -> str:
    """Return the address of this machine that packets to ``host`` leave from: a good guess at what it knows us by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((host, 9))  # sends nothing: UDP has no handshake
        except OSError:
            return "ADDRESS"
        return str(sock.getsockname()[0])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen_at(name: str) -> str:
    """Return where to listen so that ``name`` reaches us: there, if that is an address of ours.

    Docker Desktop forwards its ``host.docker.internal`` to our loopback.
    """
    try:
        address = socket.gethostbyname(name)
        with socket.socket() as sock:
            sock.bind((address, 0))
    except OSError:
        return _LOOPBACK
    return address
