"""Where containers are for this machine, and where this machine is for containers."""

from __future__ import annotations

import ipaddress
import platform
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import ServiceError, hide_own_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

__tracebackhide__ = hide_own_errors

#: The name by which containers reach this machine: Docker Desktop's, and ours elsewhere.
HOST_NAME = "host.docker.internal"
_LOOPBACK = "127.0.0.1"
_ANY = "0.0.0.0"  # noqa: S104 - a remote daemon has no loopback that we could dial
#: How slirp4netns, rootless Docker's network, calls the machine's loopback.
_SLIRP_HOST = "10.0.2.2"
_SETTING = "--netchaos-docker-host"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What there is to know about a daemon and the way to it."""

    #: Its URL, as ``DOCKER_HOST`` would have it.
    url: str
    #: Its reply to ``GET /info``.
    info: Mapping[str, Any]
    #: The gateway of its default bridge: the machine's own address there. Empty if there is none.
    gateway: str = ""
    #: The address of this machine from which the daemon's is dialled.
    local_address: str = ""
    #: The gateway of the container that we are in, if the daemon is outside of it and shares its socket; else empty.
    outside: str = ""


@dataclass(frozen=True, slots=True)
class WayBack:
    """How containers reach a server in this process."""

    #: The address at which it has to listen.
    listen: str
    #: The name or address by which containers dial it.
    name: str


@dataclass(frozen=True, slots=True)
class Route:
    """The ways between this machine and its containers.

    Args:
        there: What there is to know.
        setting: What was set for ``--netchaos-docker-host``: the name or address by which containers reach this
            machine, or ``NAME@LISTEN`` where servers on this machine must listen at another address than that. Empty
            to find it out.
    """

    there: Surroundings
    setting: str = ""

    @property
    def is_local(self) -> bool:
        """Whether the daemon publishes ports on this machine's own loopback, where we can keep them for ourselves."""
        return self._is_socket and not self.there.outside

    @property
    def is_native(self) -> bool:
        """Whether containers share this machine's kernel and its network: ``network="host"`` is *this* host's."""
        return self.is_local and not self._is_desktop and not self._is_rootless

    @property
    def dial_host(self) -> str:
        """Where ports that containers publish are dialled."""
        if self.is_local:
            return _LOOPBACK
        return self.there.outside or urlsplit(self.there.url).hostname or _LOOPBACK

    @property
    def publish_at(self) -> str:
        """The address of the daemon's machine at which ports are published. Not to the world, if that can be helped."""
        if self.is_local:
            return _LOOPBACK
        return self.there.outside or (_LOOPBACK if self.dial_host in {_LOOPBACK, "localhost"} else _ANY)

    @property
    def way_back(self) -> WayBack:
        """How containers reach this machine.

        Raises:
            ServiceError: That can't be known; says how to set it, and what is probably right.
        """
        if self.setting:
            return _parse(self.setting)
        if self._is_desktop and self._is_socket:
            return WayBack(_LOOPBACK, HOST_NAME)
        if self.is_native and self.there.gateway:
            return WayBack(self.there.gateway, HOST_NAME)
        raise ServiceError(f"containers can't reach this machine without a setting: {self._help()}")

    @property
    def extra_hosts(self) -> dict[str, str]:
        """What containers are to be told: that `HOST_NAME` is this machine, wherever that is known."""
        if self._is_desktop:
            return {HOST_NAME: "host-gateway"}  # the daemon knows better than we
        try:
            address = ipaddress.ip_address(self.way_back.name if self.setting else self.way_back.listen)
        except (ServiceError, ValueError):
            return {}
        return {HOST_NAME: str(address)}

    @property
    def _is_socket(self) -> bool:
        return urlsplit(self.there.url).scheme in {"unix", "http+unix", "npipe"}

    @property
    def _is_desktop(self) -> bool:
        return "Docker Desktop" in str(self.there.info.get("OperatingSystem", ""))

    @property
    def _is_rootless(self) -> bool:
        return "name=rootless" in (self.there.info.get("SecurityOptions") or ())

    def _help(self) -> str:
        """What makes it work, for where we are."""
        address = self.there.local_address
        if address.startswith("127."):  # what containers call that is themselves
            address = ""
        if self.is_local and self._is_rootless:
            return (
                "Docker is rootless here, with a network of its own. Start it with "
                "DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false "
                f"(`systemctl --user edit docker`), and set {_SETTING}={_SLIRP_HOST}"
                + (f"; or set {_SETTING}={address}, this machine's address on its network" if address else "")
            )
        if self.is_local:
            return (
                "the daemon has no default bridge (--bridge=none). "
                f"Set {_SETTING} to an address of this machine that containers can dial"
            )
        place = "outside of this container" if self.there.outside else f"at {self.there.url}"
        guess = (
            f"{_SETTING}={address} is probably right: from that address this machine dials the daemon's"
            if address
            else f"set {_SETTING} to the address of this machine that can be dialled from there"
        )
        return f"the daemon is {place}. {guess[0].upper()}{guess[1:]}"


def survey(url: str, info: Mapping[str, Any], gateway: str) -> Surroundings:
    """Look around: the rest of what there is to know, from the system."""
    outside = _gateway_of_our_container(info) if urlsplit(url).scheme in {"unix", "http+unix"} else ""
    target = urlsplit(url).hostname or outside or "192.0.2.1"  # an address that nobody has: the default route
    return Surroundings(url, info, gateway, _address_towards(target), outside)


def gateway_of(network: Mapping[str, Any]) -> str:
    """The gateway of a network, which is the machine's own address there; empty if it has none.

    Args:
        network: What the daemon says of it.
    """
    for block in (network.get("IPAM") or {}).get("Config") or ():
        subnet = ipaddress.ip_network(block["Subnet"])
        if isinstance(subnet, ipaddress.IPv4Network):
            return str(block.get("Gateway") or subnet[1])  # which is what it defaults to
    return ""


def _parse(setting: str) -> WayBack:
    name, _, listen = setting.partition("@")
    if not listen and name == _SLIRP_HOST:
        return WayBack(_LOOPBACK, name)
    try:
        return WayBack(listen or str(ipaddress.ip_address(name)), name)
    except ValueError:
        return WayBack(_ANY, name)  # a name: which of our addresses it stands for is anybody's guess


def _address_towards(host: str) -> str:
    """This machine's own address on the way to a host; empty if there is no way. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _gateway_of_our_container(info: Mapping[str, Any]) -> str:
    """The machine's address, if we are in a container that was given the machine's Docker socket; else empty."""
    inside = Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()
    if not inside or info.get("Name") == platform.node():
        return ""
    try:
        return _default_gateway(Path("/proc/net/route").read_text())
    except OSError:
        return ""


def _default_gateway(table: str) -> str:
    """The default gateway in the kernel's table of routes, where addresses are hexadecimal and back to front."""
    for line in table.splitlines()[1:]:
        _, destination, gateway, *_ = line.split()
        if destination == "00000000" and gateway != "00000000":
            return str(ipaddress.ip_address(bytes.fromhex(gateway)[::-1]))
    return ""
