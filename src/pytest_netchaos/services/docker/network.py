"""Networks: one of an owner's own, and how a container joins one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .trouble import asking

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.networks import Network

    from .owner import Owner

#: Networks that Docker has by itself, where containers have no names.
_NAMELESS = frozenset({"host", "none", "bridge", "default"})


def create(client: DockerClient, owner: Owner, name: str) -> Network:
    """Make a network on which containers reach each other by name.

    Args:
        client: The daemon's.
        owner: Whose it is.
        name: One that nobody else has: the daemon allows two of a name, and then starts no container on either.

    Raises:
        ServiceError: The daemon can't make one.
    """
    with asking("make a network (`docker network prune` removes unused ones)"):
        made: Network = client.networks.create(name, driver="bridge", labels=owner.labels_now())
        made.reload()
    return made


def membership(client: DockerClient, network: str, alias: str) -> dict[str, Any]:
    """What a container is made with, to join a network.

    Args:
        client: The daemon's.
        network: The network's name.
        alias: A second name for the container there, if it is a network where containers have names.
    """
    if not alias or network in _NAMELESS:
        return {"network": network}
    endpoint = client.api.create_endpoint_config(aliases=[alias])
    return {"network": network, "networking_config": {network: endpoint}}
